// SPDX-License-Identifier: BSD-3-Clause
// Connection IDs that servers without QUIC-LB chose, and lanes that ask each other.
#include "l4/data/select_quic.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "tests/support/quicbuild.h"

static struct lanebuild l;

static void close_edge(void)
{
	cr_expect(lanebuild_adds_up(&l));
	lanebuild_close(&l);
}

TestSuite(select_quic_learn, .fini = close_edge);

enum { RAW = 445, NAT = 444 };

static struct service_counters counters(const char *name)
{
	struct service_counters c;

	stats_sum_service(&l.stats, snapbuild_service(&l.s, name), &c);
	return c;
}

static const struct quicbuild initial = {.first = QUICBUILD_INITIAL,
                                         .dcid = {{0xff, 1, 2, 3, 4, 5, 6, 7}, 8},
                                         .scid = {{9, 9, 9}, 3},
                                         .sport = 4000,
                                         .dport = RAW};

// A client's Initial and the server's answer to it with `scid`. Returns the backend.
static uint16_t handshake(const struct quicbuild *first, const struct quicbuild *answer)
{
	struct pkt *p = quicbuild_send(&l, first);
	uint16_t backend = p->backend;

	cr_assert_eq(p->verdict, VERDICT_FORWARD);
	p = quicbuild_answer(&l, p, answer);
	cr_assert_eq(p->verdict, VERDICT_FORWARD, "%s", stats_reason_names[p->reason]);
	return backend;
}

static uint16_t learn(const struct quicbuild_cid *scid)
{
	struct quicbuild answer = {.first = QUICBUILD_INITIAL, .scid = *scid};

	return handshake(&initial, &answer);
}

// From ports that nobody used; the hash alone would send them to all three backends.
static unsigned n_that_reach(uint16_t backend, const struct quicbuild_cid *cid, uint16_t dport)
{
	unsigned n = 0;

	for (uint16_t i = 0; i < 20; i++) {
		struct quicbuild what = {.dcid = *cid, .sport = 6000 + i, .dport = dport};

		n += quicbuild_send(&l, &what)->backend == backend;
	}
	return n;
}

Test(select_quic_learn, rebinding_reaches_the_same_server)
{
	struct quicbuild_cid scid = quicbuild_any(0x12, 0x34, 18);

	lanebuild_open(&l, quicbuild_edge);
	cr_expect_eq(n_that_reach(learn(&scid), &scid, RAW), 20);
	cr_expect_eq(counters("raw").quic_learned, 20);
	cr_expect_eq(counters("raw").quic_migrations, 20);
	cr_expect_eq(counters("raw").quic_hash, 1);
}

Test(select_quic_learn, of_every_length_that_is_a_name)
{
	lanebuild_open(&l, quicbuild_edge);
	for (uint8_t len = 4; len <= 20; len++) {
		struct quicbuild_cid scid = quicbuild_any(0x12, len, len);

		cr_expect_eq(n_that_reach(learn(&scid), &scid, RAW), 20, "%u octets", len);
		lanebuild_sleep(&l, 100);
	}
}

Test(select_quic_learn, long_headers_find_it_too)
{
	struct quicbuild_cid scid = quicbuild_any(0x12, 0x34, 8);
	struct quicbuild what = {
		.first = QUICBUILD_HANDSHAKE, .dcid = scid, .dst = "2001:db8::10", .dport = RAW};
	struct quicbuild first = initial, answer = {.first = QUICBUILD_HANDSHAKE, .scid = scid};
	uint16_t backend;

	lanebuild_open(&l, quicbuild_edge);
	first.dst = what.dst;
	backend = handshake(&first, &answer);
	for (uint16_t i = 0; i < 20; i++) {
		what.sport = 7000 + i;
		cr_expect_eq(quicbuild_send(&l, &what)->backend, backend);
	}
	cr_expect_eq(counters("raw6").quic_learned, 20);
	what.dcid.len++;
	what.sport = 4000; // another name: the flow table knows better
	quicbuild_send(&l, &what);
	cr_expect_eq(counters("raw6").quic_learned, 20);
	cr_expect_eq(counters("raw6").quic_table, 1);
}

Test(select_quic_learn, it_is_forgotten_when_nobody_uses_it)
{
	struct quicbuild_cid scid = quicbuild_any(0x12, 0x34, 8);

	lanebuild_open(&l, quicbuild_edge);
	learn(&scid);
	lanebuild_sleep(&l, 61);
	n_that_reach(0, &scid, RAW);
	cr_expect_eq(counters("raw").quic_learned, 0);
}

