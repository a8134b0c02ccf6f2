// SPDX-License-Identifier: BSD-3-Clause
// telemetry_packets dsr|nat TURNS [VARIANT]: what counting costs a lane, window by window, for paired.py. A window is 4096 packets through
// what l4/dpdk/core.c does with a burst but receiving and sending; in a turn every variant has one, in an order that is drawn anew:
//
//   off, again   nothing is counted: the lane runs the stages (pipeline_off.c) and reads its clock, as it must
//   on           as in the lane: forward's tally, lane_count(), bursts, the time that it was busy; all that lbctl, lbtop and /metrics
//                know of it
//   armed        likewise, and a capture runs whose filter no packet matches
//
// What the stages count on the way (hits of the flow table, one addition a burst) is in all of them. TCP ACKs of 60 bytes of 4000 living
// flows, in buffers laid out like mbufs. CPU time of the thread. With a VARIANT, that one alone: for callgrind, whose
// --toggle-collect=burst_on or burst_off then counts the instructions of 4096 * TURNS packets.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "l4/base/clock.h"
#include "l4/data/capture_tap.h"
#include "l4/data/pipeline.h"
#include "tests/support/ackbuild.h"
#include "tests/support/lanebuild.h"

static struct {
	struct lanebuild l;
	struct ackbuild packets;
	uint64_t before; // time stamp counter
	void *memory;
	struct capture_filter filter;
	struct capture_tap tap;
	struct capture_taps taps;
} b;

// The same sources, built twice: pipeline_on.c, pipeline_off.c.
void pipeline_run_on(struct lane *lane, struct pkt *pkts, uint32_t n);
void pipeline_run_off(struct lane *lane, struct pkt *pkts, uint32_t n);

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "telemetry_packets: %s\n", what);
	exit(1);
}

// --- what is timed ---

static MUST_INLINE void burst(uint32_t first, bool is_counted)
{
	struct lane *lane = b.l.lane;
	struct pkt pkts[PKT_BURST];
	uint64_t after;

	ackbuild_receive(&b.packets, lane, pkts, first);
	if (is_counted) {
		pipeline_run_on(lane, pkts, PKT_BURST);
		lane_count(lane, pkts, PKT_BURST);
		lane->count->bursts++;
	} else {
		pipeline_run_off(lane, pkts, PKT_BURST);
	}
	after = __rdtsc();
	if (is_counted)
		lane->count->busy_ns += after - b.before;
	b.before = after;
}

static NOINLINE void burst_off(uint32_t first)
{
	burst(first, false);
}

static NOINLINE void burst_on(uint32_t first)
{
	burst(first, true);
}

// --- variants ---

static void arm(void)
{
	lane_tap(b.l.lane, &b.taps);
	lane_quiesce(b.l.lane);
}

static void disarm(void)
{
	lane_tap(b.l.lane, NULL);
	lane_quiesce(b.l.lane);
}

static const struct variant {
	const char *name;
	void (*burst)(uint32_t first);
	bool is_armed;
} variants[] = {
	{"off", burst_off, false},
	{"again", burst_off, false},
	{"on", burst_on, false},
	{"armed", burst_on, true},
};

static uint64_t cpu_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return (uint64_t)at.tv_sec * CLOCK_NS_PER_S + (uint64_t)at.tv_nsec;
}

static void window(const struct variant *v, uint64_t turn)
{
	uint64_t counted = b.l.lane->count->by_name.forwarded, ns;

	ackbuild_fill(&b.packets);
	if (v->is_armed)
		arm();
	ns = cpu_ns();
	for (uint32_t i = 0; i < ACKBUILD_BUFFERS; i += PKT_BURST)
		v->burst(i);
	ns = cpu_ns() - ns;
	if (v->is_armed)
		disarm();
	counted = b.l.lane->count->by_name.forwarded - counted;
	must(counted == (v->burst == burst_on ? ACKBUILD_BUFFERS : 0), "packets were dropped");
	printf("%llu %s %llu %d\n", (unsigned long long)turn, v->name, (unsigned long long)ns,
	       ACKBUILD_BUFFERS);
}

static void run_turn(uint64_t turn, const char *only)
{
	size_t order[ARRAY_LEN(variants)] = {0};

	for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
		size_t k = (size_t)rand() % (i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
		const struct variant *v = &variants[order[i]];

		if (!only || !strcmp(only, v->name))
			window(v, turn);
	}
}

// --- setting up ---

// A capture that sees every packet and keeps none.
static void prepare_tap(void)
{
	struct capture_tap_setup setup = {
		.filter = &b.filter,
		.snap = CAPTURE_SNAP_MAX,
		.rate = CAPTURE_RATE_DEFAULT,
		.wants_sent = true,
		.n_lanes = 1,
	};
	struct capture_shared *shared = calloc(1, capture_ring_total(1, CAPTURE_RING_MAX));
	struct err err = {0};

	must(shared, "no memory");
	*shared = (struct capture_shared){
		.magic = CAPTURE_MAGIC, .n_lanes = 1, .ring_size = CAPTURE_RING_MAX};
	must(capture_filter_read(&b.filter, ackbuild_no_match, &err) == 0, err.msg);
	setup.memory = b.memory = shared;
	must(capture_tap_init(&b.tap, &setup) == 0, "no memory");
	b.taps = (struct capture_taps){.n = 1, .tap = {&b.tap}};
}

int main(int argc, char **argv)
{
	uint16_t port;

	must(argc > 2, "usage: telemetry_packets dsr|nat TURNS [VARIANT]");
	srand((unsigned int)clock_now_ns());
	lanebuild_open(&b.l, ackbuild_conf);
	port = strcmp(argv[1], "nat") == 0 ? ACKBUILD_NAT_PORT : ACKBUILD_DSR_PORT;
	must(ackbuild_init(&b.packets, port) == 0, "no memory");
	prepare_tap();
	lane_tick(b.l.lane, b.l.now_ns);
	// All flows are known before anything is measured.
	for (uint32_t i = 0; i < ACKBUILD_FLOWS; i++) {
		struct pkt *p = lanebuild_send_frame(&b.l, b.packets.frame[i], ACKBUILD_FRAME);

		must(p->verdict == VERDICT_FORWARD, "a flow was not taken");
	}
	for (uint64_t turn = 0; turn < strtoull(argv[2], NULL, 10); turn++)
		run_turn(turn, argc > 3 ? argv[3] : NULL);
	capture_tap_fini(&b.tap);
	free(b.memory);
	ackbuild_fini(&b.packets);
	lanebuild_close(&b.l);
	return 0;
}
