// SPDX-License-Identifier: BSD-3-Clause
// Time of the packet path for one lane, on buffers in memory: what l4/dpdk/core.c does with a burst
// but receiving and sending (prefetch, pkt_init, lane_tick, pipeline_run, lane_count).
//
// Packets: TCP ACKs of 60 bytes (64 with FCS), each of a flow drawn in a shuffled order from a table for
// a million flows that already knows it. They lie in a pool of 8192 buffers laid out like mbufs, 2304
// bytes apart, which are used in turn; "packed": 64 bytes apart.
//
// A round fills all buffers from a template, not timed (that is what the NIC does; so rewritten frames
// need no restoring), then times all bursts at once. Beside it, in turn: the same frames through a plain
// 5-tuple swap as testpmd's "5tswap", and packets of one flow only. Medians of the rounds. Lines:
//   bench pipeline_dsr_4k ours=NS yardstick=NS ratio=R
//   bench pipeline_dsr_500k_over_1 ours=NS yardstick=NS ratio=R yardstick: ours with 1 flow
#include "l4/base/clock.h"
#include "l4/data/pipeline.h"
#include "l4/data/wire.h"
#include "tests/support/lanebuild.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	N_BUFFERS = 8192,
	N_FLOWS_MAX = 500000,
	FRAME = 60,
	HEADROOM = 256, // struct rte_mbuf and RTE_PKTMBUF_HEADROOM
	STRIDE = 2304,
	ROUNDS = 251,
};

#define BACKEND(n) \
	"{'name': 'b" n "', 'address': '10.0.1." n "', 'port': 80, 'mac': '02:00:00:00:01:0" n "'}"
static const char conf[] =
	"{'ports': [{'name': 'wan', 'driver': 'pcap', 'rx': 'x', 'mac': '02:00:00:00:00:01'}],"
	"'lanes': [0], 'flows': 1048576,"
	"'snat': {'addresses': ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'],"
	"'port_first': 1024, 'port_last': 65535}, 'services': ["
	"{'name': 'dsr', 'address': '203.0.113.10', 'port': 80, 'protocol': 'tcp', 'pool': 'p'},"
	"{'name': 'nat', 'address': '203.0.113.10', 'port': 81, 'protocol': 'tcp', 'pool': 'p2',"
	" 'forward': 'nat'}], 'pools': ["
	"{'name': 'p', 'backends': [" BACKEND("1") "," BACKEND("2") "," BACKEND("3") "," BACKEND(
		"4") "]},"
		     "{'name': 'p2', 'backends': [" BACKEND("1") "," BACKEND("2") "," BACKEND(
			     "3") "," BACKEND("4") "]}]}";

struct bench {
	struct lanebuild l;
	uint8_t *pool;   // N_BUFFERS * stride
	size_t stride;   // bytes from buffer to buffer
	uint32_t *order; // flows in the order of their packets
	uint32_t n_flows;
	uint32_t next;        // in order
	uint8_t frame[FRAME]; // template, IP checksum for a source of 0
};

static struct bench bench;

static uint8_t *buffer(uint32_t i)
{
	return bench.pool + (i % N_BUFFERS) * bench.stride +
	       (bench.stride == STRIDE ? HEADROOM : 0);
}

// The template with the flow's source address, unique, and port.
static void fill(uint8_t *to, uint32_t flow)
{
	uint32_t addr = 0x0b000000 + flow, sum;
	be32 src = be32_from(addr);
	be16 sport = be16_from((uint16_t)(1024 + flow * 31 % 60000)), csum;

	memcpy(to, bench.frame, FRAME);
	memcpy(to + 26, &src, sizeof(src));
	memcpy(to + 34, &sport, sizeof(sport));
	sum = (uint32_t)(to[24] << 8 | to[25]) + (addr >> 16) + (addr & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	csum = be16_from((uint16_t) ~((sum & 0xffff) + (sum >> 16)));
	memcpy(to + 24, &csum, sizeof(csum));
}

static void fill_pool(void)
{
	for (uint32_t i = 0; i < N_BUFFERS; i++) {
		fill(buffer(i), bench.order[bench.next]);
		bench.next = bench.next + 1 == bench.n_flows ? 0 : bench.next + 1;
	}
}

static void build_template(uint16_t dport)
{
	struct pktbuild p;
	uint16_t sum;

	pktbuild_start(&p);
	pktbuild_eth(&p);
	pktbuild_ip4(&p, .src = "0.0.0.0");
	pktbuild_tcp(&p, .sport = 1, .dport = dport);
	pktbuild_end(&p);
	memset(bench.frame, 0, FRAME);
	memcpy(bench.frame, p.byte, p.len);
	sum = (uint16_t) ~(bench.frame[24] << 8 | bench.frame[25]); // not inverted, to add to
	bench.frame[24] = (uint8_t)(sum >> 8);
	bench.frame[25] = (uint8_t)sum;
}

static void shuffle(void)
{
	for (uint32_t i = 0; i < bench.n_flows; i++)
		bench.order[i] = i;
	for (uint32_t i = bench.n_flows - 1; i > 0; i--) {
		uint32_t k = (uint32_t)rand() % (i + 1), t = bench.order[i];

		bench.order[i] = bench.order[k];
		bench.order[k] = t;
	}
}

// ---- what is timed ----

// As core.c: receive(), process().
static void ours(uint32_t first)
{
	struct lane *lane = bench.l.lane;
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

static void swap(uint8_t *x, uint8_t *y, size_t n)
{
	uint8_t t[8];

	memcpy(t, x, n);
	memcpy(x, y, n);
	memcpy(y, t, n);
}

static void swap_5_tuple(uint8_t *data)
{
	struct wire_eth *eth = (void *)data;
	struct wire_ip4 *ip = (void *)(data + sizeof(*eth));
	struct wire_tcp *tcp;

	swap(eth->dst, eth->src, 6);
	if (be16_to(eth->type) != ETH_TYPE_IP4)
		return;
	swap((uint8_t *)&ip->src, (uint8_t *)&ip->dst, 4);
	tcp = (void *)((uint8_t *)ip + (size_t)(ip->version_ihl & 15) * 4);
	if (ip->proto == IPPROTO_NUM_TCP || ip->proto == IPPROTO_NUM_UDP)
		swap((uint8_t *)&tcp->sport, (uint8_t *)&tcp->dport, 2);
}

static void theirs(uint32_t first)
{
	for (uint32_t i = 0; i < PKT_BURST; i++)
		prefetch(buffer(first + i));
	for (uint32_t i = 0; i < PKT_BURST; i++)
		swap_5_tuple(buffer(first + i));
}

// Hundredths of a nanosecond per packet.
static uint64_t time_round(void (*burst)(uint32_t first))
{
	uint64_t start;

	fill_pool();
	start = clock_now_ns();
	for (uint32_t i = 0; i < N_BUFFERS; i += PKT_BURST)
		burst(i);
	return (clock_now_ns() - start) * 100 / N_BUFFERS;
}

// ---- results ----

static int by_value(const void *x, const void *y)
{
	const uint64_t *p = x, *q = y;

	return (*p > *q) - (*p < *q);
}

static uint64_t median(uint64_t *values)
{
	qsort(values, ROUNDS, sizeof(*values), by_value);
	return values[ROUNDS / 2];
}

struct result {
	uint64_t ours, theirs, one_flow;
};

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "bench_pipeline: %s\n", what);
	exit(1);
}