Test(select_quic_learn, only_from_long_headers_with_a_version)
{
	struct quicbuild_cid scid = quicbuild_any(0x12, 0x34, 8);
	struct quicbuild answer = {.first = QUICBUILD_NEGOTIATION, .scid = scid};

	lanebuild_open(&l, quicbuild_edge);
	handshake(&initial, &answer);
	answer.first = QUICBUILD_SHORT;
	answer.dcid = scid;
	handshake(&initial, &answer);
	cr_expect(cid_table_is_empty(&l.lane->cids));
	answer.first = QUICBUILD_RETRY;
	answer.version = 0x6b3343cf;
	handshake(&initial, &answer);
	cr_expect_not(cid_table_is_empty(&l.lane->cids));
}

Test(select_quic_learn, coalesced_packets_are_one_connections)
{
	struct quicbuild_cid scid = quicbuild_any(0x12, 0x34, 8);
	struct quicbuild second = {.first = QUICBUILD_HANDSHAKE, .scid = scid};
	struct quicbuild answer = {.first = QUICBUILD_INITIAL, .scid = scid};
	uint8_t behind[256] = {0, 5, 1, 2, 3, 4, 5}; // no token, length 5

	lanebuild_open(&l, quicbuild_edge);
	answer.behind_len = 7 + quicbuild_payload(behind + 7, &second);
	answer.behind = behind;
	cr_expect_eq(n_that_reach(handshake(&initial, &answer), &scid, RAW), 20);
}

Test(select_quic_learn, cids_of_quic_lb_are_not_learned)
{
	struct quicbuild first = initial, answer = {.first = QUICBUILD_INITIAL};
	struct pkt *p;

	lanebuild_open(&l, quicbuild_edge);
	first.dport = NAT;
	p = quicbuild_send(&l, &first);
	answer.scid = quicbuild_cid(&l.s, 1, l.s.roster.backends[p->backend].name, 3);
	p = quicbuild_answer(&l, p, &answer);
	cr_expect_eq(p->verdict, VERDICT_FORWARD);
	cr_expect(cid_table_is_empty(&l.lane->cids));
}

// A server of a service with quic_lb that does not speak it yet: one in eight of its random CIDs looks
// like any configuration's.
Test(select_quic_learn, cids_that_only_look_like_quic_lb_are_learned)
{
	struct quicbuild first = initial, answer = {.first = QUICBUILD_INITIAL};

	lanebuild_open(&l, quicbuild_edge);
	first.dport = NAT;
	for (uint8_t i = 0; i < 8; i++) {
		answer.scid = quicbuild_any((uint8_t)(i << 5), 0x41, 20);
		cr_expect_eq(n_that_reach(handshake(&first, &answer), &answer.scid, NAT), 20,
		             "rotation bits %u", i);
		lanebuild_sleep(&l, 100);
	}
}

Test(select_quic_learn, a_learned_cid_beats_the_flow_table_and_leaves_it)
{
	struct quicbuild_cid scid = quicbuild_any(0x12, 0x34, 8);
	struct quicbuild_cid unknown = quicbuild_any(0x56, 0x78, 8);
	uint16_t backend, port, sport = 5000;
	struct pkt *p;

	lanebuild_open(&l, quicbuild_edge);
	backend = learn(&scid);
	struct quicbuild stranger = {.dcid = unknown, .dport = RAW},
			 what = {.dcid = scid, .dport = RAW};
	do
		stranger.sport = ++sport;
	while ((p = quicbuild_send(&l, &stranger))->backend == backend);
	port = be16_to(p->nat.snat_port);
	uint16_t other = p->backend;

	what.sport = sport;
	cr_expect_eq(quicbuild_send(&l, &what)->backend, backend);
	p = quicbuild_send(&l, &stranger);
	cr_expect_eq(p->backend, other);
	cr_expect_eq(be16_to(p->nat.snat_port), port);
	cr_expect_eq(quicbuild_send(&l, &what)->backend, backend);
}

Test(select_quic_learn, a_server_that_is_down_is_not_found)
{
	struct quicbuild_cid scid = quicbuild_any(0x12, 0x34, 8);
	char from[80], to[112];
	uint16_t backend;

	lanebuild_open(&l, quicbuild_edge);
	backend = learn(&scid);
	snprintf(from, sizeof(from), "'%s', ", l.s.roster.backends[backend].name);
	snprintf(to, sizeof(to), "%s'state': 'down', ", from);
	snapbuild_change(&l.s, from, to);
	lanebuild_reload(&l);
	cr_expect_eq(n_that_reach(backend, &scid, RAW), 0);
	cr_expect_eq(counters("raw").quic_learned, 0);
}

