// SPDX-License-Identifier: BSD-3-Clause
// Time of the packet path for QUIC short headers with QUIC-LB connection IDs, dsr, beside TCP ACKs
// of the same number of flows that the flow table knows. Frames of 60 bytes, buffers, rounds and what
// is timed as in bench_pipeline.c: 500,000 connections in a shuffled order; the four kinds in turn,
// medians of the rounds. Lines:
//   bench pipeline_quic_plaintext_500k ours=NS yardstick=NS ratio=R    yardstick: the TCP flows
//   bench pipeline_quic_single_pass_500k ...
//   bench pipeline_quic_four_pass_500k ...
#include "l4/base/clock.h"
#include "l4/data/pipeline.h"
#include "l4/data/quic_lb.h"
#include "tests/support/lanebuild.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	N_BUFFERS = 8192,
	N_FLOWS = 500000,
	FRAME = 60,
	HEADROOM = 256, // struct rte_mbuf and RTE_PKTMBUF_HEADROOM
	STRIDE = 2304,
	ROUNDS = 251,
	CID_OFF = 14 + 20 + 8 + 1,
};

// clang-format off
#define BACKEND(n, port)                                                                           \
	"{'name': 'b" n "', 'address': '10.0.1." n "', 'port': " port ", 'server_id': '0a0b0" n    \
	"', 'mac': '02:00:00:00:01:0" n "'}"
#define POOL(name, port)                                                                           \
	"{'name': '" name "', 'backends': [" BACKEND("1", port) "," BACKEND("2", port) ","         \
	BACKEND("3", port) "," BACKEND("4", port) "]}"
#define SERVICE(name, port, config)                                                                \
	"{'name': '" name "', 'address': '203.0.113.10', 'port': " port ", 'protocol': 'quic', "   \
	"'pool': '" name "', 'quic_lb': [{'config_id': 0, 'server_id_length': 3, " config "}]}"
#define KEY ", 'key': '8f95f09245765f80256934e50c66207f'"

static const char conf[] =
	"{'ports': [{'name': 'wan', 'driver': 'pcap', 'rx': 'x', 'mac': '02:00:00:00:00:01'}],"
	"'lanes': [0], 'flows': 1048576, 'services': ["
	"{'name': 'tcp', 'address': '203.0.113.10', 'port': 80, 'protocol': 'tcp', 'pool': 'tcp'},"
	SERVICE("plaintext", "443", "'nonce_length': 4") ","
	SERVICE("single", "444", "'nonce_length': 13" KEY) ","
	SERVICE("four", "445", "'nonce_length': 4" KEY) "],"
	"'pools': [" POOL("tcp", "80") "," POOL("plaintext", "443") "," POOL("single", "444") ","
	POOL("four", "445") "]}";
// clang-format on

static const struct {
	const char *name; // of the line
	uint16_t dport;
} kinds[] = {{"tcp", 80}, {"plaintext", 443}, {"single_pass", 444}, {"four_pass", 445}};

enum { N_KINDS = ARRAY_LEN(kinds) };

struct bench {
	struct lanebuild l;
	uint8_t *pool;                            // N_BUFFERS * STRIDE
	uint32_t *order;                          // connections in the order of their packets
	uint8_t (*cid[N_KINDS])[QUIC_LB_MAX_CID]; // [N_FLOWS], NULL for TCP
	uint8_t cid_len[N_KINDS];
	uint32_t next[N_KINDS]; // in order
	uint8_t frame[N_KINDS][FRAME];
};

static struct bench bench;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "bench_pipeline_quic: %s\n", what);
	exit(1);
}

static uint8_t *buffer(uint32_t i)
{
	return bench.pool + (size_t)(i % N_BUFFERS) * STRIDE + HEADROOM;
}

static void build_template(size_t kind)
{
	struct pktbuild p;
	uint16_t sum;

	pktbuild_start(&p);
	pktbuild_eth(&p);
	pktbuild_ip4(&p, .src = "0.0.0.0");
	if (kind == 0)
		pktbuild_tcp(&p, .sport = 1, .dport = kinds[kind].dport);
	else
		pktbuild_udp(&p, .sport = 1, .dport = kinds[kind].dport, .no_csum = true);
	if (kind != 0)
		pktbuild_text(&p, "@_________________"); // a short header of 18 octets
	pktbuild_end(&p);
	must(p.len <= FRAME, "frame is too long");
	memcpy(bench.frame[kind], p.byte, p.len);
	sum = (uint16_t) ~(p.byte[24] << 8 | p.byte[25]); // not inverted, to add to
	bench.frame[kind][24] = (uint8_t)(sum >> 8);
	bench.frame[kind][25] = (uint8_t)sum;
}

