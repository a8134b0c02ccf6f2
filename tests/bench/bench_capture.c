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
#include "tests/support/lanebuild.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_FLOWS = 4000, N_BUFFERS = 4096, STRIDE = 2304, HEADROOM = 256, FRAME = 60, ROUNDS = 201 };

// `tcpdump -ddd -y EN10MB 'host 192.0.2.1 and tcp port 443'`, libpcap 1.10.3
#define RARE                                                                                  \
	"17,40 0 0 12,21 0 14 2048,32 0 0 26,21 2 0 3221225985,32 0 0 30,21 0 10 3221225985," \
	"48 0 0 23,21 0 8 6,40 0 0 20,69 6 0 8191,177 0 0 14,72 0 0 14,21 2 0 443,72 0 0 16," \
	"21 0 1 443,6 0 0 262144,6 0 0 0"

static const char conf[] =
	"{'ports': [{'name': 'wan', 'driver': 'pcap', 'rx': 'x', 'mac': '02:00:00:00:00:01'}],"
	"'lanes': [0], 'flows': 65536, 'snat': {'addresses': ['10.0.0.2']}, 'services': ["
	"{'name': 'dsr', 'address': '203.0.113.10', 'port': 80, 'protocol': 'tcp', 'pool': 'p'},"
	"{'name': 'nat', 'address': '203.0.113.10', 'port': 81, 'protocol': 'tcp', 'pool': 'p',"
	" 'forward': 'nat'}], 'pools': [{'name': 'p', 'backends': ["
	"{'name': 'b1', 'address': '10.0.1.1', 'port': 80, 'mac': '02:00:00:00:01:01'}]}]}";

static const struct {
	const char *name;
	const char *filter;
	uint32_t rate, snap;
} cases[] = {
	{.name = "none"},
	{"rate", NULL, CAPTURE_RATE_DEFAULT, CAPTURE_SNAP_MAX},
	{"rare", RARE, CAPTURE_RATE_DEFAULT, CAPTURE_SNAP_MAX},
	{"trace", NULL, CAPTURE_RATE_DEFAULT, 0},
	{"kept", NULL, CAPTURE_RATE_MAX, CAPTURE_SNAP_MAX},
};

static struct {
	struct lanebuild l;
	uint8_t *pool; // N_BUFFERS * STRIDE
	uint8_t frame[N_FLOWS][FRAME];
	uint32_t next;
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

static void build_frames(uint16_t dport)
{
	for (uint32_t i = 0; i < N_FLOWS; i++) {
		char source[32];
		struct pktbuild p;

		snprintf(source, sizeof(source), "198.18.%u.%u", i >> 8, i & 255);
		pktbuild_start(&p);
		pktbuild_eth(&p);
		pktbuild_ip4(&p, .src = source);
		pktbuild_tcp(&p, .sport = (uint16_t)(1024 + i * 7), .dport = dport,
		             .flags = PKTBUILD_ACK);
		pktbuild_end(&p);
		memcpy(b.frame[i], p.byte, p.len);
	}
}

static uint8_t *buffer(uint32_t i)
{
	return b.pool + (size_t)i * STRIDE + HEADROOM;
}

static void burst(uint32_t first)
{
	struct lane *lane = b.l.lane;
	struct pkt pkts[PKT_BURST];

	lane_quiesce(lane);
	lane_tick(lane, lane->now_ns + 1000);
	for (uint32_t i = 0; i < PKT_BURST; i++)
		prefetch(buffer(first + i));
	for (uint32_t i = 0; i < PKT_BURST; i++)
		pkt_init(&pkts[i], buffer(first + i), FRAME, 0, NULL);
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

	for (uint32_t i = 0; i < N_BUFFERS; i++) {
		memcpy(buffer(i), b.frame[b.next], FRAME);
		b.next = b.next + 1 == N_FLOWS ? 0 : b.next + 1;
	}
	// In parts that fit into the ring even if every packet is kept.
	for (uint32_t part = 0; part < N_BUFFERS; part += N_BUFFERS / 4) {
		uint64_t start = clock_now_ns();

		for (uint32_t i = part; i < part + N_BUFFERS / 4; i += PKT_BURST)
			burst(i);
		ns += clock_now_ns() - start;
		drain();
	}
	return ns * 100 / N_BUFFERS;
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
	must(sum.seen == N_BUFFERS, "packets were not seen");
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

static void run(const char *mode, uint16_t dport)
{
	static uint64_t ns[ARRAY_LEN(cases)][ROUNDS];
	size_t median = ROUNDS / 2;
	double none = 0;

	build_frames(dport);
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
	lanebuild_open(&b.l, conf);
	b.pool = calloc(N_BUFFERS, STRIDE);
	b.memory = calloc(1, capture_ring_total(1, CAPTURE_RING_MAX));
	must(b.pool && b.memory, "no memory");
	lane_tick(b.l.lane, b.l.now_ns);
	run("dsr", 80);
	run("nat", 81);
	must(lanebuild_adds_up(&b.l), "the counters do not add up");
	free(b.pool);
	free(b.memory);
	lanebuild_close(&b.l);
	return 0;
}
