// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/select_quic.h"

#include <stdio.h>

#include "l4/data/quic.h"
#include "l4/data/quic_route.h"
#include "l4/data/trace.h"
#include "l4/data/wire.h"

// What is known of the QUIC packets of a burst; [i] goes with pkts[i].
struct quic_burst {
	const uint8_t *cid[PKT_BURST];                  // NULL: no QUIC, or no connection ID
	const struct quic_lb_config *config[PKT_BURST]; // NULL: not decodable
	struct quic_lb_sid sid[PKT_BURST];
	uint8_t len[PKT_BURST];   // octets at cid
	bool is_exact[PKT_BURST]; // it has just these; otherwise (short header) at most
};

static MUST_INLINE struct service_counters *counters_of(struct lane *lane, const struct pkt *p)
{
	return &lane->services[lane_service(lane, p)->id];
}

static MUST_INLINE bool is_quic(const struct lane *lane, const struct pkt *p)
{
	return !pkt_is_ended(p) && p->role == ROLE_CLIENT &&
	       lane_service(lane, p)->protocol == PROTO_QUIC;
}

static void count_kind(struct lane *lane, enum quic_kind kind)
{
	static const uint16_t counters[QUIC_KIND_COUNT] = {
		[QUIC_KIND_NONE] = offsetof(struct lane_counters, quic_other),
		[QUIC_INITIAL] = offsetof(struct lane_counters, quic_initial),
		[QUIC_0RTT] = offsetof(struct lane_counters, quic_0rtt),
		[QUIC_HANDSHAKE] = offsetof(struct lane_counters, quic_handshake),
		[QUIC_RETRY] = offsetof(struct lane_counters, quic_retry),
		[QUIC_SHORT] = offsetof(struct lane_counters, quic_1rtt),
		[QUIC_VERSION_NEGOTIATION] = offsetof(struct lane_counters, quic_other),
		[QUIC_UNKNOWN_VERSION] = offsetof(struct lane_counters, quic_other),
	};

	++*(uint64_t *)((char *)lane->count + counters[kind]);
}

// The UDP payload, as far as it is there: all of it, or what an ICMP error carries of it.
static struct slice payload_of(const struct pkt *p)
{
	bool is_error = p->kind == PKT_ICMP_ERROR;
	uint16_t l4 = is_error ? p->inner_l4 : p->l4;
	const struct wire_udp *udp = (const void *)(p->data + l4);
	size_t len = be16_to(udp->len), there = (size_t)(p->end - l4);

	if (len > there) // an error quotes a part; behind it may be extensions (RFC 4884)
		len = there;
	return slice_of(p->data + l4 + sizeof(*udp), len > sizeof(*udp) ? len - sizeof(*udp) : 0);
}

static void take_cid(struct quic_burst *b, uint32_t i, const uint8_t *cid, uint8_t len)
{
	b->cid[i] = cid;
	b->len[i] = len;
}

// Reads the header; finds the server's connection ID. In an ICMP error that is the source, since
// the packet inside came from the server, and short headers have none (RFC 9000, section 14.4).
static MUST_INLINE void read_header(struct lane *lane, struct quic_burst *b, struct pkt *p,
                                    uint32_t i)
{
	struct slice quic = payload_of(p);
	struct quic_hdr h;
	bool is_quic_packet = quic_parse(&h, quic.ptr, quic.len) == QUIC_OK;

	if (p->kind == PKT_UDP && !p->hops) // counted by the lane that received it
		count_kind(lane, !is_quic_packet ? QUIC_KIND_NONE
		                 : h.is_long     ? quic_kind(&h)
		                                 : QUIC_SHORT);
	if (!is_quic_packet)
		return;
	b->is_exact[i] = h.is_long;
	if (p->kind == PKT_UDP) {
		p->is_quic_short = !h.is_long;
		take_cid(b, i, quic.ptr + h.dcid_off, h.dcid_len);
	} else if (h.is_long) {
		take_cid(b, i, quic.ptr + h.scid_off, h.scid_len);
	}
}

static MUST_INLINE void find_config(struct lane *lane, struct quic_burst *b, const struct pkt *p,
                                    uint32_t i)
{
	const struct quic_route *route = lane_service(lane, p)->quic;
	enum quic_lb_fit fit;

	if (!route || !b->cid[i])
		return;
	b->config[i] = quic_route_pick(route, b->cid[i], b->len[i], &fit);
	if (b->config[i])
		return;
	counters_of(lane, p)->quic_no_config += fit == QUIC_LB_NO_CONFIG && !p->hops;
	counters_of(lane, p)->quic_short_cid += fit == QUIC_LB_TOO_SHORT && !p->hops;
	if (unlikely(lane->trace))
		trace_add(lane->trace, "select", "connection id is not routable: %s",
		          fit == QUIC_LB_NO_CONFIG ? "no configuration has its rotation bits"
		                                   : "shorter than its configuration's");
}