// Every flow is established, and nothing but forwarded packets was seen.
static void populate(void)
{
	uint64_t before = bench.l.lane->count->by_name.forwarded, n = 0;

	for (int pass = 0; pass < 2; pass++)
		for (uint32_t done = 0; done < bench.n_flows + N_BUFFERS; done += N_BUFFERS) {
			fill_pool();
			for (uint32_t i = 0; i < N_BUFFERS; i += PKT_BURST, n += PKT_BURST)
				ours(i);
		}
	must(bench.l.lane->count->by_name.forwarded - before == n, "packets were dropped");
	must(bench.l.lane->count->flow_full == 0, "the flow table is full");
}

static uint64_t time_one_flow(void)
{
	uint32_t n_flows = bench.n_flows, next = bench.next;
	uint64_t ns;

	bench.n_flows = 1;
	bench.next = 0;
	ns = time_round(ours);
	bench.n_flows = n_flows;
	bench.next = next;
	return ns;
}

static struct result measure(uint32_t n_flows, uint16_t dport, size_t stride)
{
	static uint64_t ns[3][ROUNDS];

	bench.n_flows = n_flows;
	bench.stride = stride;
	bench.next = 0;
	build_template(dport);
	shuffle();
	populate();
	for (int i = 0; i < ROUNDS; i++) {
		ns[0][i] = time_round(ours);
		ns[1][i] = time_round(theirs);
		ns[2][i] = time_one_flow();
	}
	must(lanebuild_adds_up(&bench.l), "the counters do not add up");
	return (struct result){median(ns[0]), median(ns[1]), median(ns[2])};
}

static const struct {
	const char *name;
	uint32_t n_flows;
} sizes[] = {{"1", 1}, {"4k", 4000}, {"64k", 65536}, {"500k", N_FLOWS_MAX}};

static void line(const char *name, const char *size, uint64_t x, uint64_t y)
{
	printf("bench pipeline_%s_%s ours=%.2f yardstick=%.2f ratio=%.2f\n", name, size,
	       (double)x / 100, (double)y / 100, (double)x / (double)y);
}

static void run(const char *name, uint16_t dport, size_t stride)
{
	struct result r[ARRAY_LEN(sizes)];

	lanebuild_open(&bench.l, conf);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		r[i] = measure(sizes[i].n_flows, dport, stride);
		line(name, sizes[i].name, r[i].ours, r[i].theirs);
		fprintf(stderr, "%-12s %6s flows: %6.2f ns %6.2f Mpps\n", name, sizes[i].name,
		        (double)r[i].ours / 100, 100000.0 / (double)r[i].ours);
	}
	line(name, "500k_over_1", r[3].ours, r[3].one_flow);
	lanebuild_close(&bench.l);
}

int main(void)
{
	size_t size = (size_t)N_BUFFERS * STRIDE;

	bench.order = calloc(N_FLOWS_MAX, sizeof(*bench.order));
	// cppcheck-suppress invalidFunctionArg ; -1 is right for anonymous memory (mmap(2))
	bench.pool = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(bench.order && bench.pool != MAP_FAILED, "no memory");
	(void)madvise(bench.pool, size, MADV_HUGEPAGE);
	srand(47);
	run("dsr", 80, STRIDE);
	run("nat", 81, STRIDE);
	run("dsr_packed", 80, 64);
	run("nat_packed", 81, 64);
	return 0;
}
