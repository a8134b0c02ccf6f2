// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/capture_tap.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/clock.h"
#include "l4/data/pipeline.h"
#include "l4/data/wire.h"
#include "tests/support/lanebuild.h"

enum { ETHERNET = 14, SNAP = 2000 };

static struct {
	struct lanebuild l;
	void *memory;
	struct capture_tap tap[2];
	struct capture_taps taps;
	struct capture_reader reader;
	struct capture_filter filter;
} t;

static void open_memory(void)
{
	struct capture_shared *shared;

	t.memory = calloc(1, capture_ring_total(1, CAPTURE_RING_MIN));
	cr_assert_not_null(t.memory);
	shared = t.memory;
	*shared = (struct capture_shared){
		.magic = CAPTURE_MAGIC, .n_lanes = 1, .ring_size = CAPTURE_RING_MIN};
	capture_ring_reader(&t.reader, t.memory, 0);
}

static void setup(void)
{
	lanebuild_open(&t.l, snapbuild_edge);
	open_memory();
}

static void teardown(void)
{
	cr_expect(lanebuild_adds_up(&t.l));
	for (uint32_t i = 0; i < t.taps.n; i++)
		capture_tap_fini(&t.tap[i]);
	lanebuild_close(&t.l);
	free(t.memory);
}

TestSuite(capture_tap, .init = setup, .fini = teardown);

// Taps the lane; what is left out is all packets, whole, as received and as sent.
static void tap(struct capture_tap_setup setup_)
{
	setup_.memory = t.memory;
	setup_.n_lanes = 1;
	setup_.rate = setup_.rate ? setup_.rate : CAPTURE_RATE_MAX;
	cr_assert_eq(capture_tap_init(&t.tap[t.taps.n], &setup_), 0);
	t.taps.tap[t.taps.n] = &t.tap[t.taps.n];
	t.taps.n++;
	lane_tap(t.l.lane, &t.taps);
}

#define TAP(...) tap((struct capture_tap_setup){.snap = SNAP, .wants_sent = true, __VA_ARGS__})
#define SEND(...) lanebuild_send(&t.l, &(struct lanebuild_packet){__VA_ARGS__})

// Only packets whose IPv4 source, or for the second whose destination, is this.
static const struct capture_filter *only(const char *text)
{
	struct err err;

	cr_assert_eq(capture_filter_read(&t.filter, text, &err), 0, "%s", err.msg);
	return &t.filter;
}

#define FROM_198_51_100_7 "4,32 0 0 26,21 0 1 3325256711,6 0 0 1,6 0 0 0"
#define TO_198_51_100_7 "4,32 0 0 30,21 0 1 3325256711,6 0 0 1,6 0 0 0"

// The next record; ends the test if there is none.
static const struct capture_record *next(void)
{
	static union {
		struct capture_record r;
		uint8_t bytes[sizeof(struct capture_record) + 2 * SNAP];
	} copy;
	const struct capture_record *r;

	cr_assert_eq(capture_ring_peek(&t.reader, &r), 0);
	cr_assert_not_null(r);
	memcpy(&copy, r, r->size);
	capture_ring_next(&t.reader, r);
	return &copy.r;
}

static uint32_t count_records(void)
{
	const struct capture_record *r;
	uint32_t n = 0;

	while (capture_ring_peek(&t.reader, &r) == 0 && r) {
		capture_ring_next(&t.reader, r);
		n++;
	}
	return n;
}

static struct capture_counts counts(void)
{
	struct capture_counts c = {0};

	capture_ring_sum(&t.reader, &c);
	cr_expect_eq(c.seen, c.filtered + c.limited + c.lost + c.kept);
	return c;
}

Test(capture_tap, a_packet_is_told_as_it_came_and_as_it_left)
{
	struct lanebuild_packet what = {.dport = 80};
	struct pktbuild frame;
	const struct capture_record *r;
	const struct pkt *p;

	TAP();
	lanebuild_frame(&frame, &what);
	p = lanebuild_send(&t.l, &what);
	r = next();
	cr_expect_eq(r->verdict, VERDICT_FORWARD);
	cr_expect_eq(r->reason, REASON_NONE);
	cr_expect_str_eq(r->service, t.l.s.snap->services[p->service].name);
	cr_expect_str_eq(r->backend, t.l.s.snap->backends[p->backend].name);
	cr_expect(r->flow == CAPTURE_FLOW_NEW && r->by == CAPTURE_BY_HASH);
	cr_expect(r->captured == frame.len && r->len == frame.len);
	cr_expect_arr_eq(r->bytes, frame.byte, frame.len);
	cr_expect(r->sent_captured == p->len && r->sent_len == p->len);
	cr_expect_arr_eq(capture_ring_sent(r), p->data, p->len);
	cr_expect_neq(memcmp(r->bytes, capture_ring_sent(r), ETHERNET), 0, "dsr changes the MACs");
	SEND(.dport = 80, .flags = PKTBUILD_ACK);
	r = next();
	cr_expect(r->flow == CAPTURE_FLOW_KNOWN && r->by == CAPTURE_BY_TABLE);
}

