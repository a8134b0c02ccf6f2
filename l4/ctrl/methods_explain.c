// SPDX-License-Identifier: BSD-3-Clause
// explain: a packet of our making, run through the very stages of the lanes on a lane of its own, that serves
// nobody: own flow table, own counters, and a trace.
#include "l4/ctrl/methods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/clock.h"
#include "l4/ctrl/explain_l7.h"
#include "l4/ctrl/explain_quic.h"
#include "l4/ctrl/flow_lookup.h"
#include "l4/data/csum.h"
#include "l4/data/pipeline.h"
#include "l4/data/trace.h"
#include "l4/data/wire.h"

enum {
	SCRATCH_FLOWS = 64,
	TTL = 64,
	WINDOW = 0xffff,
	HEADERS = sizeof(struct wire_eth) + sizeof(struct wire_ip6) + sizeof(struct wire_tcp),
};

struct scratch {
	struct stats stats;
	struct lane lane;
	struct trace trace;
	struct pkt pkt;
	uint8_t buf[PKT_HEADROOM + HEADERS + EXPLAIN_QUIC_MAX];
};

static int scratch_open(struct scratch **out, const struct control *c)
{
	struct scratch *s = calloc(1, sizeof(*s));
	struct lane_setup setup = {.n_lanes = 1, .n_flows = SCRATCH_FLOWS};
	int rc;

	if (!s)
		return -ENOMEM;
	rc = stats_open_private(&s->stats);
	if (rc)
		goto err_free;
	setup.stats = &s->stats;
	rc = lane_init(&s->lane, &setup);
	if (rc)
		goto err_stats;
	s->lane.trace = &s->trace;
	lane_publish(&s->lane, c->serving);
	lane_quiesce(&s->lane);
	lane_tick(&s->lane, clock_now_ns());
	*out = s;
	return 0;
err_stats:
	stats_close(&s->stats);
err_free:
	free(s);
	return rc;
}

static void scratch_close(struct scratch *s)
{
	lane_fini(&s->lane);
	stats_close(&s->stats);
	free(s);
}

// --- the packet ---

static size_t put_tcp(uint8_t *p, const struct pkt_key *k, uint8_t flags)
{
	struct wire_tcp tcp = {
		.sport = k->sport,
		.dport = k->dport,
		.data_offset = sizeof(tcp) / 4 << 4,
		.flags = flags,
		.window = be16_from(WINDOW),
	};

	memcpy(p, &tcp, sizeof(tcp));
	return sizeof(tcp);
}

static size_t put_udp(uint8_t *p, const struct pkt_key *k, const struct ctl_explain_params *params)
{
	struct wire_udp udp = {.sport = k->sport, .dport = k->dport};
	size_t len = sizeof(udp);

	if (params->key.protocol == PROTO_QUIC)
		len += explain_quic_put(p + sizeof(udp), params);
	udp.len = be16_from((uint16_t)len);
	memcpy(p, &udp, sizeof(udp));
	return len;
}

static void put_l4_csum(uint8_t *p, const struct pkt_key *k, size_t len)
{
	uint64_t acc = k->family == ADDR_IP4
	                       ? csum_pseudo4(be32_of_raw(k->src[0]), be32_of_raw(k->dst[0]),
	                                      k->proto, (uint16_t)len)
	                       : csum_pseudo6(k->src, k->dst, k->proto, (uint32_t)len);
	bool is_tcp = k->proto == IPPROTO_NUM_TCP;
	be16 csum;

	acc = csum_add(acc, p, len);
	csum = is_tcp ? csum_finish(acc) : csum_finish_udp(acc);
	memcpy(p + (is_tcp ? offsetof(struct wire_tcp, csum) : offsetof(struct wire_udp, csum)),
	       &csum, sizeof(csum));
}

static void put_ip4(uint8_t *p, const struct pkt_key *k, size_t payload)
{
	struct wire_ip4 ip = {
		.version_ihl = 0x45,
		.total_len = be16_from((uint16_t)(sizeof(ip) + payload)),
		.ttl = TTL,
		.proto = k->proto,
		.src = be32_of_raw(k->src[0]),
		.dst = be32_of_raw(k->dst[0]),
	};

	ip.csum = csum_finish(csum_add(0, &ip, sizeof(ip)));
	memcpy(p, &ip, sizeof(ip));
}

static void put_ip6(uint8_t *p, const struct pkt_key *k, size_t payload)
{
	struct wire_ip6 ip = {
		.version_class_label = be32_from(UINT32_C(6) << 28),
		.payload_len = be16_from((uint16_t)payload),
		.next = k->proto,
		.hop_limit = TTL,
	};

	memcpy(ip.src, k->src, sizeof(ip.src));
	memcpy(ip.dst, k->dst, sizeof(ip.dst));
	memcpy(p, &ip, sizeof(ip));
}

