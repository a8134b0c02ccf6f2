// SPDX-License-Identifier: BSD-3-Clause
// Properties of the corridor as a whole, over random packets.
#include "l4/data/pipeline.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/data/trace.h"
#include "tests/support/lanebuild.h"
#include "tests/support/pktcheck.h"

static struct lanebuild l;

static void close_edge(void)
{
	cr_expect(lanebuild_adds_up(&l));
	cr_expect_eq(l.lane->count->rx_packets, l.n_fed);
	lanebuild_close(&l);
}

TestSuite(pipeline, .fini = close_edge);

static uint32_t chance(uint32_t n)
{
	return (uint32_t)rand() % n;
}

static const char *any(const char *const *of, uint32_t n)
{
	return of[chance(n)];
}

#define ANY(...) any((const char *const[]){__VA_ARGS__}, ARRAY_LEN(((const char *[]){__VA_ARGS__})))

static void random_ip(struct pktbuild *b, bool is_6)
{
	if (is_6) {
		pktbuild_ip6(b, .src = ANY("2001:db8::7", "2001:db8::8", "2001:db8:1:3::1", "::1"),
		             .dst = ANY("2001:db8::10", "2001:db8::10", "2001:db8:1::2", "ff02::1"),
		             .hop_limit = (int)chance(3));
		if (!chance(4))
			pktbuild_ext(b, .type = chance(2) ? 60 : 0);
		if (!chance(16))
			pktbuild_frag6(b, .offset = (uint16_t)chance(2), .more = chance(2));
		return;
	}
	pktbuild_ip4(
		b, .src = ANY("198.51.100.7", "198.51.100.8", "10.0.3.1", "10.0.4.1", "0.0.0.0"),
		.dst = ANY("203.0.113.10", "203.0.113.10", "203.0.113.10", "10.0.0.2", "192.0.2.1"),
		.ttl = (int)chance(3), .frag = chance(16) ? 0 : 0x2000, .options = "\1\1\1\1",
		.options_len = chance(8) ? 0 : 4, .bad_csum = !chance(64));
}

static uint16_t random_port(void)
{
	static const uint16_t ports[] = {80, 81, 53, 443, 8080, 1234, 20000, 29999, 8000, 1123, 0};

	return chance(3) ? ports[chance(ARRAY_LEN(ports))] : (uint16_t)rand();
}

static void random_l4(struct pktbuild *b, bool is_6)
{
	static const uint8_t flags[] = {2, 2, 0x10, 0x10, 0x18, 0x11, 4, 0x14, 0x12, 3};

	switch (chance(4)) {
	case 0:
	case 1:
		pktbuild_tcp(b, .sport = random_port(), .dport = random_port(),
		             .flags = flags[chance(ARRAY_LEN(flags))]);
		break;
	case 2:
		pktbuild_udp(b, .sport = random_port(), .dport = random_port(),
		             .no_csum = !is_6 && !chance(4));
		break;
	default:
		pktbuild_icmp(b, .type = (uint8_t)(chance(2) ? is_6 ? 128 : 8 : is_6 ? 1 : 3));
		random_ip(b, is_6);
		pktbuild_tcp(b, .sport = random_port(), .dport = random_port());
	}
	pktbuild_fill(b, chance(40));
}

// A frame that is right, or nearly: a few have a byte changed or their end cut off.
static void random_frame(struct pktbuild *b)
{
	bool is_6 = chance(3) == 0;

	pktbuild_start(b);
	pktbuild_eth(b);
	for (uint32_t n = chance(8) ? 0 : chance(4); n; n--)
		pktbuild_vlan(b);
	random_ip(b, is_6);
	random_l4(b, is_6);
	pktbuild_end(b);
	if (!chance(8))
		b->byte[chance((uint32_t)b->len)] ^= (uint8_t)(1 << chance(8));
	if (!chance(16))
		b->len = chance((uint32_t)b->len);
}

static bool is_sent(const struct pkt *p)
{
	return p->verdict == VERDICT_FORWARD || p->verdict == VERDICT_ANSWER;
}

