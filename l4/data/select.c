// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/select.h"

#include "l4/data/select_flow.h"
#include "l4/data/select_nat.h"
#include "l4/data/select_quic.h"
#include "l4/data/wire.h"

// The same on every node and for ever: changing it moves every flow that no table protects. Any
// number but HASH_K2, which hash_mix() would cancel out.
enum { SELECT_SEED = 47 };

uint64_t select_hash(const struct pkt_key *key)
{
	uint64_t ports = (uint64_t)be16_raw(key->sport) << 32 |
	                 (uint64_t)be16_raw(key->dport) << 16 | key->proto;

	if (key->family == ADDR_IP4)
		return hash_mix((uint64_t)key->src[0] << 32 | key->dst[0], ports, SELECT_SEED);
	return hash_mix(hash_mix(key->src[0] | (uint64_t)key->src[1] << 32,
	                         key->src[2] | (uint64_t)key->src[3] << 32, ports),
	                hash_mix(key->dst[0] | (uint64_t)key->dst[1] << 32,
	                         key->dst[2] | (uint64_t)key->dst[3] << 32, SELECT_SEED),
	                ports);
}

// What a burst asks of the flow table; [i] goes with pkts[i].
struct lookups {
	void *first[PKT_BURST];   // the bucket to look in first, NULL: there is nothing to look for
	uint64_t hash[PKT_BURST]; // of the flow; meaningless without a bucket, as is the next
	uint64_t key4[PKT_BURST]; // IPv4
	uint8_t rest[PKT_BURST];  // [n_rest], index of a packet that the second pass leaves open
	uint32_t n_rest;
	uint32_t n_hits; // packets that it did not
};

static MUST_INLINE bool wants_table(const struct snap_service *s, const struct pkt *p)
{
	return s->flow_table && !(p->by == BY_CID && s->forward != FORWARD_NAT);
}

// First pass: where in the tables, and fetch it. All fetches in a row: each may have to wait for an
// address translation, and so several do at a time.
static MUST_INLINE void locate_one(struct lane *lane, const struct pkt *p, uint32_t i,
                                   struct lookups *todo)
{
	const struct flow_table *t = lane_flows(lane, p->key.family);
	uint16_t service = lane_service(lane, p)->id;

	if (p->key.family == ADDR_IP4) {
		todo->key4[i] = flow_key4(p->key.src[0], p->key.sport, service);
		todo->hash[i] = flow_hash4(t, todo->key4[i]);
	} else {
		todo->hash[i] = flow_hash6(t, p->key.src, p->key.sport, service);
	}
	todo->first[i] = flow_bucket(t, (uint32_t)(todo->hash[i] >> 32));
}

static MUST_INLINE void locate(struct lane *lane, const struct pkt *pkts, uint32_t n,
                               struct lookups *todo)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct pkt *p = &pkts[i];

		todo->first[i] = NULL;
		if (pkt_is_ended(p))
			continue;
		if (p->role == ROLE_CLIENT && wants_table(lane_service(lane, p), p))
			locate_one(lane, p, i, todo);
		else if (p->role == ROLE_REPLY)
			select_nat_prefetch(lane, p);
	}
	for (uint32_t i = 0; i < n; i++)
		if (todo->first[i])
			prefetch(todo->first[i]);
}

static MUST_INLINE struct flow *find_first(const struct lane *lane, const struct pkt *p,
                                           const struct lookups *todo, uint32_t i)
{
	if (p->key.family == ADDR_IP4)
		return flow_find4(todo->first[i], todo->key4[i]);
	return flow_find6(todo->first[i], p->key.src, p->key.sport, lane_service(lane, p)->id);
}

// The plain case, most packets: an established dsr connection goes on. All others take the long
// way.
static MUST_INLINE bool goes_on(struct pkt *p, struct flow *f, const struct snapshot *snap,
                                uint16_t now_s)
{
	if (p->kind != PKT_TCP || p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST) ||
	    flow_state(f) != FLOW_ESTABLISHED || be16_raw(f->snat_port))
		return false;
	if (!(snap->backends[f->backend].flags & BACKEND_OLD))
		return false;
	if (f->seen_s != now_s) { // once a second
		if ((uint16_t)(now_s - f->seen_s) > snap->timeout_s[FLOW_ESTABLISHED])
			return false;
		f->seen_s = now_s;
	}
	p->backend = f->backend;
	return true;
}

// Second pass: most living flows are in their first bucket, and most packets plain. These are decided
// at once, up to the first that is not: what becomes of it may matter to those behind it.
static MUST_INLINE void look_first(struct lane *lane, struct pkt *pkts, uint32_t n,
                                   struct lookups *todo)
{
	const struct snapshot *snap = lane->snap;
	uint16_t now_s = lane->now_s;
	bool only_plain = !lane->trace; // so far

	todo->n_rest = todo->n_hits = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct pkt *p = &pkts[i];

		if (todo->first[i]) {
			struct flow *f = find_first(lane, p, todo, i);

			if (f && only_plain && goes_on(p, f, snap, now_s)) {
				todo->n_hits++;
				continue;
			}
			p->flow = f;
			if (!f)
				flow_prefetch_second(lane_flows(lane, p->key.family),
				                     todo->hash[i]);
		} else if (pkt_is_ended(p)) {
			continue;
		}
		only_plain = false;
		todo->rest[todo->n_rest++] = (uint8_t)i;
	}
}

// Third pass.
static MUST_INLINE void decide_rest(struct lane *lane, struct pkt *pkts, struct lookups *todo)
{
	uint64_t n_inserts = lane->count->flow_inserts;

	for (uint32_t k = 0; k < todo->n_rest; k++) {
		uint32_t i = todo->rest[k];
		struct pkt *p = &pkts[i];

		// An insertion of this burst may have evicted the entry, a packet before may have
		// removed it: look again.
		if (lane->count->flow_inserts != n_inserts || (p->flow && !p->flow->service))
			p->flow = NULL;
		if (p->flow && !lane->trace && goes_on(p, p->flow, lane->snap, lane->now_s))
			todo->n_hits++;
		else if (p->role == ROLE_CLIENT)
			select_flow(lane, p, todo->hash[i]);
		else if (p->role == ROLE_REPLY)
			select_nat_reply(lane, p);
	}
	lane->count->flow_hits += todo->n_hits;
}

void select_burst(struct lane *lane, struct pkt *pkts, uint32_t n)
{
	struct lookups todo;

	HOT_ASSERT(n <= PKT_BURST);
	if (lane->snap->has_quic)
		select_quic_burst(lane, pkts, n);
	locate(lane, pkts, n, &todo);
	look_first(lane, pkts, n, &todo);
	decide_rest(lane, pkts, &todo);
	if (lane->snap->has_quic)
		select_quic_count(lane, pkts, n);
}