static void trace_sid(const struct lane *lane, const struct quic_burst *b, uint32_t i, uint16_t id)
{
	const uint8_t *octets = (const uint8_t *)b->sid[i].word;
	char hex[2 * QUIC_LB_MAX_SERVER_ID + 1] = "";

	for (int k = 0; k < b->config[i]->server_id_len; k++)
		snprintf(hex + 2 * (size_t)k, 3, "%02x", octets[k]);
	trace_add(lane->trace, "select", "connection id of configuration %u names server %s: %s",
	          b->config[i]->config_id, hex,
	          id == QUIC_LB_NO_BACKEND ? "no such backend" : lane->snap->backends[id].name);
}

static MUST_INLINE void route_one(struct lane *lane, const struct quic_burst *b, struct pkt *p,
                                  uint32_t i)
{
	const struct quic_route *r = lane_service(lane, p)->quic;
	uint16_t id = quic_lb_table_find(&r->table[b->config[i]->config_id], &b->sid[i]);

	if (unlikely(lane->trace))
		trace_sid(lane, b, i, id);
	if (id == QUIC_LB_NO_BACKEND) {
		counters_of(lane, p)->quic_no_server += !p->hops;
		return;
	}
	if (!(lane->snap->backends[id].flags & BACKEND_OLD)) {
		counters_of(lane, p)->quic_down += !p->hops;
		return;
	}
	p->backend = id;
	p->by = BY_CID;
}

static struct cid_clock clock_of(const struct lane *lane)
{
	return (struct cid_clock){.now_s = lane->now_s,
	                          .timeout_s = lane->snap->timeout_s[FLOW_UDP]};
}

// A server that chose the connection ID itself.
static MUST_INLINE void recall(struct lane *lane, const struct quic_burst *b, struct pkt *p,
                               uint32_t i)
{
	const struct snap_service *s = lane_service(lane, p);
	uint16_t id;

	if (p->by == BY_CID || !b->cid[i] || s->forward != FORWARD_NAT ||
	    cid_table_is_empty(&lane->cids))
		return;
	id = cid_table_find(&lane->cids, s->id, b->cid[i], b->len[i], b->is_exact[i],
	                    clock_of(lane));
	if (!id || !(lane->snap->backends[id].flags & BACKEND_OLD))
		return;
	p->backend = id;
	p->by = BY_LEARNED;
	if (unlikely(lane->trace))
		trace_add(lane->trace, "select", "connection id was learned from backend %s",
		          lane->snap->backends[id].name);
}

void select_quic_burst(struct lane *lane, struct pkt *pkts, uint32_t n)
{
	struct quic_burst b;
	bool any = false;

	for (uint32_t i = 0; i < n; i++) {
		b.cid[i] = NULL;
		b.config[i] = NULL;
		if (!is_quic(lane, &pkts[i]))
			continue;
		read_header(lane, &b, &pkts[i], i);
		find_config(lane, &b, &pkts[i], i);
		any |= b.cid[i] != NULL;
	}
	if (!any)
		return;
	quic_lb_decode_mixed(b.config, b.cid, n, b.sid);
	for (uint32_t i = 0; i < n; i++)
		if (b.config[i])
			quic_lb_table_prefetch(
				&lane_service(lane, &pkts[i])->quic->table[b.config[i]->config_id],
				&b.sid[i]);
	for (uint32_t i = 0; i < n; i++) {
		if (b.config[i])
			route_one(lane, &b, &pkts[i], i);
		if (b.cid[i])
			recall(lane, &b, &pkts[i], i);
	}
}

// By QUIC-LB. A server that does not speak it may choose a connection ID that only looks like it.
static bool names_server(const struct quic_route *r, const uint8_t *cid, uint8_t len)
{
	enum quic_lb_fit fit;
	const struct quic_lb_config *c = quic_route_pick(r, cid, len, &fit);
	struct quic_lb_sid sid;

	if (!c)
		return false;
	quic_lb_decode_burst(c, &cid, 1, &sid);
	return quic_lb_table_find(&r->table[c->config_id], &sid) != QUIC_LB_NO_BACKEND;
}

void select_quic_learn(struct lane *lane, const struct pkt *p)
{
	const struct snap_service *s = lane_service(lane, p);
	struct slice quic = payload_of(p);
	struct cid_entry what = {.service = s->id, .backend = p->backend};
	struct quic_hdr h;

	if (quic_parse(&h, quic.ptr, quic.len) != QUIC_OK || !h.is_long || !be32_raw(h.version))
		return;
	if (s->quic && names_server(s->quic, quic.ptr + h.scid_off, h.scid_len))
		return;
	what.len = h.scid_len;
	cid_table_learn(&lane->cids, &what, quic.ptr + h.scid_off, clock_of(lane));
}

void select_quic_count(struct lane *lane, const struct pkt *pkts, uint32_t n)
{
	static const uint16_t counters[] = {
		[BY_TABLE] = offsetof(struct service_counters, quic_table),
		[BY_HASH] = offsetof(struct service_counters, quic_hash),
		[BY_CID] = offsetof(struct service_counters, quic_cid),
		[BY_LEARNED] = offsetof(struct service_counters, quic_learned),
	};

	for (uint32_t i = 0; i < n; i++) {
		const struct pkt *p = &pkts[i];

		if (is_quic(lane, p) && p->to_lane == PKT_THIS_LANE)
			++*(uint64_t *)((char *)counters_of(lane, p) + counters[p->by]);
	}
}