// What holds for every packet, whatever it was: `before` is the frame that came in.
static void expect_lawful(const struct pkt *p, const struct pktbuild *before)
{
	bool was_right = !pktcheck(before->byte, before->len);

	cr_assert_neq(p->verdict, VERDICT_NONE);
	cr_assert_eq(p->verdict, stats_reason_verdicts[p->reason], "%s",
	             stats_reason_names[p->reason]);
	cr_assert_eq(p->len, before->len);
	if (!is_sent(p)) {
		cr_assert_arr_eq(p->data, before->byte, p->len, "%s changed the packet",
		                 stats_reason_names[p->reason]);
		return;
	}
	cr_assert(p->out_port < 2);
	if (was_right)
		cr_assert_null(pktcheck(p->data, p->len), "%s", pktcheck(p->data, p->len));
	if (p->verdict == VERDICT_FORWARD && !be16_raw(p->nat.snat_port) && p->role == ROLE_CLIENT)
		cr_assert_arr_eq(p->data + 12, before->byte + 12, p->len - 12u);
}

Test(pipeline, every_packet_gets_one_lawful_verdict)
{
	static struct pktbuild before[PKT_BURST];
	uint32_t seen[REASON_COUNT] = {0}, n_seen = 0;

	srand(47);
	lanebuild_open(&l, snapbuild_edge);
	for (int round = 0; round < 10000; round++) {
		uint32_t n = 1 + chance(PKT_BURST);

		l.now_ns += chance(2000000000);
		for (uint32_t i = 0; i < n; i++) {
			random_frame(&before[i]);
			lanebuild_add_frame(&l, before[i].byte, before[i].len);
		}
		lanebuild_run(&l);
		for (uint32_t i = 0; i < n; i++) {
			expect_lawful(&l.pkts[i], &before[i]);
			seen[l.pkts[i].reason]++;
		}
	}
	for (size_t i = 0; i < REASON_COUNT; i++)
		n_seen += seen[i] > 0;
	cr_expect_geq(n_seen, 25, "%u reasons seen", n_seen);
}

Test(pipeline, a_burst_decides_as_its_packets_one_by_one)
{
	static struct pktbuild frames[PKT_BURST];
	static struct lanebuild one;

	srand(48);
	lanebuild_open(&l, snapbuild_edge);
	lanebuild_open(&one, snapbuild_edge);
	for (int round = 0; round < 3000; round++) {
		for (uint32_t i = 0; i < PKT_BURST; i++) {
			random_frame(&frames[i]);
			lanebuild_add_frame(&l, frames[i].byte, frames[i].len);
		}
		lanebuild_run(&l);
		for (uint32_t i = 0; i < PKT_BURST; i++) {
			const struct pkt *p =
				lanebuild_send_frame(&one, frames[i].byte, frames[i].len);

			cr_assert_eq(p->reason, l.pkts[i].reason);
			cr_assert_eq(p->backend, l.pkts[i].backend);
			cr_assert_arr_eq(p->data, l.pkts[i].data, p->len);
		}
	}
	lanebuild_close(&one);
}

Test(pipeline, a_trace_changes_nothing)
{
	static struct lanebuild traced;
	struct trace trace;

	srand(49);
	lanebuild_open(&l, snapbuild_edge);
	lanebuild_open(&traced, snapbuild_edge);
	traced.lane->trace = &trace;
	for (int round = 0; round < 20000; round++) {
		struct pktbuild b;
		const struct pkt *p, *q;

		random_frame(&b);
		trace.n_steps = 0;
		p = lanebuild_send_frame(&l, b.byte, b.len);
		q = lanebuild_send_frame(&traced, b.byte, b.len);
		cr_assert_eq(p->reason, q->reason);
		cr_assert_arr_eq(p->data, q->data, p->len);
		cr_assert_gt(trace.n_steps, 0);
		for (int i = 0; i < trace.n_steps; i++)
			cr_assert_null(strstr(trace.step[i].text, "(null)"), "%s",
			               trace.step[i].text);
	}
	traced.lane->trace = NULL;
	lanebuild_close(&traced);
}

// ---- nat, there and back ----

// The backend's answer to what it got, as a mirror of its headers.
static void turn(struct pktbuild *b, const struct pkt *request, bool is_6)
{
	size_t addr = is_6 ? 14 + 8 : 14 + 12, size = is_6 ? 16 : 4, l4 = is_6 ? 54 : 34;
	uint8_t t[16];

	b->len = request->len;
	memcpy(b->byte, request->data, request->len);
	memcpy(t, b->byte + addr, size);
	memcpy(b->byte + addr, b->byte + addr + size, size);
	memcpy(b->byte + addr + size, t, size);
	memcpy(t, b->byte + l4, 2);
	memcpy(b->byte + l4, b->byte + l4 + 2, 2);
	memcpy(b->byte + l4 + 2, t, 2);
}

