// SPDX-License-Identifier: BSD-3-Clause
// What a capture costs a lane that works without a pause (bench_pipeline.c), against the same lane without one:
//   rate      all packets, whole, as received and as sent; beyond the rate of 10000 a second, which is nearly all
//   rare      a filter of tcpdump's ("host 192.0.2.1 and tcp port 443") that no packet matches
//   trace     without bytes, beyond the rate
//   kept      every packet is kept, as if the rate were no limit; its reader keeps up
// TCP ACKs of 60 bytes of 4000 living flows, dsr and nat. Rounds of all cases in turn; medians. Lines:
//   bench capture_rate_dsr ours=NS yardstick=NS ratio=R     ns a packet; yardstick: nobody captures
#include "l4/base/clock.h"
#include "l4/data/capture_tap.h"
#include "l4/data/pipeline.h"
#include "tests/support/ackbuild.h"
#include "tests/support/lanebuild.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 201 };

static const struct {
	const char *name;
	const char *filter;
	uint32_t rate, snap;
} cases[] = {
	{.name = "none"},
	{"rate", NULL, CAPTURE_RATE_DEFAULT, CAPTURE_SNAP_MAX},
	{"rare", ackbuild_no_match, CAPTURE_RATE_DEFAULT, CAPTURE_SNAP_MAX},
	{"trace", NULL, CAPTURE_RATE_DEFAULT, 0},
	{"kept", NULL, CAPTURE_RATE_MAX, CAPTURE_SNAP_MAX},
};

static struct {
	struct lanebuild l;
	struct ackbuild packets;
	void *memory;
	struct capture_filter filter;
	struct capture_tap tap;
	struct capture_taps taps;
	struct capture_reader reader;
} b;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "bench_capture: %s\n", what);
	exit(1);
}

static void burst(uint32_t first)
{
	struct lane *lane = b.l.lane;
	struct pkt pkts[PKT_BURST];

	ackbuild_receive(&b.packets, lane, pkts, first);
	pipeline_run(lane, pkts, PKT_BURST);
	lane_count(lane, pkts, PKT_BURST);
}

// The reader, who keeps up: not timed, on another core it would not be either.
static void drain(void)
{
	const struct capture_record *r;

	while (lane_taps(b.l.lane) && capture_ring_peek(&b.reader, &r) == 0 && r)
		capture_ring_next(&b.reader, r);
}

// Hundredths of a nanosecond a packet.
static uint64_t time_round(void)
{
	uint64_t ns = 0;

	ackbuild_fill(&b.packets);
	// In parts that fit into the ring even if every packet is kept.
	for (uint32_t part = 0; part < ACKBUILD_BUFFERS; part += ACKBUILD_BUFFERS / 4) {
		uint64_t start = clock_now_ns();

		for (uint32_t i = part; i < part + ACKBUILD_BUFFERS / 4; i += PKT_BURST)
			burst(i);
		ns += clock_now_ns() - start;
		drain();
	}
	return ns * 100 / ACKBUILD_BUFFERS;
}

static void open_tap(size_t i)
{
	struct capture_shared *shared = b.memory;
	struct capture_tap_setup setup = {
		.filter = cases[i].filter ? &b.filter : NULL,
		.snap = cases[i].snap,
		.rate = cases[i].rate,
		.wants_sent = cases[i].snap > 0,
		.memory = b.memory,
		.n_lanes = 1,
	};
	struct err err = {0};

	if (!cases[i].rate)
		return;
	memset(b.memory, 0, sizeof(*shared) + sizeof(struct capture_lane));
	*shared = (struct capture_shared){
		.magic = CAPTURE_MAGIC, .n_lanes = 1, .ring_size = CAPTURE_RING_MAX};
	if (cases[i].filter)
		must(capture_filter_read(&b.filter, cases[i].filter, &err) == 0, err.msg);
	must(capture_tap_init(&b.tap, &setup) == 0, "no memory");
	if (cases[i].rate == CAPTURE_RATE_MAX)
		b.tap.every_ns = 0;
	capture_ring_reader(&b.reader, b.memory, 0);
	b.taps = (struct capture_taps){.n = 1, .tap = {&b.tap}};
	lane_tap(b.l.lane, &b.taps);
}

static void close_tap(size_t i)
{
	struct capture_counts sum = {0};

	if (!cases[i].rate)
		return;
	capture_ring_sum(&b.reader, &sum);
	must(sum.seen == ACKBUILD_BUFFERS, "packets were not seen");
	must(sum.lost == 0, "the ring was full");
	must(!cases[i].filter || sum.filtered == sum.seen, "the filter matched");
	must(cases[i].rate != CAPTURE_RATE_MAX || sum.kept == sum.seen, "packets were not kept");
	lane_tap(b.l.lane, NULL);
	lane_quiesce(b.l.lane);
	capture_tap_fini(&b.tap);
}

static int by_value(const void *x, const void *y)
{
	const uint64_t *p = x, *q = y;

	return (*p > *q) - (*p < *q);
}

static void run(const char *mode, uint16_t port)
{
	static uint64_t ns[ARRAY_LEN(cases)][ROUNDS];
	size_t median = ROUNDS / 2;
	double none = 0;

	ackbuild_address(&b.packets, port);
	for (int warm = 0; warm < 4; warm++)
		time_round();
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			open_tap(i);
			// What a fresh tap may keep at once is not what a running one keeps.
			b.tap.due_ns = cases[i].rate == CAPTURE_RATE_DEFAULT ? b.l.lane->now_ns : 0;
			ns[i][round] = time_round();
			close_tap(i);
		}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		double ours;

		qsort(ns[i], ROUNDS, sizeof(ns[i][0]), by_value);
		ours = (double)ns[i][median] / 100;
		if (i)
			printf("bench capture_%s_%s ours=%.2f yardstick=%.2f ratio=%.2f\n",
			       cases[i].name, mode, ours, none, ours / none);
		else
			none = ours;
	}
}

int main(void)
{
	lanebuild_open(&b.l, ackbuild_conf);
	must(ackbuild_init(&b.packets, ACKBUILD_DSR_PORT) == 0, "no memory");
	b.memory = calloc(1, capture_ring_total(1, CAPTURE_RING_MAX));
	must(b.memory, "no memory");
	lane_tick(b.l.lane, b.l.now_ns);
	run("dsr", ACKBUILD_DSR_PORT);
	run("nat", ACKBUILD_NAT_PORT);
	must(lanebuild_adds_up(&b.l), "the counters do not add up");
	ackbuild_fini(&b.packets);
	free(b.memory);
	lanebuild_close(&b.l);
	return 0;
}