static void build(struct scratch *s, const struct control *c,
                  const struct ctl_explain_params *params, uint8_t tcp_flags)
{
	struct pkt_key key;
	uint8_t *frame = s->buf + PKT_HEADROOM;
	bool is_ip4 = params->key.source.family == ADDR_IP4;
	size_t ip_len = is_ip4 ? sizeof(struct wire_ip4) : sizeof(struct wire_ip6);
	struct wire_eth eth = {.type = be16_from(is_ip4 ? ETH_TYPE_IP4 : ETH_TYPE_IP6)};
	uint8_t *ip = frame + sizeof(eth), *l4 = ip + ip_len;
	size_t len;

	flow_lookup_key(&key, &params->key);
	len = key.proto == IPPROTO_NUM_TCP ? put_tcp(l4, &key, tcp_flags)
	                                   : put_udp(l4, &key, params);
	put_l4_csum(l4, &key, len);
	if (is_ip4)
		put_ip4(ip, &key, len);
	else
		put_ip6(ip, &key, len);
	memcpy(eth.dst, c->ports[0].mac.byte, sizeof(eth.dst));
	eth.src[0] = 0x02; // a locally administered last hop, nobody's
	memcpy(frame, &eth, sizeof(eth));
	pkt_init(&s->pkt, frame, (uint16_t)(sizeof(eth) + ip_len + len), 0, NULL);
}

// --- the flow ---

// Puts the living flow where the scratch lane will find it, from either side.
static void adopt(struct scratch *s, const struct control *c, const struct flow_lookup *found,
                  uint8_t family)
{
	struct lane *lane = &s->lane;
	struct flow_table *t = lane_flows(lane, family);
	struct snat_index *x = &lane->snat.index[family == ADDR_IP6];
	struct pkt_key k = {.sport = found->copy.f.port, .family = family};
	struct flow_clock clock = {.now_s = lane->now_s, .timeout_s = lane->snap->timeout_s};
	struct flow_victim victim;
	struct snat_key nat;
	struct flow *f;

	memcpy(k.src, found->copy.addr, sizeof(k.src));
	f = flow_insert(t, flow_hash(t, k.src, k.sport, found->service), &k, found->service, &clock,
	                &victim);
	if (!f)
		return;
	*f = found->copy.f;
	// Its age by our clock, which may be behind the lane's.
	f->seen_s = (uint16_t)(lane->now_s - found->age_s);
	lane->returns = c->lanes[found->lane]->returns;
	if (!be16_raw(f->snat_port))
		return;
	nat = (struct snat_key){
		.backend = f->backend, .address = flow_snat(f), .port = f->snat_port};
	x->bucket[hash_range((uint32_t)(snat_hash(x, &nat) >> 32), x->n_buckets)][0] =
		flow_slot(t, f) + 1;
}

// --- the answer ---

static void fill_names(struct ctl_explain *out, const struct scratch *s, const struct control *c)
{
	const struct pkt *p = &s->pkt;
	const struct roster_backend *b = &c->roster.backends[p->backend];

	if (p->service != PKT_NO_SERVICE)
		snprintf(out->service, sizeof(out->service), "%s",
		         s->lane.snap->services[p->service].name);
	if (!p->backend || p->backend >= c->roster.n_backends)
		return;
	snprintf(out->pool, sizeof(out->pool), "%s", b->pool);
	snprintf(out->backend, sizeof(out->backend), "%s", b->name);
}

static int fill(struct methods_call *call, const struct scratch *s, const struct flow_lookup *found)
{
	struct ctl_explain *out = &call->result.explain;
	const struct pkt *p = &s->pkt;

	snprintf(out->verdict, sizeof(out->verdict), "%s", stats_verdict_names[p->verdict]);
	snprintf(out->reason, sizeof(out->reason), "%s", stats_reason_names[p->reason]);
	snprintf(out->help, sizeof(out->help), "%s", stats_reason_helps[p->reason]);
	fill_names(out, s, call->control);
	if (found)
		out->lane = found->lane;
	if (found || p->is_new)
		snprintf(out->flow, sizeof(out->flow), "%s", found ? "living" : "new");
	out->generation = s->lane.snap->generation;
	for (uint8_t i = 0; i < s->trace.n_steps; i++) {
		struct ctl_step *step = methods_row(call, &out->steps, "steps");

		if (!step)
			return -ENOMEM;
		snprintf(step->stage, sizeof(step->stage), "%s", s->trace.step[i].stage);
		snprintf(step->text, sizeof(step->text), "%s", s->trace.step[i].text);
	}
	if (p->service == PKT_NO_SERVICE)
		return 0;
	return explain_l7_add(call, p->service, p->backend);
}

int methods_explain(struct methods_call *call)
{
	const struct ctl_explain_params *params = &call->params->explain_params;
	const struct ctl_flow_key *key = &params->key;
	const struct control *c = call->control;
	struct flow_lookup found;
	struct scratch *s;
	bool is_living;
	int rc;

	if (key->source.family != key->destination.family)
		return err_set(&call->err, -EINVAL,
		               "source and destination are of different families");
	rc = explain_quic_check(params, &call->err);
	if (rc)
		return rc;
	if (!c->serving)
		return err_set(&call->err, -EAGAIN, "nothing is served yet");
	rc = scratch_open(&s, c);
	if (rc)
		return err_set(&call->err, rc, "no lane to try it on: %s", strerror(-rc));
	is_living = flow_lookup_client(c, key, &found) || flow_lookup_reply(c, key, &found);
	if (is_living)
		adopt(s, c, &found, key->source.family);
	build(s, c, params, is_living ? TCP_ACK : TCP_SYN);
	pipeline_run(&s->lane, &s->pkt, 1);
	rc = fill(call, s, is_living ? &found : NULL);
	scratch_close(s);
	return rc;
}
