// SPDX-License-Identifier: BSD-3-Clause
// Packets of one burst meet each other in the flow table, and tables that are full.
#include "l4/data/select.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/lanebuild.h"

enum { ONE_BUCKET = 2 }; // flows of nominal capacity: four slots IPv4

static struct lanebuild l;

static void close_edge(void)
{
	cr_expect(lanebuild_adds_up(&l));
	lanebuild_close(&l);
}

TestSuite(select_burst, .fini = close_edge);

static struct pkt *add(uint16_t sport, uint16_t dport, uint8_t flags)
{
	struct lanebuild_packet what = {.sport = sport, .dport = dport, .flags = flags};

	return lanebuild_add(&l, &what);
}

static uint16_t send_tcp(uint16_t sport, uint8_t flags)
{
	struct pkt *p = add(sport, 80, flags);

	lanebuild_run(&l);
	return p->backend;
}

static void set_pool_down(const char *const names[3])
{
	for (size_t i = 0; i < 3; i++) {
		char from[64], to[96];

		snprintf(from, sizeof(from), "'%s', 'address'", names[i]);
		snprintf(to, sizeof(to), "'%s', 'state': 'down', 'address'", names[i]);
		snapbuild_change(&l.s, from, to);
	}
	lanebuild_reload(&l);
}

Test(select_burst, duplicates_of_a_new_flow_make_one_entry)
{
	lanebuild_open(&l, snapbuild_edge);
	for (int i = 0; i < PKT_BURST; i++)
		add(4000, i % 2 ? 80 : 8080, PKTBUILD_SYN);
	lanebuild_run(&l);
	cr_expect_eq(l.lane->flows4.n_flows, 2);
	cr_expect_eq(l.lane->count->flow_inserts, 2);
	for (int i = 2; i < PKT_BURST; i++) {
		cr_expect_eq(l.pkts[i].backend, l.pkts[i - 2].backend);
		cr_expect(be16_raw(l.pkts[i].nat.snat_port) ==
		          be16_raw(l.pkts[i - 2].nat.snat_port));
		cr_expect_not(l.pkts[i].is_new);
	}
}

static enum flow_state state_of(uint16_t sport)
{
	struct pkt *p = &l.pkts[0]; // any packet of the client's to the service
	const struct flow_table *t = &l.lane->flows4;
	uint16_t service = l.lane->snap->services[p->service].id;
	be16 port = be16_from(sport);
	const struct flow *f =
		flow_find(t, flow_hash(t, p->key.src, port, service), p->key.src, port, service);

	return f ? flow_state(f) : FLOW_NONE;
}

// A reset that the client goes on after was forged; one that comes last was not. Both ways with other
// flows' plain packets before, between and behind, which are decided in an earlier pass.
Test(select_burst, packets_of_a_flow_are_decided_in_their_order)
{
	lanebuild_open(&l, snapbuild_edge);
	for (uint16_t sport = 4000; sport < 4003; sport++) {
		send_tcp(sport, PKTBUILD_SYN);
		send_tcp(sport, PKTBUILD_ACK);
		cr_assert_eq(state_of(sport), FLOW_ESTABLISHED);
	}
	add(4000, 80, PKTBUILD_ACK);
	add(4001, 80, PKTBUILD_ACK);
	add(4001, 80, PKTBUILD_RST);
	add(4002, 80, PKTBUILD_ACK);
	add(4002, 80, PKTBUILD_RST);
	add(4000, 80, PKTBUILD_ACK);
	add(4001, 80, PKTBUILD_ACK);
	lanebuild_run(&l);
	cr_expect_eq(state_of(4000), FLOW_ESTABLISHED);
	cr_expect_eq(state_of(4001), FLOW_ESTABLISHED);
	cr_expect_eq(state_of(4002), FLOW_RESET);
	cr_expect_eq(l.lane->count->flow_hits, 3 + 7);
}

// The first of a bucket's four half-open flows gives way to a fifth; its own next packet stands behind
// that one in the same burst.
Test(select_burst, an_entry_evicted_within_the_burst_misroutes_nobody)
{
	uint16_t sport[5], first, next = 4000;

	lanebuild_open_sized(&l, snapbuild_edge, ONE_BUCKET);
	first = send_tcp(next, PKTBUILD_SYN);
	for (size_t i = 0; i < 4; i++)
		sport[i] = (uint16_t)(next + i);
	for (size_t i = 1; i < 4; i++)
		send_tcp(sport[i], PKTBUILD_SYN);
	for (next += 4; l.lane->count->flow_evictions == 0; next++) {
		add(next, 80, PKTBUILD_SYN);
		add(sport[0], 80, PKTBUILD_ACK);
		lanebuild_run(&l);
		cr_expect_eq(l.pkts[1].backend, first);
	}
	cr_expect(l.lane->count->flow_evictions);
	cr_expect_leq(l.lane->flows4.n_flows, 4);
}

