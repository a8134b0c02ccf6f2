// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/select_flow.h"

#include "l4/data/select.h"
#include "l4/data/select_nat.h"
#include "l4/data/select_quic.h"
#include "l4/data/trace.h"
#include "l4/data/wire.h"

static MUST_INLINE const struct snap_backend *backend_of(const struct lane *lane, uint16_t id)
{
	// Ids only grow in a roster, so an id of an older snapshot is below n_backends; flags are 0
	// for one that is gone for good.
	HOT_ASSERT(id < lane->snap->n_backends);
	return &lane->snap->backends[id];
}

static bool is_first_syn(const struct pkt *p)
{
	return p->kind == PKT_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

// May a flow in this state stay with this backend?
static bool may_stay(const struct snap_service *s, const struct snap_backend *b,
                     enum flow_state state)
{
	unsigned need = BACKEND_OLD;

	// Without a connection there is little to lose elsewhere. A handshake in flight stays with
	// a draining backend: its SYN is answered already. QUIC has connections.
	if ((state == FLOW_UDP && s->protocol != PROTO_QUIC) || state == FLOW_OPENING)
		need |= BACKEND_STEADY | BACKEND_HOP;
	return (b->flags & need) == need;
}

// What a segment that neither begins nor ends a connection makes of a flow. One that was met in the
// middle (after a restart) begins as half-open too: a flood of lone ACKs must not fill the table
// for an hour. With nat we see the server's side, and an established flow is one that both sides
// agree on.
static const uint8_t after_ack_dsr[FLOW_STATE_COUNT] = {
	[FLOW_NONE] = FLOW_OPENING,
	[FLOW_CLOSING] = FLOW_CLOSING,
	[FLOW_RESET] = FLOW_ESTABLISHED,
	[FLOW_OPENING] = FLOW_ESTABLISHED,
	[FLOW_ANSWERED] = FLOW_ESTABLISHED,
	[FLOW_UDP] = FLOW_UDP,
	[FLOW_ESTABLISHED] = FLOW_ESTABLISHED,
};
static const uint8_t after_ack_nat[FLOW_STATE_COUNT] = {
	[FLOW_NONE] = FLOW_OPENING,
	[FLOW_CLOSING] = FLOW_CLOSING,
	[FLOW_RESET] = FLOW_ESTABLISHED,
	[FLOW_OPENING] = FLOW_OPENING,
	[FLOW_ANSWERED] = FLOW_ESTABLISHED,
	[FLOW_UDP] = FLOW_UDP,
	[FLOW_ESTABLISHED] = FLOW_ESTABLISHED,
};

static enum flow_state next_state(enum flow_state state, const struct pkt *p, bool is_nat)
{
	if (p->kind == PKT_UDP)
		return is_nat && state < FLOW_UDP ? FLOW_OPENING : FLOW_UDP;
	if (p->tcp_flags & TCP_RST)
		return FLOW_RESET;
	if (p->tcp_flags & TCP_FIN)
		return FLOW_CLOSING;
	if (p->tcp_flags & TCP_SYN)
		return state > FLOW_OPENING ? state : FLOW_OPENING;
	return is_nat ? after_ack_nat[state] : after_ack_dsr[state];
}

static void take_flow(struct pkt *p, const struct flow *f)
{
	p->backend = f->backend;
	p->nat.snat_port = f->snat_port;
	p->nat.snat = flow_snat(f);
}

static void touch(struct lane *lane, struct pkt *p, struct flow *f)
{
	enum flow_state state = flow_state(f);
	enum flow_state next = next_state(state, p, be16_raw(f->snat_port) != 0);

	if (next != state)
		flow_set_state(f, next);
	f->seen_s = lane->now_s;
	take_flow(p, f);
}

// The backend for a flow that has none yet; 0 after dropping the packet.
static uint16_t pick(struct lane *lane, struct pkt *p, enum reason if_none)
{
	const struct snap_service *s = lane_service(lane, p);
	uint64_t hash;
	uint16_t id;

	if (p->backend) // a connection ID said so
		return p->backend;
	hash = select_hash(&p->key);
	id = maglev_pick(s->maglev, (uint32_t)(hash >> 32));
	p->by = BY_HASH;
	if (id == MAGLEV_NONE) {
		pkt_drop(p, if_none);
		return 0;
	}
	if (unlikely(lane->trace))
		trace_add(lane->trace, "select", "hash %016llx of the 5-tuple gives backend %s",
		          (unsigned long long)hash, lane->snap->backends[id].name);
	return id;
}

// A new flow in a slot of its own: `f` has its key and nothing else.
static void open_flow(struct lane *lane, struct pkt *p, struct flow *f, enum reason if_none)
{
	const struct snap_service *s = lane_service(lane, p);
	uint16_t id = pick(lane, p, if_none);

	if (!id) {
		flow_remove(lane_flows(lane, p->key.family), f);
		return;
	}
	f->backend = id;
	flow_set_port(lane_flows(lane, p->key.family), f, be16_from(0));
	f->bits = flow_bits(FLOW_NONE, 0, 0);
	f->seen_s = lane->now_s;
	if (s->forward == FORWARD_NAT && !select_nat_open(lane, p, f)) {
		flow_remove(lane_flows(lane, p->key.family), f);
		return;
	}
	p->is_new = true;
	touch(lane, p, f);
}

static void count_victim(struct lane *lane, const struct flow_victim *v)
{
	if (!v->f.service)
		return;
	if (v->was_expired)
		lane->count->flow_expiries++;
	else
		lane->count->flow_evictions++;
}

// Forwarded by hash alone: the service wants it so, or the table is full, or the packet opens
// nothing.
static void without_flow(struct lane *lane, struct pkt *p)
{
	p->backend = pick(lane, p, REASON_POOL_EMPTY);
	p->is_new = p->backend && is_first_syn(p);
}

// A nat flow for a connection that is under way.
static void count_migration(struct lane *lane, const struct pkt *p)
{
	lane->services[lane_service(lane, p)->id].quic_migrations += p->backend && p->is_quic_short;
}

// Puts a flow that is not there into the table, under the service's id or with FLOW_BY_CID.
static void enter(struct lane *lane, struct pkt *p, uint64_t hash, uint16_t key)
{
	const struct snap_service *s = lane_service(lane, p);
	struct flow_clock clock = {.now_s = lane->now_s, .timeout_s = lane->snap->timeout_s};
	struct flow_victim victim;
	struct flow *f;

	if (!p->backend && s->maglev->slot[0] == MAGLEV_NONE) // of an empty pool all slots are
		return pkt_drop(p, REASON_POOL_EMPTY);
	f = flow_insert(lane_flows(lane, p->key.family), hash, &p->key, key, &clock, &victim);
	if (!f && s->forward == FORWARD_NAT)
		return pkt_drop(p, REASON_FLOW_TABLE_FULL);
	if (!f) {
		lane->count->flow_full++;
		return without_flow(lane, p);
	}
	if (victim.moved)
		snat_moved(&lane->snat.index[p->key.family == ADDR_IP6], victim.moved);
	count_victim(lane, &victim);
	lane->count->flow_inserts++;
	count_migration(lane, p);
	open_flow(lane, p, f, REASON_POOL_EMPTY);
}

static void stay(struct lane *lane, struct pkt *p, struct flow *f)
{
	lane->count->flow_hits++;
	if (be16_raw(f->snat_port))
		select_nat_touch(lane, p, f);
	touch(lane, p, f);
}

// The entry beside the usual one, for a connection ID that contradicts that one; NULL if there is
// none.
static struct flow *find_other(struct lane *lane, const struct pkt *p)
{
	struct flow_table *t = lane_flows(lane, p->key.family);
	uint16_t key = lane_service(lane, p)->id | FLOW_BY_CID;
	struct flow *f = flow_find(t, flow_hash(t, p->key.src, p->key.sport, key), p->key.src,
	                           p->key.sport, key);

	if (!f || !flow_is_expired(f, lane->now_s, lane->snap->timeout_s))
		return f;
	lane->count->flow_expiries++;
	flow_remove(t, f);
	return NULL;
}

// The entry that it contradicted is gone; the server keeps the port that it knows.
static bool meet_other(struct lane *lane, struct pkt *p)
{
	struct flow *f = find_other(lane, p);

	if (!f || (p->backend && p->backend != f->backend))
		return false;
	if (!p->backend &&
	    !may_stay(lane_service(lane, p), backend_of(lane, f->backend), flow_state(f)))
		return false;
	stay(lane, p, f);
	return true;
}

// Of a nat connection by QUIC that has begun already.
static bool is_under_way(const struct snap_service *s, const struct pkt *p)
{
	return s->forward == FORWARD_NAT && (p->backend || p->is_quic_short);
}

static void meet_stranger(struct lane *lane, struct pkt *p, uint64_t hash)
{
	const struct snap_service *s = lane_service(lane, p);

	if (p->kind == PKT_TCP && p->tcp_flags & TCP_RST) {
		if (s->forward == FORWARD_NAT)
			return pkt_drop(p, REASON_NAT_NO_FLOW);
		return without_flow(lane, p);
	}
	if (is_under_way(s, p) && meet_other(lane, p))
		return;
	// Its server's connection ID may have been learned by another lane, from the old path. A
	// few a burst: a flood of strangers must not fill the rings that carry other lanes'
	// answers.
	if (p->is_quic_short && !p->backend && s->forward == FORWARD_NAT &&
	    p->hops + 1 < lane->n_lanes && lane->n_hops_left) {
		lane->n_hops_left--;
		p->to_lane = (uint16_t)((lane->index + 1) % lane->n_lanes);
		return;
	}
	enter(lane, p, hash, s->id);
}

// The table says one thing, the QUIC connection ID another: the connection ID is right about this
// packet, but the entry may be right about others of the same client (select_quic.h).
static void meet_contradiction(struct lane *lane, struct pkt *p)
{
	const struct flow_table *t = lane_flows(lane, p->key.family);
	uint16_t key = lane_service(lane, p)->id | FLOW_BY_CID;
	struct flow *f = find_other(lane, p);

	if (!f)
		return enter(lane, p, flow_hash(t, p->key.src, p->key.sport, key), key);
	if (f->backend == p->backend)
		return stay(lane, p, f);
	count_migration(lane, p);
	open_flow(lane, p, f, REASON_POOL_EMPTY);
}

static void trace_hit(const struct lane *lane, const struct flow *f)
{
	static const char *const names[FLOW_STATE_COUNT] = {
		[FLOW_NONE] = "new",
		[FLOW_CLOSING] = "closing",
		[FLOW_RESET] = "reset",
		[FLOW_OPENING] = "half-open",
		[FLOW_ANSWERED] = "answered",
		[FLOW_UDP] = "UDP",
		[FLOW_ESTABLISHED] = "established",
	};

	if (lane->trace)
		trace_add(lane->trace, "select",
		          "in the flow table: %s, seen %u s ago, with backend %s",
		          names[flow_state(f)], (uint16_t)(lane->now_s - f->seen_s),
		          lane->snap->backends[f->backend].name);
}

// Servers that speak QUIC-LB are named by every packet of a connection that they have answered, so
// a long header that names nobody begins one: not with a backend that takes no new ones, though the
// client's address and port were there before.
static bool begins_anew(const struct lane *lane, const struct pkt *p, const struct flow *f)
{
	return lane_service(lane, p)->quic && p->kind == PKT_UDP && !p->backend &&
	       !p->is_quic_short && !(backend_of(lane, f->backend)->flags & BACKEND_NEW);
}

static void meet_known(struct lane *lane, struct pkt *p, struct flow *f, uint64_t hash)
{
	if (unlikely(lane->trace))
		trace_hit(lane, f);
	if (flow_is_expired(f, lane->now_s, lane->snap->timeout_s)) {
		lane->count->flow_expiries++;
		flow_remove(lane_flows(lane, p->key.family), f);
		return meet_stranger(lane, p, hash);
	}
	if (p->backend && p->backend != f->backend)
		return meet_contradiction(lane, p);
	if (flow_state(f) <= FLOW_RESET && is_first_syn(p)) // the client's port is used again
		return open_flow(lane, p, f, REASON_POOL_EMPTY);
	if (begins_anew(lane, p, f))
		return open_flow(lane, p, f, REASON_POOL_EMPTY);
	// What a connection ID names is part of a connection, whatever the flow's state.
	if (!p->backend &&
	    !may_stay(lane_service(lane, p), backend_of(lane, f->backend), flow_state(f))) {
		lane->count->flow_moved++;
		lane->backends[f->backend].moved_flows++;
		return open_flow(lane, p, f, REASON_BACKEND_DOWN);
	}
	stay(lane, p, f);
}

// An ICMP error about a client's flow follows the flow, but is no sign of its life. It may have
// come to another lane than the flow's packets: ask them all before giving up.
static void meet_error(struct lane *lane, struct pkt *p, struct flow *f)
{
	const struct snap_service *s = lane_service(lane, p);

	if (p->backend && (!f || f->backend != p->backend))
		f = find_other(lane, p);
	if (f && p->backend && f->backend != p->backend)
		f = NULL;
	if (f && !flow_is_expired(f, lane->now_s, lane->snap->timeout_s))
		return take_flow(p, f);
	if (s->flow_table && p->hops + 1 < lane->n_lanes) {
		p->to_lane = (uint16_t)((lane->index + 1) % lane->n_lanes);
		return;
	}
	if (s->forward == FORWARD_NAT)
		return pkt_drop(p, REASON_ICMP_NO_FLOW);
	p->backend = pick(lane, p, REASON_POOL_EMPTY);
}

void select_flow(struct lane *lane, struct pkt *p, uint64_t hash)
{
	const struct snap_service *s = lane_service(lane, p);
	struct flow *f = p->flow;

	if (p->by == BY_CID && s->forward != FORWARD_NAT)
		return; // routed, and no state for it
	if (!f && s->flow_table)
		f = flow_find(lane_flows(lane, p->key.family), hash, p->key.src, p->key.sport,
		              s->id);
	p->flow = NULL;
	if (p->kind == PKT_ICMP_ERROR)
		meet_error(lane, p, f);
	else if (!s->flow_table)
		without_flow(lane, p);
	else if (f)
		meet_known(lane, p, f, hash);
	else
		meet_stranger(lane, p, hash);
}