// A small table: flows that are moved to make room for others keep their ports.
Test(pipeline, nat_there_and_back_restores_the_clients_view)
{
	static const struct lanebuild_packet kinds[] = {
		{.dport = 8080, .flags = PKTBUILD_ACK},
		{.dport = 1234, .is_udp = true},
		{.dport = 8080, .flags = PKTBUILD_ACK, .dst = "2001:db8::10"},
		{.dport = 1234, .is_udp = true, .dst = "2001:db8::10"},
	};
	enum { N = 250 };
	static struct pktbuild answers[ARRAY_LEN(kinds) * N];

	lanebuild_open_sized(&l, snapbuild_edge, 2 * N);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct lanebuild_packet what = kinds[i % ARRAY_LEN(kinds)];
		const struct pkt *p;

		what.sport = (uint16_t)(1 + i);
		p = lanebuild_send(&l, &what);
		answers[i].len = 0;
		if (p->verdict != VERDICT_FORWARD)
			continue;
		turn(&answers[i], p, what.dst != NULL);
		lanebuild_send_frame(&l, answers[i].byte, answers[i].len);
		lanebuild_send(&l, &what); // both sides were seen: established
	}
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct lanebuild_packet what = kinds[i % ARRAY_LEN(kinds)];
		size_t l4 = what.dst ? 54 : 34;
		const struct pkt *p;

		if (!answers[i].len)
			continue;
		p = lanebuild_send_frame(&l, answers[i].byte, answers[i].len);
		cr_assert_eq(p->verdict, VERDICT_FORWARD, "%zu: %s", i,
		             stats_reason_names[p->reason]);
		cr_assert_null(pktcheck(p->data, p->len));
		cr_assert_eq(p->data[l4] << 8 | p->data[l4 + 1], what.dport);
		cr_assert_eq(p->data[l4 + 2] << 8 | p->data[l4 + 3], 1 + (int)i);
	}
	cr_expect_leq(l.lane->count->by_name.flow_table_full, 8);
}

// ---- several lanes ----

static void open_lanes(const char *lanes)
{
	const char *at = strstr(snapbuild_edge, "[0]");
	char text[8192];

	cr_assert(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - snapbuild_edge), snapbuild_edge, lanes,
	         at + 3);
	lanebuild_open(&l, text);
}

// Runs a frame on every lane; the lane of `owner` must forward it, the others must hand it over.
static void expect_handover(const struct pktbuild *b, uint16_t owner)
{
	for (uint16_t i = 0; i < l.n_lanes; i++) {
		const struct pkt *p;

		l.lane = l.lanes[i];
		p = lanebuild_send_frame(&l, b->byte, b->len);
		if (i == owner)
			cr_expect_eq(p->verdict, VERDICT_FORWARD);
		else
			cr_expect(p->verdict == VERDICT_NONE && p->to_lane == owner);
		l.n_fed -= i != owner;
	}
	l.lane = l.lanes[owner];
}

Test(pipeline, an_answer_on_another_lane_is_handed_to_its_owner)
{
	struct lanebuild_packet what = {.dport = 8080};
	struct pktbuild answer;

	open_lanes("[0, 1, 2]");
	for (uint16_t owner = 0; owner < 3; owner++) {
		uint64_t n_fed = l.n_fed;

		l.lane = l.lanes[owner];
		l.n_fed = 0;
		what.sport = (uint16_t)(5000 + owner);
		turn(&answer, lanebuild_send(&l, &what), false);
		expect_handover(&answer, owner);
		cr_expect_eq(l.lane->count->rx_packets, l.n_fed);
		l.n_fed = owner < 2 ? n_fed : l.n_fed;
	}
}

// An ICMP error says nothing of the lane that has the flow: it goes round.
Test(pipeline, an_error_about_a_flow_visits_every_lane_once)
{
	struct pktbuild b;
	struct pkt *p = NULL;

	open_lanes("[0, 1, 2]");
	pktbuild_start(&b);
	pktbuild_eth(&b);
	pktbuild_ip4(&b, .src = "192.0.2.1");
	pktbuild_icmp(&b, .type = 3);
	pktbuild_ip4(&b, .src = "203.0.113.10", .dst = "198.51.100.7");
	pktbuild_tcp(&b, .sport = 8080, .dport = 40000);
	pktbuild_end(&b);
	for (uint8_t hops = 0; hops < 3; hops++) {
		l.lane = l.lanes[(hops + 1) % 3];
		p = lanebuild_add_frame(&l, b.byte, b.len);
		p->hops = hops;
		lanebuild_run(&l);
		if (hops < 2)
			cr_expect_eq(p->to_lane, (hops + 2) % 3);
	}
	cr_expect_eq(p->reason, REASON_ICMP_NO_FLOW);
	l.n_fed = 1;
}