Test(select_burst, evictions_within_bursts_misroute_nobody_ever)
{
	uint16_t backend[4096] = {0};

	lanebuild_open_sized(&l, snapbuild_edge, 64);
	srand(1);
	for (int round = 0; round < 3000; round++) {
		uint16_t nth[PKT_BURST];

		for (int i = 0; i < PKT_BURST; i++) {
			nth[i] = (uint16_t)(rand() % 4096);
			add((uint16_t)(1 + nth[i]), 80,
			    rand() % 4 ? PKTBUILD_ACK : PKTBUILD_SYN | (rand() % 8 == 0));
		}
		lanebuild_run(&l);
		for (int i = 0; i < PKT_BURST; i++) {
			uint16_t *known = &backend[nth[i]];

			if (l.pkts[i].reason == REASON_TCP_FLAGS)
				continue;
			*known = *known ? *known : l.pkts[i].backend;
			cr_assert_eq(l.pkts[i].backend, *known);
		}
	}
	cr_expect_gt(l.lane->count->flow_evictions, 100);
	cr_expect_gt(l.lane->count->flow_full, 100);
}

// The first of two packets of a flow finds no backend and removes the entry; the second has looked it
// up already.
Test(select_burst, a_flow_removed_within_the_burst_is_removed_once)
{
	static const char *const web[] = {"web-1", "web-2", "web-3"};

	lanebuild_open(&l, snapbuild_edge);
	send_tcp(4000, PKTBUILD_SYN);
	send_tcp(4000, PKTBUILD_ACK);
	set_pool_down(web);
	for (int i = 0; i < 3; i++)
		add(4000, 80, PKTBUILD_ACK);
	lanebuild_run(&l);
	cr_expect_eq(l.pkts[0].reason, REASON_BACKEND_DOWN);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(l.pkts[i].verdict, VERDICT_DROP);
	cr_expect_eq(l.lane->flows4.n_flows, 0);
	cr_expect_eq(l.lane->count->flow_moved, 1);
}

Test(select_burst, a_nat_flow_removed_within_the_burst_does_not_leave_from_port_0)
{
	static const char *const api[] = {"api-1", "api-2", "api-3"};

	lanebuild_open(&l, snapbuild_edge);
	add(4000, 8080, PKTBUILD_SYN);
	add(4000, 8080, PKTBUILD_ACK);
	lanebuild_run(&l);
	set_pool_down(api);
	for (int i = 0; i < 3; i++)
		add(4000, 8080, PKTBUILD_ACK);
	lanebuild_run(&l);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(l.pkts[i].verdict, VERDICT_DROP);
	cr_expect_eq(l.lane->flows4.n_flows, 0);
}

Test(select_burst, a_full_table_sends_dsr_by_hash_and_refuses_nat)
{
	lanebuild_open_sized(&l, snapbuild_edge, ONE_BUCKET);
	for (uint16_t port = 1; port <= 4; port++) {
		send_tcp(port, PKTBUILD_SYN);
		send_tcp(port, PKTBUILD_ACK);
	}
	add(5000, 80, PKTBUILD_SYN);
	add(5000, 8080, PKTBUILD_SYN);
	lanebuild_run(&l);
	cr_expect_eq(l.pkts[0].verdict, VERDICT_FORWARD);
	cr_expect_eq(l.pkts[1].reason, REASON_FLOW_TABLE_FULL);
	cr_expect_eq(l.lane->count->flow_full, 1);
	cr_expect_eq(l.lane->flows4.n_flows, 4);
}

Test(select_burst, a_flood_of_syns_evicts_syns_only)
{
	uint16_t ids[20];

	lanebuild_open_sized(&l, snapbuild_edge, 64);
	for (uint16_t i = 0; i < 20; i++) {
		ids[i] = send_tcp((uint16_t)(1 + i), PKTBUILD_SYN);
		send_tcp((uint16_t)(1 + i), PKTBUILD_ACK);
	}
	for (uint16_t port = 1000; port < 9000; port++)
		send_tcp(port, PKTBUILD_SYN);
	snapbuild_change(&l.s, "'web-1', 'address'", "'web-1', 'weight': 1000, 'address'");
	lanebuild_reload(&l);
	for (uint16_t i = 0; i < 20; i++)
		cr_expect_eq(send_tcp((uint16_t)(1 + i), PKTBUILD_ACK), ids[i]);
}
