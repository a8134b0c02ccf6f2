// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/select_nat.h"

#include <errno.h>
#include <string.h>

#include "l4/data/select.h"
#include "l4/data/select_quic.h"
#include "l4/data/trace.h"
#include "l4/data/wire.h"

static struct snat_index *index_of(struct snat *s, uint8_t family)
{
	return &s->index[family == ADDR_IP6];
}

static const uint8_t *source_mac(const struct pkt *p)
{
	return ((const struct wire_eth *)p->data)->src;
}

// A return path that no living flow can name may be given to another neighbour.
static struct flow_clock path_clock(const struct lane *lane)
{
	return (struct flow_clock){.now_s = lane->now_s, .timeout_s = lane->snap->timeout_s};
}

bool select_nat_open(struct lane *lane, struct pkt *p, struct flow *f)
{
	struct flow_clock clock = {.now_s = lane->now_s, .timeout_s = lane->snap->timeout_s};
	struct flow_table *t = lane_flows(lane, p->key.family);
	uint32_t n_flows = t->n_flows;
	uint16_t path = return_path_get(&lane->returns, source_mac(p), p->port, path_clock(lane));
	int rc;

	if (!path) {
		pkt_drop(p, REASON_RETURN_PATH);
		return false;
	}
	f->bits = flow_bits(FLOW_NONE, 0, path);
	rc = snat_assign(&lane->snat, index_of(&lane->snat, p->key.family), f, lane->snap, &clock,
	                 select_hash(&p->key));
	lane->count->flow_evictions += n_flows - t->n_flows;
	if (rc)
		pkt_drop(p, rc == -EADDRNOTAVAIL ? REASON_NAT_NO_ADDRESS : REASON_NAT_NO_PORT);
	else if (unlikely(lane->trace))
		trace_add(lane->trace, "select", "our port towards the backend is %u",
		          be16_to(f->snat_port));
	return rc == 0;
}

void select_nat_touch(struct lane *lane, const struct pkt *p, struct flow *f)
{
	uint16_t path = flow_return_path(f);

	if (return_path_is(&lane->returns, path, source_mac(p), p->port, lane->now_s))
		return;
	path = return_path_get(&lane->returns, source_mac(p), p->port, path_clock(lane));
	if (path) // otherwise the old one is the best there is
		f->bits = flow_bits(flow_state(f), flow_snat(f), path);
}

// Backends of several pools may share an address and port; any of them stands for the server.
static uint16_t backend_id(const struct lane *lane, const struct pkt *p)
{
	struct addr a = {.family = p->key.family};

	memcpy(a.word, p->key.src, sizeof(a.word));
	return snapshot_backend_by_addr(lane->snap, &a, p->key.sport);
}

static bool is_mine(const struct lane *lane, const struct pkt *p)
{
	return snat_owner(be16_to(p->key.dport), lane->snap->snat_first, lane->n_lanes) ==
	       lane->index;
}

void select_nat_prefetch(const struct lane *lane, const struct pkt *p)
{
	const struct snat_index *x = &lane->snat.index[p->key.family == ADDR_IP6];
	struct snat_key k = {.backend = backend_id(lane, p), .port = p->key.dport};

	if (!k.backend || !is_mine(lane, p))
		return;
	k.address = snat_number(lane->snap, p->snat);
	snat_prefetch(x, snat_hash(x, &k));
}

static struct flow *find_flow(struct lane *lane, const struct pkt *p, uint16_t id)
{
	const struct snat_index *x = index_of(&lane->snat, p->key.family);
	struct snat_key k = {
		.backend = id, .address = snat_number(lane->snap, p->snat), .port = p->key.dport};
	struct flow *f = snat_find(x, &k);
	const struct snap_backend *b = f ? &lane->snap->backends[f->backend] : NULL;

	// The index knows servers by a hash.
	if (!b || b->l4_port != p->key.sport ||
	    memcmp(b->address.word, p->key.src, sizeof(b->address.word)) != 0)
		return NULL;
	return f;
}

static enum flow_state state_after_reply(enum flow_state state, const struct pkt *p)
{
	if (p->kind == PKT_UDP)
		return FLOW_UDP;
	if (p->tcp_flags & TCP_RST)
		return FLOW_RESET;
	if (p->tcp_flags & TCP_FIN)
		return FLOW_CLOSING;
	if (state == FLOW_RESET)
		return FLOW_ESTABLISHED;
	return state == FLOW_OPENING ? FLOW_ANSWERED : state;
}

// The server's side of the state: its FIN or RST ends the flow, anything else shows that it lives.
static void touch_reply(const struct lane *lane, const struct pkt *p, struct flow *f)
{
	if (p->kind == PKT_ICMP_ERROR)
		return;
	flow_set_state(f, state_after_reply(flow_state(f), p));
	f->seen_s = lane->now_s;
}

void select_nat_reply(struct lane *lane, struct pkt *p)
{
	uint16_t id, service;
	struct flow *f;

	if (!is_mine(lane, p)) {
		p->to_lane =
			snat_owner(be16_to(p->key.dport), lane->snap->snat_first, lane->n_lanes);
		return;
	}
	id = backend_id(lane, p);
	if (!id)
		return pkt_drop(p, REASON_NAT_NOT_BACKEND);
	f = find_flow(lane, p, id);
	if (!f || flow_is_expired(f, lane->now_s, lane->snap->timeout_s))
		return pkt_drop(p, REASON_NAT_NO_FLOW);
	service = lane->snap->service_by_id[f->service & FLOW_SERVICE_ID];
	if (service == PKT_NO_SERVICE || lane->snap->services[service].ip_proto != p->key.proto)
		return pkt_drop(p, REASON_NAT_NO_FLOW);
	p->service = service;
	p->backend = f->backend;
	p->nat.snat_port = f->snat_port;
	p->nat.return_path = flow_return_path(f);
	p->nat.client_port = f->port;
	flow_client(lane_flows(lane, p->key.family), f, p->nat.client);
	touch_reply(lane, p, f);
	if (p->kind == PKT_UDP && lane->snap->services[service].protocol == PROTO_QUIC)
		select_quic_learn(lane, p);
	if (unlikely(lane->trace))
		trace_add(lane->trace, "select", "answer of backend %s to a flow of service %s",
		          lane->snap->backends[id].name, lane->snap->services[service].name);
}
