// SPDX-License-Identifier: BSD-3-Clause
// What is counted a row at a time is what would be counted packet by packet.
#include "l4/data/tally.h"

#include <criterion/criterion.h>

#include <stdlib.h>

#include "l4/data/pipeline.h"
#include "tests/support/lanebuild.h"

enum { N_BURSTS = 4000, N_IDS = 64 };

static struct lanebuild l;

// The same counters, by the packets' ends.
static struct {
	struct service_counters services[N_IDS];
	struct backend_counters backends[N_IDS];
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, tx_full;
} expected;

static void open_edge(void)
{
	lanebuild_open(&l, snapbuild_edge);
	srand(47);
}

static void close_edge(void)
{
	lanebuild_close(&l);
}

TestSuite(tally, .init = open_edge, .fini = close_edge);

static uint32_t draw(uint32_t n)
{
	return (uint32_t)rand() % n;
}

// Living and new flows of dsr, nat, and without table; for the host; broken and with a TTL that nat ends.
static void draw_burst(void)
{
	static const uint16_t ports[] = {80, 80, 80, 80, 8080, 8080, 81, 443, 9};
	uint32_t n = 1 + draw(PKT_BURST);
	uint32_t n_kinds = 1 + draw(ARRAY_LEN(ports)); // bursts of one service are frequent

	for (uint32_t i = 0; i < n; i++) {
		struct lanebuild_packet what = {
			.sport = (uint16_t)(1024 + draw(300)),
			.dport = ports[draw(n_kinds)],
			.flags = draw(8) ? PKTBUILD_ACK : PKTBUILD_SYN,
			.ttl = draw(16) ? 64 : 1,
		};

		lanebuild_add(&l, &what)->len -= draw(64) ? 0 : 30;
	}
}

static void expect_backend(const struct pkt *p, bool is_refused)
{
	struct backend_counters *b = &expected.backends[p->backend];

	b->new_flows += p->is_new;
	if (p->verdict != VERDICT_FORWARD && !is_refused)
		return;
	b->packets++;
	b->bytes += p->len;
	b->refused += is_refused;
}

static void expect_one(const struct pkt *p, bool is_refused)
{
	bool is_sent = p->verdict == VERDICT_FORWARD || p->verdict == VERDICT_ANSWER;

	expected.rx_packets++;
	expected.rx_bytes += p->len;
	expected.tx_packets += is_sent;
	expected.tx_bytes += is_sent ? p->len : 0;
	expected.tx_full += is_refused;
	if (p->service != PKT_NO_SERVICE) {
		struct service_counters *s =
			&expected.services[l.lane->snap->services[p->service].id];

		s->packets++;
		s->bytes += p->len;
		s->forwarded += p->verdict == VERDICT_FORWARD;
		s->dropped += p->verdict == VERDICT_DROP;
		s->punted += p->verdict == VERDICT_PUNT;
		s->new_flows += p->is_new;
	}
	if (p->backend)
		expect_backend(p, is_refused);
}

// As the engine: what a full queue refuses, in some bursts, is told before the burst is counted.
static void run_burst(void)
{
	uint32_t one_of = draw(4) ? UINT32_MAX : 1 + draw(5);

	lane_quiesce(l.lane);
	lane_tick(l.lane, l.now_ns);
	pipeline_run(l.lane, l.pkts, l.n_pkts);
	for (uint32_t i = 0; i < l.n_pkts; i++) {
		struct pkt *p = &l.pkts[i];
		bool is_refused =
			p->verdict == VERDICT_FORWARD && draw(one_of) == 0 && one_of != UINT32_MAX;

		if (is_refused)
			lane_refused(l.lane, p, REASON_TX_FULL);
		expect_one(p, is_refused);
	}
	lane_count(l.lane, l.pkts, l.n_pkts);
	l.n_pkts = 0;
}

static void compare_service(uint16_t id)
{
	const struct service_counters *s = &l.lane->services[id], *e = &expected.services[id];

	cr_expect_eq(s->packets, e->packets, "service %u", id);
	cr_expect_eq(s->bytes, e->bytes, "service %u", id);
	cr_expect_eq(s->forwarded, e->forwarded, "service %u", id);
	cr_expect_eq(s->dropped, e->dropped, "service %u", id);
	cr_expect_eq(s->punted, e->punted, "service %u", id);
	cr_expect_eq(s->new_flows, e->new_flows, "service %u", id);
}

static void compare_backend(uint16_t id)
{
	const struct backend_counters *b = &l.lane->backends[id], *e = &expected.backends[id];

	cr_expect_eq(b->packets, e->packets, "backend %u", id);
	cr_expect_eq(b->bytes, e->bytes, "backend %u", id);
	cr_expect_eq(b->refused, e->refused, "backend %u", id);
	cr_expect_eq(b->new_flows, e->new_flows, "backend %u", id);
}

Test(tally, mixed_bursts_are_counted_as_packet_by_packet)
{
	const struct lane_counters *c = l.lane->count;

	cr_assert(l.s.roster.n_services <= N_IDS && l.s.roster.n_backends <= N_IDS);
	for (int i = 0; i < N_BURSTS; i++) {
		draw_burst();
		run_burst();
	}
	cr_expect_eq(c->rx_packets, expected.rx_packets);
	cr_expect_eq(c->rx_bytes, expected.rx_bytes);
	cr_expect_eq(c->tx_packets, expected.tx_packets);
	cr_expect_eq(c->tx_bytes, expected.tx_bytes);
	cr_expect_eq(c->by_name.tx_full, expected.tx_full);
	cr_expect_gt(c->by_name.tx_full, 0);
	cr_expect_gt(c->by_name.ip_ttl, 0);
	for (uint16_t id = 0; id < l.s.roster.n_services; id++)
		compare_service(id);
	for (uint16_t id = 0; id < l.s.roster.n_backends; id++)
		compare_backend(id);
	cr_expect(lanebuild_adds_up(&l));
}

Test(tally, what_backends_got_is_what_services_forwarded)
{
	uint64_t sent = 0, forwarded = 0;

	for (int i = 0; i < N_BURSTS / 4; i++) {
		draw_burst();
		run_burst();
	}
	for (uint16_t id = 0; id < l.s.roster.n_backends; id++)
		sent += l.lane->backends[id].packets - l.lane->backends[id].refused;
	for (uint16_t id = 0; id < l.s.roster.n_services; id++)
		forwarded += l.lane->services[id].forwarded;
	cr_expect_eq(sent, forwarded);
	cr_expect_gt(sent, 0);
}

// Somebody may run the stages and count nothing, like `lbctl explain`: the next burst is not heavier for that.
Test(tally, a_burst_that_nobody_counts_leaves_nothing_behind)
{
	struct lanebuild_packet ack = {.flags = PKTBUILD_ACK};

	lanebuild_send(&l, &ack);
	lanebuild_add(&l, &ack);
	pipeline_run(l.lane, l.pkts, l.n_pkts);
	l.n_pkts = 0;
	lanebuild_send(&l, &ack);
	cr_expect_eq(l.lane->count->rx_packets, 2);
	cr_expect_eq(l.lane->count->by_name.forwarded, 2);
}
