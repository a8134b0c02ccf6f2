// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/lane.h"

#include "l4/base/clock.h"
#include "l4/data/capture_tap.h"
#include "l4/data/tally.h"

// The sweeper passes over the whole table in this time, a little at every tick.
enum { SWEEP_PERIOD_S = 64, SWEEP_MAX_BUCKETS = 64 };

// QUIC packets of unknown connections that a lane passes on between two ticks, a burst's time.
enum { HOPS_A_TICK = 8 };

int lane_init(struct lane *lane, const struct lane_setup *setup)
{
	int rc;

	*lane = (struct lane){.index = setup->index, .n_lanes = setup->n_lanes};
	lane->count = &setup->stats->lanes[setup->index];
	lane->services = stats_service(setup->stats, setup->index);
	lane->backends = stats_backend(setup->stats, setup->index);
	rc = flow_table_init(&lane->flows4, ADDR_IP4, setup->n_flows);
	if (rc)
		return rc;
	rc = flow_table_init(&lane->flows6, ADDR_IP6, setup->n_flows);
	if (rc)
		goto err_flows4;
	rc = snat_init(&lane->snat, &lane->flows4, &lane->flows6, setup->index, setup->n_lanes);
	if (rc)
		goto err_flows6;
	rc = cid_table_init(&lane->cids, setup->n_flows / 4);
	if (rc)
		goto err_snat;
	return 0;
err_snat:
	snat_fini(&lane->snat);
err_flows6:
	flow_table_fini(&lane->flows6);
err_flows4:
	flow_table_fini(&lane->flows4);
	return rc;
}

void lane_fini(struct lane *lane)
{
	cid_table_fini(&lane->cids);
	snat_fini(&lane->snat);
	flow_table_fini(&lane->flows6);
	flow_table_fini(&lane->flows4);
}

void lane_publish(struct lane *lane, const struct snapshot *snap)
{
	__atomic_store_n(&lane->next, snap, __ATOMIC_RELEASE);
}

uint32_t lane_generation(const struct lane *lane)
{
	return __atomic_load_n(&lane->generation, __ATOMIC_ACQUIRE);
}

bool lane_is_running(const struct lane *lane)
{
	return __atomic_load_n(&lane->is_running, __ATOMIC_ACQUIRE);
}

void lane_tap(struct lane *lane, const struct capture_taps *taps)
{
	__atomic_store_n(&lane->next_taps, taps, __ATOMIC_RELEASE);
}

const struct capture_taps *lane_taps(const struct lane *lane)
{
	return __atomic_load_n(&lane->taps, __ATOMIC_ACQUIRE);
}

void lane_set_running(struct lane *lane, bool is_running)
{
	__atomic_store_n(&lane->is_running, is_running, __ATOMIC_RELEASE);
}

// The sweeper is the hand of a clock that goes round once in SWEEP_PERIOD_S. How many buckets it
// has to pass to be where it belongs now: reckoned from where it stands, so no fraction of a bucket
// is lost, however small a tick's share is.
static uint32_t buckets_due(const struct flow_table *t, uint64_t now_ns)
{
	uint64_t period_ns = SWEEP_PERIOD_S * CLOCK_NS_PER_S; // below 2^36; n_buckets below 2^24
	uint32_t at = (uint32_t)(now_ns % period_ns * t->n_buckets / period_ns);
	uint32_t due = at < t->sweep ? at + t->n_buckets - t->sweep : at - t->sweep;

	return due > SWEEP_MAX_BUCKETS ? SWEEP_MAX_BUCKETS : due;
}

static uint32_t sweep_table(struct lane *lane, struct flow_table *t)
{
	return flow_sweep(t, buckets_due(t, lane->now_ns), lane->now_s, lane->snap->timeout_s);
}

static void sweep(struct lane *lane)
{
	// Often enough that a tick's share stays below SWEEP_MAX_BUCKETS for any table.
	if (lane->now_ns - lane->swept_ns < CLOCK_NS_PER_MS / 8)
		return;
	lane->swept_ns = lane->now_ns;
	lane->count->flow_expiries += sweep_table(lane, &lane->flows4);
	lane->count->flow_expiries += sweep_table(lane, &lane->flows6);
	lane->count->flows = lane->flows4.n_flows + lane->flows6.n_flows;
	lane->count->snat_ports = lane->flows4.n_ports + lane->flows6.n_ports;
}