static void make_cids(size_t kind)
{
	const struct conf_quic_lb *lb = &bench.l.s.conf->services[kind].quic_lb[0];
	struct quic_lb_config c;
	struct err err;

	bench.cid[kind] = calloc(N_FLOWS, sizeof(*bench.cid[kind]));
	must(bench.cid[kind] && quic_lb_config_init(&c, lb, &err) == 0, "no connection IDs");
	for (uint32_t i = 0; i < N_FLOWS; i++) {
		uint8_t sid[3] = {0x0a, 0x0b, (uint8_t)(1 + i % 4)};
		uint8_t nonce[QUIC_LB_MAX_NONCE] = {0};

		memcpy(nonce, &i, sizeof(i));
		quic_lb_encode(&c, i & 31, sid, nonce, bench.cid[kind][i]);
	}
	bench.cid_len[kind] = c.cid_len;
	quic_lb_config_fini(&c);
}

// The template with the connection's source address, unique, port and CID.
static void fill(uint8_t *to, size_t kind, uint32_t flow)
{
	uint32_t addr = 0x0b000000 + flow, sum;
	be32 src = be32_from(addr);
	be16 sport = be16_from((uint16_t)(1024 + flow * 31 % 60000)), csum;

	memcpy(to, bench.frame[kind], FRAME);
	memcpy(to + 26, &src, sizeof(src));
	memcpy(to + 34, &sport, sizeof(sport));
	sum = (uint32_t)(to[24] << 8 | to[25]) + (addr >> 16) + (addr & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	csum = be16_from((uint16_t) ~((sum & 0xffff) + (sum >> 16)));
	memcpy(to + 24, &csum, sizeof(csum));
	if (bench.cid[kind])
		memcpy(to + CID_OFF, bench.cid[kind][flow], bench.cid_len[kind]);
}

static void fill_pool(size_t kind)
{
	for (uint32_t i = 0; i < N_BUFFERS; i++) {
		fill(buffer(i), kind, bench.order[bench.next[kind]]);
		bench.next[kind] = bench.next[kind] + 1 == N_FLOWS ? 0 : bench.next[kind] + 1;
	}
}

static void shuffle(void)
{
	for (uint32_t i = 0; i < N_FLOWS; i++)
		bench.order[i] = i;
	for (uint32_t i = N_FLOWS - 1; i > 0; i--) {
		uint32_t k = (uint32_t)rand() % (i + 1), t = bench.order[i];

		bench.order[i] = bench.order[k];
		bench.order[k] = t;
	}
}

// As core.c: receive(), process().
static void burst(uint32_t first)
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

// Hundredths of a nanosecond per packet.
static uint64_t time_round(size_t kind)
{
	uint64_t start;

	fill_pool(kind);
	start = clock_now_ns();
	for (uint32_t i = 0; i < N_BUFFERS; i += PKT_BURST)
		burst(i);
	return (clock_now_ns() - start) * 100 / N_BUFFERS;
}

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

static void prepare(void)
{
	size_t size = (size_t)N_BUFFERS * STRIDE;

	lanebuild_open(&bench.l, conf);
	bench.order = calloc(N_FLOWS, sizeof(*bench.order));
	// cppcheck-suppress invalidFunctionArg ; -1 is right for anonymous memory (mmap(2))
	bench.pool = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(bench.order && bench.pool != MAP_FAILED, "no memory");
	(void)madvise(bench.pool, size, MADV_HUGEPAGE);
	shuffle();
	for (size_t kind = 0; kind < N_KINDS; kind++) {
		build_template(kind);
		if (kind != 0)
			make_cids(kind);
	}
	for (int pass = 0; pass < 2; pass++) // opens the TCP flows and establishes them
		for (uint32_t done = 0; done < N_FLOWS + N_BUFFERS; done += N_BUFFERS)
			time_round(0);
}

// Nothing but TCP flows that were in the table, and QUIC packets routed by their CIDs.
static void check(uint64_t n_hits)
{
	const struct lane_counters *c = bench.l.lane->count;
	uint64_t n_cid = 0;

	for (uint16_t id = 1; id < bench.l.s.roster.n_services; id++)
		n_cid += bench.l.lane->services[id].quic_cid;
	must(n_cid == (uint64_t)(N_KINDS - 1) * ROUNDS * N_BUFFERS, "not all by connection ID");
	must(c->flow_hits - n_hits == (uint64_t)ROUNDS * N_BUFFERS, "not all in the flow table");
	must(c->by_name.forwarded == c->rx_packets, "packets were dropped");
	must(lanebuild_adds_up(&bench.l), "the counters do not add up");
}

int main(void)
{
	static uint64_t ns[N_KINDS][ROUNDS];
	uint64_t middle[N_KINDS], n_hits;

	srand(47);
	prepare();
	n_hits = bench.l.lane->count->flow_hits;
	for (int i = 0; i < ROUNDS; i++)
		for (size_t kind = 0; kind < N_KINDS; kind++)
			ns[kind][i] = time_round(kind);
	check(n_hits);
	for (size_t kind = 0; kind < N_KINDS; kind++)
		middle[kind] = median(ns[kind]);
	for (size_t kind = 1; kind < N_KINDS; kind++)
		printf("bench pipeline_quic_%s_500k ours=%.2f yardstick=%.2f ratio=%.2f\n",
		       kinds[kind].name, (double)middle[kind] / 100, (double)middle[0] / 100,
		       (double)middle[kind] / (double)middle[0]);
	lanebuild_close(&bench.l);
	return 0;
}
