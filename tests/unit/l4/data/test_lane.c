// SPDX-License-Identifier: BSD-3-Clause
// Counters, the sweeper, and snapshots that are replaced while a lane runs.
#include "l4/data/lane.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "l4/base/clock.h"
#include "l4/data/pipeline.h"
#include "tests/support/lanebuild.h"

static struct lanebuild l;

static void open_edge(void)
{
	lanebuild_open(&l, snapbuild_edge);
}

static void close_edge(void)
{
	lanebuild_close(&l);
}

TestSuite(lane, .init = open_edge, .fini = close_edge);

static struct pkt *send_to(uint16_t sport, uint16_t dport, uint8_t flags)
{
	struct lanebuild_packet what = {.sport = sport, .dport = dport, .flags = flags};

	return lanebuild_send(&l, &what);
}

// ---- counters ----

Test(lane, a_forwarded_packet_is_counted_everywhere)
{
	struct pkt *p = send_to(4000, 80, PKTBUILD_SYN);
	struct service_counters s;
	struct backend_counters b;
	const struct lane_counters *c = l.lane->count;

	stats_sum_service(&l.stats, snapbuild_service(&l.s, "web"), &s);
	stats_sum_backend(&l.stats, p->backend, &b);
	cr_expect_eq(c->rx_packets, 1);
	cr_expect_eq(c->rx_bytes, p->len);
	cr_expect_eq(c->tx_packets, 1);
	cr_expect_eq(c->tx_bytes, p->len);
	cr_expect_eq(c->by_name.forwarded, 1);
	cr_expect_eq(s.packets, 1);
	cr_expect_eq(s.bytes, p->len);
	cr_expect_eq(s.forwarded, 1);
	cr_expect_eq(s.new_flows, 1);
	cr_expect_eq(b.packets, 1);
	cr_expect_eq(b.bytes, p->len);
	cr_expect_eq(b.new_flows, 1);
}

Test(lane, what_a_queue_refused_is_a_drop)
{
	struct pkt *p = lanebuild_add(&l, &(struct lanebuild_packet){0});
	struct service_counters s;
	struct backend_counters b;

	lane_tick(l.lane, l.now_ns);
	pipeline_run(l.lane, p, 1);
	lane_refused(l.lane, p, REASON_TX_FULL);
	lane_count(l.lane, p, 1);
	l.n_pkts = 0;
	stats_sum_service(&l.stats, snapbuild_service(&l.s, "web"), &s);
	stats_sum_backend(&l.stats, p->backend, &b);
	cr_expect_eq(l.lane->count->tx_packets, 0);
	cr_expect_eq(l.lane->count->by_name.tx_full, 1);
	cr_expect_eq(s.dropped, 1);
	cr_expect_eq(b.packets, 1);
	cr_expect_eq(b.refused, 1);
	cr_expect(lanebuild_adds_up(&l));
}

Test(lane, a_packet_on_its_way_to_another_lane_is_not_counted)
{
	struct pkt p;
	uint8_t byte[64] = {0};

	pkt_init(&p, byte, sizeof(byte), 0, NULL);
	p.to_lane = 1;
	lane_count(l.lane, &p, 1);
	cr_expect_eq(l.lane->count->rx_packets, 0);
}

Test(lane, gauges_show_flows_and_ports)
{
	send_to(4000, 80, PKTBUILD_SYN);
	for (uint16_t i = 0; i < 5; i++)
		send_to((uint16_t)(4000 + i), 8080, PKTBUILD_SYN);
	lane_tick(l.lane, l.now_ns + CLOCK_NS_PER_MS);
	cr_expect_eq(l.lane->count->flows, 6);
	cr_expect_eq(l.lane->count->snat_ports, 5);
	for (int i = 0; i < 200; i++) {
		lanebuild_sleep(&l, 1);
		lane_tick(l.lane, l.now_ns);
	}
	cr_expect_eq(l.lane->count->flows, 0);
	cr_expect_eq(l.lane->count->snat_ports, 0);
	cr_expect_eq(l.lane->count->flow_expiries, 6);
}

// ---- the sweeper ----