Test(capture_tap, what_the_lanes_do_is_the_same_with_and_without)
{
	static const struct lanebuild_packet what[] = {
		{.dport = 80},
		{.dport = 8080},
		{.dport = 53, .is_udp = true},
		{.dport = 8080, .ttl = -1},
		{.dport = 81},
		{.dst = "192.0.2.1"},
		{.dport = 8080, .dst = "2001:db8::10"},
	};
	struct lanebuild plain;

	lanebuild_open(&plain, snapbuild_edge);
	TAP();
	for (size_t i = 0; i < ARRAY_LEN(what); i++) {
		const struct pkt *p = lanebuild_send(&t.l, &what[i]);
		const struct pkt *q = lanebuild_send(&plain, &what[i]);

		cr_expect(p->verdict == q->verdict && p->reason == q->reason && p->len == q->len);
		cr_expect_arr_eq(p->data, q->data, p->len);
		cr_expect_eq(next()->verdict, p->verdict);
	}
	lanebuild_close(&plain);
}

Test(capture_tap, a_drop_is_told_with_its_reason_and_has_not_left)
{
	const struct capture_record *r;

	TAP();
	SEND(.dport = 8080, .ttl = 1);
	r = next();
	cr_expect_eq(r->verdict, VERDICT_DROP);
	cr_expect_eq(r->reason, REASON_IP_TTL);
	cr_expect_eq(r->sent_len, 0);
	cr_expect_eq(r->sent_captured, 0);
}

Test(capture_tap, a_verdict_that_changes_behind_the_pipeline_is_the_one_that_is_told)
{
	struct lane *lane = t.l.lane;
	const struct capture_record *r;
	struct pkt *p;

	TAP();
	lane_quiesce(lane);
	lane_tick(lane, t.l.now_ns);
	p = lanebuild_add(&t.l, &(struct lanebuild_packet){.dport = 80});
	pipeline_run(lane, p, 1);
	pkt_drop(p, REASON_TX_FULL); // as transmit.c does
	lane_count(lane, p, 1);
	r = next();
	cr_expect(r->verdict == VERDICT_DROP && r->reason == REASON_TX_FULL && !r->sent_len &&
	          !r->sent_captured);
}

Test(capture_tap, a_packet_on_its_way_to_another_lane_is_that_ones)
{
	struct lane *lane = t.l.lane;
	struct pkt *p;

	TAP();
	lane_quiesce(lane);
	lane_tick(lane, t.l.now_ns);
	p = lanebuild_add(&t.l, &(struct lanebuild_packet){.dport = 80});
	pipeline_run(lane, p, 1);
	p->verdict = VERDICT_NONE;
	lane_count(lane, p, 1);
	cr_expect_eq(count_records(), 0);
	cr_expect_eq(counts().seen, 0);
}

Test(capture_tap, a_service_has_its_own_packets_only)
{
	TAP(.service = snapbuild_service(&t.l.s, "web"));
	SEND(.dport = 80);
	SEND(.dport = 8080);
	SEND(.dst = "192.0.2.1");
	cr_expect_str_eq(next()->service, "web");
	cr_expect_eq(count_records(), 0);
	cr_expect_eq(counts().seen, 1);
	capture_tap_follow(&t.tap[0], CAPTURE_TAP_NOBODY);
	SEND(.dport = 80);
	cr_expect_eq(counts().seen, 1);
}

Test(capture_tap, a_filter_finds_nat_packets_by_either_side)
{
	struct pktbuild b;
	const struct pkt *p;
	const struct wire_ip4 *ip;
	uint16_t sport;

	TAP(.filter = only(TO_198_51_100_7));
	p = SEND(.dport = 8080);
	cr_expect_eq(count_records(), 0, "from the client: neither as it came nor as it left");
	ip = (const void *)(p->data + ETHERNET);
	sport = (uint16_t)(p->data[ETHERNET + 20] << 8 | p->data[ETHERNET + 21]);
	cr_assert_eq(p->verdict, VERDICT_FORWARD);
	// The backend's answer becomes one to the client only by nat.
	pktbuild_start(&b);
	pktbuild_eth(&b);
	pktbuild_ip4(&b,
	             .src = addr_text(&(struct addr){.family = ADDR_IP4, .ip4 = ip->dst},
	                              (char[ADDR_TEXT_SIZE]){0}),
	             .dst = addr_text(&(struct addr){.family = ADDR_IP4, .ip4 = ip->src},
	                              (char[ADDR_TEXT_SIZE]){0}));
	pktbuild_tcp(&b, .sport = (uint16_t)(p->data[ETHERNET + 22] << 8 | p->data[ETHERNET + 23]),
	             .dport = sport, .flags = PKTBUILD_SYN | PKTBUILD_ACK);
	pktbuild_end(&b);
	p = lanebuild_send_frame(&t.l, b.byte, b.len);
	cr_assert_eq(p->verdict, VERDICT_FORWARD);
	cr_expect(next()->is_reply);
	cr_expect_eq(counts().filtered, 1);
}