void lane_tick(struct lane *lane, uint64_t now_ns)
{
	lane->now_ns = now_ns;
	lane->now_s = (uint16_t)(now_ns / CLOCK_NS_PER_S);
	lane->n_hops_left = HOPS_A_TICK;
	sweep(lane);
}

// --- counting ---

void lane_refused(struct lane *lane, struct pkt *p, enum reason reason)
{
	if (tally_has(p))
		lane->tally.n_rows = TALLY_VOID;
	if (p->role == ROLE_CLIENT)
		lane->backends[p->backend].refused++;
	pkt_drop(p, reason);
}

// Living flows' packets are there since they were forwarded.
static void count_backend(struct backend_counters *b, const struct pkt *p)
{
	if (p->role == ROLE_REPLY) {
		b->reply_packets++;
		b->reply_bytes += p->len;
		return;
	}
	b->no_next_hop += p->reason == REASON_NO_NEXT_HOP;
	b->new_flows += p->is_new;
	if (!p->is_new || (p->verdict != VERDICT_FORWARD && p->reason != REASON_TX_FULL))
		return;
	b->packets++;
	b->bytes += p->len;
}

static void count_service(struct service_counters *s, const struct pkt *p)
{
	if (p->role == ROLE_REPLY) {
		s->reply_packets++;
		s->reply_bytes += p->len;
		return;
	}
	s->packets++;
	s->bytes += p->len;
	s->forwarded += p->verdict == VERDICT_FORWARD;
	s->punted += p->verdict == VERDICT_PUNT;
	s->answered += p->verdict == VERDICT_ANSWER;
	s->dropped += p->verdict == VERDICT_DROP;
	s->new_flows += p->is_new;
}

static struct service_counters *service_of(struct lane *lane, uint16_t index)
{
	return &lane->services[lane->snap->services[index].id];
}

static void count_one(struct lane *lane, const struct pkt *p)
{
	struct lane_counters *c = lane->count;
	bool is_sent = p->verdict == VERDICT_FORWARD || p->verdict == VERDICT_ANSWER;

	c->rx_packets++;
	c->rx_bytes += p->len;
	c->reason[p->reason]++;
	c->tx_packets += is_sent;
	c->tx_bytes += is_sent ? p->len : 0;
	if (p->service != PKT_NO_SERVICE)
		count_service(service_of(lane, p->service), p);
	if (p->backend)
		count_backend(&lane->backends[p->backend], p);
}

static MUST_INLINE void count_row(struct lane *lane, const struct tally_row *row)
{
	struct service_counters *s = service_of(lane, row->service);
	struct lane_counters *c = lane->count;

	s->packets += row->packets;
	s->forwarded += row->packets;
	s->bytes += row->bytes;
	c->rx_packets += row->packets;
	c->rx_bytes += row->bytes;
	c->tx_packets += row->packets;
	c->tx_bytes += row->bytes;
	c->reason[REASON_NONE] += row->packets;
}

static uint32_t count_tally(struct lane *lane)
{
	const struct tally *t = &lane->tally;
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_rows; i++) {
		count_row(lane, &t->row[i]);
		n += t->row[i].packets;
	}
	return n;
}

// A burst of several services, with drops or replies, or that somebody looks at.
static NOINLINE void count_mixed(struct lane *lane, const struct pkt *pkts, uint32_t n)
{
	bool has_tally = lane->tally.n_rows != TALLY_VOID;
	uint32_t n_counted = has_tally ? count_tally(lane) : 0;

	lane->tally.n_rows = 0;
	if (lane->taps)
		capture_tap_ended(lane, pkts, n);
	for (uint32_t i = 0; n_counted < n && i < n; i++)
		if (pkt_is_ended(&pkts[i]) && !(has_tally && tally_has(&pkts[i])))
			count_one(lane, &pkts[i]);
}

void lane_count(struct lane *lane, const struct pkt *pkts, uint32_t n)
{
	const struct tally_row *row = lane->tally.row;

	if (unlikely(lane->tally.n_rows != 1) || unlikely(row->packets != n) ||
	    unlikely(lane->taps))
		return count_mixed(lane, pkts, n);
	count_row(lane, row);
	lane->tally.n_rows = 0;
}