// Half-open flows are gone a sweeper's period after they timed out, whatever the rate of ticks; 50 us is
// that of a lane that polls, 10 ms longer than any sleep.
Test(lane, the_sweeper_is_in_time_at_any_rate_of_ticks)
{
	static const uint64_t ticks_ns[] = {50000, 200000, 10000000};

	for (size_t i = 0; i < ARRAY_LEN(ticks_ns); i++) {
		uint64_t end = l.now_ns + 90 * CLOCK_NS_PER_S;

		for (uint16_t n = 0; n < 1000; n++)
			send_to((uint16_t)(4000 + n), 80, PKTBUILD_SYN);
		cr_assert_geq(l.lane->flows4.n_flows, 990);
		for (; l.now_ns < end; l.now_ns += ticks_ns[i])
			lane_tick(l.lane, l.now_ns);
		cr_expect_eq(l.lane->flows4.n_flows, 0, "ticks of %lu ns: %u are left", ticks_ns[i],
		             l.lane->flows4.n_flows);
	}
}

Test(lane, a_tick_sweeps_little)
{
	uint32_t before = l.lane->flows4.sweep, after;

	lanebuild_sleep(&l, 1000);
	lane_tick(l.lane, l.now_ns);
	after = l.lane->flows4.sweep;
	cr_expect_leq((after + l.lane->flows4.n_buckets - before) % l.lane->flows4.n_buckets, 64);
}

Test(lane, the_clock_is_in_seconds_modulo_two_to_the_16th)
{
	lane_tick(l.lane, UINT64_C(65537999999999));
	cr_expect_eq(l.lane->now_s, 1);
}

// ---- publication ----

Test(lane, a_snapshot_is_taken_over_at_a_quiescent_point_only)
{
	const struct snapshot *first = l.lane->snap;
	struct snapshot *old = snapbuild_next(&l.s);

	lane_publish(l.lane, l.s.snap);
	cr_expect_eq(l.lane->snap, first);
	cr_expect_eq(lane_generation(l.lane), 1);
	lane_quiesce(l.lane);
	cr_expect_eq(l.lane->snap, l.s.snap);
	cr_expect_eq(lane_generation(l.lane), 2);
	lane_quiesce(l.lane);
	cr_expect_eq(lane_generation(l.lane), 2);
	snapshot_free(old);
}

static void *run_lane(void *arg)
{
	static uint8_t frame[PKT_BURST][256];
	struct pkt pkts[PKT_BURST];
	bool *stop = arg;

	lane_set_running(l.lane, true);
	for (uint32_t i = 0; !__atomic_load_n(stop, __ATOMIC_RELAXED); i++) {
		lane_quiesce(l.lane);
		lane_tick(l.lane, l.lane->now_ns + 100000);
		for (uint32_t k = 0; k < PKT_BURST; k++) {
			struct lanebuild_packet what = {.sport = (uint16_t)(1 + (i * 7 + k) % 999),
			                                .dport = k % 2 ? 80 : 8080,
			                                .flags = PKTBUILD_ACK};
			struct pktbuild b;

			lanebuild_frame(&b, &what);
			memcpy(frame[k], b.byte, b.len);
			pkt_init(&pkts[k], frame[k], (uint16_t)b.len, 0, NULL);
		}
		pipeline_run(l.lane, pkts, PKT_BURST);
		for (uint32_t k = 0; k < PKT_BURST; k++)
			if (pkts[k].verdict != VERDICT_FORWARD)
				abort();
		lane_count(l.lane, pkts, PKT_BURST);
	}
	lane_set_running(l.lane, false);
	return NULL;
}

// Old snapshots are freed as soon as the lane has announced the next: under ASan, and with freed memory
// overwritten by the next snapshot otherwise, a lane that held on to one would fall over.
Test(lane, a_thousand_snapshots_are_published_to_a_running_lane, .timeout = 100)
{
	bool stop = false;
	pthread_t thread;

	lane_set_running(l.lane, false);
	cr_assert_eq(pthread_create(&thread, NULL, run_lane, &stop), 0);
	while (!lane_is_running(l.lane))
		sched_yield();
	for (int i = 0; i < 1000; i++) {
		struct snapshot *old;

		snapbuild_health(&l.s, "web-1", i % 2 ? HEALTH_UNHEALTHY : HEALTH_HEALTHY);
		old = snapbuild_next(&l.s);
		lane_publish(l.lane, l.s.snap);
		while (lane_generation(l.lane) != l.s.snap->generation)
			sched_yield();
		memset(old->services, 0xff, old->n_services * sizeof(*old->services));
		snapshot_free(old);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	cr_expect_not(lane_is_running(l.lane));
	cr_expect(lanebuild_adds_up(&l));
}