Test(capture_tap, a_rare_match_is_found_in_heavy_traffic)
{
	TAP(.filter = only(FROM_198_51_100_7), .rate = 1);
	for (int burst = 0; burst < 100; burst++) {
		for (int i = 0; i < PKT_BURST; i++)
			lanebuild_add(&t.l, &(struct lanebuild_packet){
						    .src = burst == 77 && i == 7 ? "198.51.100.7"
			                                                         : "198.51.100.8",
						    .dport = i % 2 ? 8080 : 80});
		lanebuild_run(&t.l);
	}
	cr_expect_eq(count_records(), 1);
	cr_expect_eq(counts().filtered, 3199);
}

Test(capture_tap, the_rate_is_kept_and_what_it_costs_is_counted)
{
	TAP(.rate = 100);
	for (int i = 0; i < 300; i++)
		SEND(.dport = 80);
	cr_expect_eq(count_records(), 101, "a second's worth may come at once");
	cr_expect_eq(counts().limited, 199);
	t.l.now_ns += 100 * CLOCK_NS_PER_MS;
	for (int i = 0; i < 300; i++)
		SEND(.dport = 80);
	cr_expect_eq(count_records(), 10);
	lanebuild_sleep(&t.l, 3600);
	for (int i = 0; i < 300; i++)
		SEND(.dport = 80);
	cr_expect_eq(count_records(), 101);
	cr_expect_eq(counts().lost, 0);
}

Test(capture_tap, a_full_ring_loses_packets_and_says_how_many)
{
	uint64_t kept;

	TAP();
	do {
		kept = counts().kept;
		SEND(.dport = 80);
	} while (counts().kept > kept);
	SEND(.dport = 80);
	cr_expect_eq(counts().lost, 2);
	cr_expect_eq(count_records(), kept);
	SEND(.dport = 80);
	cr_expect_eq(next()->missed, 2);
}

Test(capture_tap, what_is_counted_stands_with_the_port_of_entry)
{
	struct capture_counts first = {0}, other = {0};

	TAP(.filter = only(FROM_198_51_100_7));
	lanebuild_add(&t.l, &(struct lanebuild_packet){.dport = 80});
	lanebuild_add(&t.l, &(struct lanebuild_packet){.dport = 80})->port = CONF_MAX_PORTS - 1;
	lanebuild_add(&t.l, &(struct lanebuild_packet){.src = "198.51.100.8", .dport = 80})->port =
		CONF_MAX_PORTS - 1;
	lanebuild_run(&t.l);
	capture_ring_sum_port(&t.reader, 0, &first);
	capture_ring_sum_port(&t.reader, CONF_MAX_PORTS - 1, &other);
	cr_expect(first.seen == 1 && first.kept == 1 && first.filtered == 0);
	cr_expect(other.seen == 2 && other.kept == 1 && other.filtered == 1);
}

Test(capture_tap, only_so_many_bytes_are_kept_as_were_asked_for)
{
	static const uint32_t snaps[] = {0, 1, 7, 14, 60};

	for (size_t i = 0; i < ARRAY_LEN(snaps); i++) {
		const struct capture_record *r;
		const struct pkt *p;

		free(t.memory);
		open_memory();
		tap((struct capture_tap_setup){.snap = snaps[i], .wants_sent = true});
		p = SEND(.dport = 8080);
		r = next();
		cr_expect(r->captured == (snaps[i] < p->len ? snaps[i] : p->len) &&
		          r->len == p->len);
		cr_expect_eq(r->sent_captured, r->captured);
		capture_tap_fini(&t.tap[0]);
		t.taps.n = 0;
		lane_tap(t.l.lane, NULL);
		lane_quiesce(t.l.lane);
	}
}

Test(capture_tap, two_captures_see_their_own)
{
	TAP(.service = snapbuild_service(&t.l.s, "web"));
	tap((struct capture_tap_setup){.service = CAPTURE_TAP_ALL});
	SEND(.dport = 8080);
	SEND(.dport = 80);
	// Both write into one ring here, as there is one memory.
	cr_expect_eq(t.tap[0].count[0].kept, 1);
	cr_expect_eq(t.tap[1].count[0].kept, 2);
	cr_expect_eq(t.tap[1].count[0].seen, 2);
}

Test(capture_tap, lanes_say_when_they_use_new_taps)
{
	TAP();
	cr_expect_null(lane_taps(t.l.lane));
	lane_quiesce(t.l.lane);
	cr_expect_eq(lane_taps(t.l.lane), &t.taps);
	lane_tap(t.l.lane, NULL);
	cr_expect_eq(lane_taps(t.l.lane), &t.taps);
	lane_quiesce(t.l.lane);
	cr_expect_null(lane_taps(t.l.lane));
	SEND(.dport = 80);
	cr_expect_eq(count_records(), 0);
}