Test(select_quic_learn, dsr_services_learn_nothing)
{
	struct quicbuild first = initial;

	lanebuild_open(&l, quicbuild_edge);
	first.dport = 446;
	quicbuild_send(&l, &first);
	cr_expect(cid_table_is_empty(&l.lane->cids));
}

// ---- lanes ----

// Sends to a lane and, as workers do, on to where it wants to be. Returns who ended it.
static struct pkt *send_from(uint16_t lane, const struct quicbuild *what, uint8_t *n_hops)
{
	struct pktbuild b;
	struct pkt *p;

	quicbuild_frame(&b, what);
	for (uint8_t hops = 0;; hops++) {
		l.lane = l.lanes[lane];
		p = lanebuild_add_frame(&l, b.byte, b.len);
		p->hops = hops;
		lanebuild_run(&l);
		*n_hops = hops;
		if (p->to_lane == PKT_THIS_LANE)
			return p;
		cr_assert_lt(hops, 8, "goes round");
		lane = p->to_lane;
	}
}

Test(select_quic_learn, a_cid_that_another_lane_learned_goes_there)
{
	struct quicbuild_cid scid = quicbuild_any(0x12, 0x34, 8);
	struct quicbuild what = {.dcid = scid, .sport = 6000, .dport = RAW};
	uint16_t backend;
	uint8_t n_hops;

	lanebuild_open(&l, quicbuild_edge4);
	l.lane = l.lanes[2];
	backend = learn(&scid);
	for (uint16_t lane = 0; lane < 4; lane++) {
		struct pkt *p = send_from(lane, &what, &n_hops);

		cr_expect_eq(p->backend, backend);
		cr_expect_eq(p->verdict, VERDICT_FORWARD);
		cr_expect_eq(n_hops, (2 - lane) & 3);
	}
	cr_expect_eq(counters("raw").quic_learned, 4);
	cr_expect_eq(counters("raw").packets, 5);
	cr_expect_eq(counters("raw").quic_migrations, 1);
}

Test(select_quic_learn, the_last_lane_takes_what_nobody_knows)
{
	struct quicbuild what = {.dcid = quicbuild_any(0x12, 1, 8), .sport = 6000, .dport = RAW};
	struct lane_counters sum;
	uint8_t n_hops;
	struct pkt *p;
	uint16_t backend;

	lanebuild_open(&l, quicbuild_edge4);
	p = send_from(1, &what, &n_hops);
	cr_expect_eq(p->verdict, VERDICT_FORWARD);
	cr_expect_eq(n_hops, 3);
	backend = p->backend;
	cr_expect_eq(send_from(1, &what, &n_hops)->backend, backend);
	cr_expect_eq(counters("raw").quic_hash, 1);
	cr_expect_eq(counters("raw").quic_table, 1);
	stats_sum_lanes(&l.stats, &sum);
	cr_expect_eq(sum.quic_1rtt, 2, "%llu: counted where they came in",
	             (unsigned long long)sum.quic_1rtt);
}

Test(select_quic_learn, initials_and_dsr_are_not_handed_about)
{
	struct quicbuild what = {.dcid = quicbuild_any(0x12, 1, 8), .sport = 6000, .dport = 446};
	uint8_t n_hops;

	lanebuild_open(&l, quicbuild_edge4);
	send_from(0, &what, &n_hops);
	cr_expect_eq(n_hops, 0);
	what = initial;
	send_from(0, &what, &n_hops);
	cr_expect_eq(n_hops, 0);
	what = (struct quicbuild){.dcid = quicbuild_cid(&l.s, 1, "n3-1", 9), .dport = NAT};
	send_from(0, &what, &n_hops);
	cr_expect_eq(n_hops, 0);
}

Test(select_quic_learn, reasons_are_counted_once_along_the_chain)
{
	struct quicbuild what = {.dcid = quicbuild_any(0xff, 1, 8), .sport = 6000, .dport = NAT};
	static const uint8_t nobody[3] = {1, 2, 3};
	uint8_t n_hops;

	lanebuild_open(&l, quicbuild_edge4);
	send_from(0, &what, &n_hops);
	cr_expect_eq(n_hops, 3);
	cr_expect_eq(counters("n3").quic_no_config, 1);
	what.dcid = quicbuild_cid_of(&l.s, 0, nobody, 1);
	what.sport++;
	send_from(0, &what, &n_hops);
	cr_expect_eq(counters("n3").quic_no_server, 1);
}
