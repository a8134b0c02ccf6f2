// SPDX-License-Identifier: BSD-3-Clause
// What a client sees of the flow table and of Maglev: who gets its packets, before and after changes.
#include "l4/data/select.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/lanebuild.h"

static struct lanebuild l;

static void open_edge(void)
{
	lanebuild_open(&l, snapbuild_edge);
}

static void close_edge(void)
{
	cr_expect(lanebuild_adds_up(&l));
	lanebuild_close(&l);
}

TestSuite(select, .init = open_edge, .fini = close_edge);

static uint16_t send_tcp(uint16_t sport, uint8_t flags)
{
	return lanebuild_send(&l, &(struct lanebuild_packet){.sport = sport, .flags = flags})
	        ->backend;
}

static uint16_t send_udp(uint16_t sport)
{
	struct lanebuild_packet what = {.sport = sport, .dport = 53, .is_udp = true};

	return lanebuild_send(&l, &what)->backend;
}

// SYN and the client's first ACK; returns the backend.
static uint16_t establish(uint16_t sport)
{
	uint16_t id = send_tcp(sport, PKTBUILD_SYN);

	cr_assert_eq(send_tcp(sport, PKTBUILD_ACK), id);
	return id;
}

static uint16_t id_of(const char *name)
{
	return snapbuild_backend(&l.s, name);
}

// A client's port whose new flows Maglev gives to this backend of web or dns now.
static uint16_t port_to(const char *name)
{
	uint16_t id = id_of(name);

	for (uint16_t sport = 50000; sport; sport++) {
		struct pkt_key key = {.family = ADDR_IP4,
		                      .proto = IPPROTO_NUM_TCP,
		                      .sport = be16_from(sport),
		                      .dport = be16_from(80)};
		uint16_t nth = 0; // web

		key.src[0] = be32_raw(be32_from(0xc6336407));
		key.dst[0] = be32_raw(be32_from(0xcb00710a));
		if (strncmp(name, "dns", 3) == 0) {
			key.proto = IPPROTO_NUM_UDP;
			key.dport = be16_from(53);
			nth = 1;
		}
		if (maglev_pick(&l.s.snap->maglev[nth], (uint32_t)(select_hash(&key) >> 32)) == id)
			return sport;
	}
	abort(); // no port leads there
}

static enum flow_state state_of(uint16_t sport)
{
	uint32_t addr[4] = {be32_raw(be32_from(0xc6336407))};
	struct flow_copy copy;

	if (!flow_peek_find(&l.lane->flows4, addr, be16_from(sport), snapbuild_service(&l.s, "web"),
	                    &copy))
		return FLOW_NONE;
	return flow_state(&copy.f);
}

static void set_state(const char *name, const char *state)
{
	char from[64], to[96];

	snprintf(from, sizeof(from), "'%s', 'address'", name);
	snprintf(to, sizeof(to), "'%s', 'state': '%s', 'address'", name, state);
	snapbuild_change(&l.s, from, to);
	lanebuild_reload(&l);
}

static void set_health(const char *name, enum health health)
{
	snapbuild_health(&l.s, name, health);
	lanebuild_reload(&l);
}

// ---- choosing ----

Test(select, new_flows_are_spread_evenly_over_the_pool)
{
	static const char *const names[] = {"web-1", "web-2", "web-3"};
	unsigned n[STATS_BACKENDS] = {0};

	for (uint16_t i = 0; i < 3000; i++)
		n[send_tcp((uint16_t)(i + 1001), PKTBUILD_SYN)]++;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		cr_expect(n[id_of(names[i])] > 850 && n[id_of(names[i])] < 1150, "%s has %u",
		          names[i], n[id_of(names[i])]);
}

// ---- staying ----

Test(select, a_flow_stays_when_its_maglev_slot_moves)
{
	uint16_t ids[300];

	set_state("web-3", "down");
	for (uint16_t i = 0; i < 300; i++)
		ids[i] = establish((uint16_t)(2000 + i));
	snapbuild_change(&l.s, "'web-3', 'state': 'down'", "'web-3', 'state': 'up'");
	lanebuild_reload(&l);
	for (uint16_t i = 0; i < 300; i++)
		cr_expect_eq(send_tcp((uint16_t)(2000 + i), PKTBUILD_ACK), ids[i]);
}

Test(select, a_draining_backend_keeps_its_flows_and_gets_no_new_ones)
{
	uint16_t port = port_to("web-2"), id = id_of("web-2");
	uint16_t udp = port_to("dns-2");

	establish(port);
	send_udp(udp);
	set_state("web-2", "drain");
	set_state("dns-2", "drain");
	cr_expect_eq(send_tcp(port, PKTBUILD_ACK), id);
	cr_expect_eq(send_udp(udp), id_of("dns-2"));
	for (uint16_t i = 0; i < 300; i++)
		cr_expect_neq(send_tcp((uint16_t)(2000 + i), PKTBUILD_SYN), id);
}

Test(select, a_handshake_in_flight_survives_a_drain)
{
	uint16_t port = port_to("web-2"), id = id_of("web-2");

	send_tcp(port, PKTBUILD_SYN);
	set_state("web-2", "drain");
	cr_expect_eq(send_tcp(port, PKTBUILD_ACK), id);
	cr_expect_eq(state_of(port), FLOW_ESTABLISHED);
}

Test(select, a_backend_that_is_down_loses_its_flows)
{
	uint16_t port = port_to("web-2"), id = id_of("web-2"), now;

	establish(port);
	set_state("web-2", "down");
	now = send_tcp(port, PKTBUILD_ACK);
	cr_expect(now && now != id);
	cr_expect_eq(send_tcp(port, PKTBUILD_ACK), now);
	cr_expect_eq(l.lane->count->flow_moved, 1);
	cr_expect_eq(l.lane->backends[id].moved_flows, 1);
	cr_expect_eq(l.lane->backends[now].moved_flows, 0);
}

static const char web_2[] = "{'name': 'web-2', 'address': '10.0.1.2', 'port': 80, 'mac': "
			    "'02:00:00:00:01:02'},\n";

Test(select, a_backend_that_was_removed_keeps_its_flows)
{
	uint16_t port = port_to("web-2"), half_open = (uint16_t)(port + 1), id = id_of("web-2");

	establish(port);
	while (send_tcp(half_open, PKTBUILD_SYN) != id)
		half_open++;
	snapbuild_change(&l.s, web_2, "");
	lanebuild_reload(&l);
	cr_expect_eq(send_tcp(port, PKTBUILD_ACK), id);
	cr_expect_eq(send_tcp(half_open, PKTBUILD_ACK), id);
	for (uint16_t i = 0; i < 300; i++)
		cr_expect_neq(send_tcp((uint16_t)(2000 + i), PKTBUILD_SYN), id);
}

Test(select, an_unhealthy_backend_keeps_established_connections_only)
{
	uint16_t port = port_to("web-2"), id = id_of("web-2");
	uint16_t half_open = (uint16_t)(port + 1), udp = port_to("dns-2");

	establish(port);
	while (send_tcp(half_open, PKTBUILD_SYN) != id)
		half_open++;
	cr_assert_eq(send_udp(udp), id_of("dns-2"));
	snapbuild_health(&l.s, "dns-2", HEALTH_UNHEALTHY);
	set_health("web-2", HEALTH_UNHEALTHY);
	cr_expect_eq(send_tcp(port, PKTBUILD_ACK), id);
	cr_expect_neq(send_tcp(half_open, PKTBUILD_SYN), id);
	cr_expect_neq(send_udp(udp), id_of("dns-2"));
}

Test(select, a_pool_that_is_unhealthy_as_a_whole_serves_as_if_it_were_not)
{
	uint16_t port = port_to("web-2"), id = id_of("web-2");

	snapbuild_health(&l.s, "web-1", HEALTH_UNHEALTHY);
	snapbuild_health(&l.s, "web-3", HEALTH_UNHEALTHY);
	set_health("web-2", HEALTH_UNHEALTHY);
	establish(port);
	cr_expect_eq(send_tcp(port, PKTBUILD_ACK), id);
	cr_expect_eq(state_of(port), FLOW_ESTABLISHED);
	cr_expect_eq(l.lane->count->flow_moved, 0);
	set_health("web-1", HEALTH_HEALTHY);
	cr_expect_eq(send_tcp(port, PKTBUILD_ACK), id);
}

Test(select, a_half_open_flow_leaves_a_backend_that_cannot_be_reached)
{
	uint16_t port = port_to("web-2");

	send_tcp(port, PKTBUILD_SYN);
	snapbuild_change(&l.s, "'10.0.1.2', 'port': 80, 'mac': '02:00:00:00:01:02'",
	                 "'10.0.1.2', 'port': 80");
	lanebuild_reload(&l);
	cr_expect_neq(send_tcp(port, PKTBUILD_SYN), id_of("web-2"));
	cr_expect_eq(l.pkts[0].verdict, VERDICT_FORWARD);
}

Test(select, a_flow_whose_forward_mode_changed_keeps_its_own)
{
	struct pkt *p;

	establish(4000);
	snapbuild_change(&l.s, "'port': 80, 'protocol': 'tcp', 'forward': 'dsr', 'pool': 'web'",
	                 "'port': 80, 'protocol': 'tcp', 'forward': 'nat', 'pool': 'web'");
	lanebuild_reload(&l);
	p = lanebuild_send(&l, &(struct lanebuild_packet){.sport = 4000, .flags = PKTBUILD_ACK});
	cr_expect_eq(p->data[34] << 8 | p->data[35], 4000, "source port %u",
	             p->data[34] << 8 | p->data[35]);
	p = lanebuild_send(&l, &(struct lanebuild_packet){.sport = 4001});
	cr_expect_neq(p->data[34] << 8 | p->data[35], 4001);
}

// ---- states ----

Test(select, a_syn_on_a_closing_flow_opens_it_anew)
{
	uint16_t port = port_to("web-2");

	establish(port);
	set_state("web-2", "drain");
	send_tcp(port, PKTBUILD_FIN | PKTBUILD_ACK);
	cr_assert_eq(state_of(port), FLOW_CLOSING);
	cr_expect_eq(send_tcp(port, PKTBUILD_ACK), id_of("web-2"));
	cr_assert_eq(state_of(port), FLOW_CLOSING);
	cr_expect_neq(send_tcp(port, PKTBUILD_SYN), id_of("web-2"));
	cr_expect_eq(state_of(port), FLOW_OPENING);
	cr_expect(l.pkts[0].is_new);
}

Test(select, a_reset_opens_nothing)
{
	cr_expect_neq(send_tcp(4000, PKTBUILD_RST), 0);
	cr_expect_not(l.pkts[0].is_new);
	cr_expect_eq(state_of(4000), FLOW_NONE);
	cr_expect_eq(l.lane->count->flow_inserts, 0);
}

Test(select, a_reset_does_not_reopen_an_expired_flow)
{
	establish(4000);
	lanebuild_sleep(&l, 4000);
	send_tcp(4000, PKTBUILD_RST);
	cr_expect_not(l.pkts[0].is_new);
	cr_expect_eq(state_of(4000), FLOW_NONE);
	cr_expect_eq(l.lane->flows4.n_flows, 0);
}

Test(select, lone_acks_leave_half_open_flows_only)
{
	for (uint16_t i = 0; i < 100; i++)
		send_tcp((uint16_t)(4000 + i), PKTBUILD_ACK);
	for (uint16_t i = 0; i < 100; i++)
		cr_expect_eq(state_of((uint16_t)(4000 + i)), FLOW_OPENING);
	send_tcp(4000, PKTBUILD_ACK);
	cr_expect_eq(state_of(4000), FLOW_ESTABLISHED);
}

Test(select, repeated_syns_stay_half_open)
{
	for (int i = 0; i < 5; i++)
		send_tcp(4000, PKTBUILD_SYN);
	cr_expect_eq(state_of(4000), FLOW_OPENING);
	cr_expect_eq(l.lane->count->flow_inserts, 1);
	cr_expect_eq(l.lane->count->flow_hits, 4);
}

Test(select, an_expired_flow_is_chosen_anew)
{
	uint16_t port = port_to("web-2");

	establish(port);
	set_state("web-2", "drain");
	lanebuild_sleep(&l, 3600);
	cr_expect_eq(send_tcp(port, PKTBUILD_ACK), id_of("web-2"));
	lanebuild_sleep(&l, 3601);
	cr_expect_neq(send_tcp(port, PKTBUILD_ACK), id_of("web-2"));
	cr_expect_eq(state_of(port), FLOW_OPENING);
	cr_expect_eq(l.lane->count->flow_expiries, 1);
}

Test(select, no_flow_is_counted_as_new_when_the_pool_is_empty)
{
	struct service_counters c;

	snapbuild_change(&l.s, "'flat-1', ", "'flat-1', 'state': 'down', ");
	snapbuild_change(&l.s, "'flat-2', ", "'flat-2', 'state': 'down', ");
	snapbuild_change(&l.s, "'flat-3', ", "'flat-3', 'state': 'down', ");
	lanebuild_reload(&l);
	cr_expect_eq(lanebuild_send(&l, &(struct lanebuild_packet){.dport = 81})->reason,
	             REASON_POOL_EMPTY);
	stats_sum_service(&l.stats, snapbuild_service(&l.s, "flat"), &c);
	cr_expect_eq(c.new_flows, 0);
	cr_expect_eq(c.dropped, 1);
}

Test(select, without_a_flow_table_maglev_alone_decides)
{
	uint16_t id = lanebuild_send(&l, &(struct lanebuild_packet){.dport = 81})->backend;

	cr_expect_neq(id, 0);
	for (int i = 0; i < 3; i++) {
		struct lanebuild_packet ack = {.dport = 81, .flags = PKTBUILD_ACK};

		cr_expect_eq(lanebuild_send(&l, &ack)->backend, id);
	}
	cr_expect_eq(l.lane->count->flow_inserts + l.lane->count->flow_hits, 0);
}

// ---- when nobody can ----

Test(select, a_flow_that_nobody_can_take_over_is_dropped)
{
	uint16_t port = port_to("web-2");

	establish(port);
	set_state("web-1", "drain");
	set_state("web-2", "down");
	set_state("web-3", "drain");
	cr_expect_eq(send_tcp(port, PKTBUILD_ACK), 0);
	cr_expect_eq(l.pkts[0].reason, REASON_BACKEND_DOWN);
	send_tcp((uint16_t)(port + 1), PKTBUILD_SYN);
	cr_expect_eq(l.pkts[0].reason, REASON_POOL_EMPTY);
}

Test(select, a_nat_flow_without_room_in_the_table_is_refused)
{
	lanebuild_close(&l);
	lanebuild_open_sized(&l, snapbuild_edge, 2); // one bucket of four
	for (uint16_t port = 1; port <= 4; port++)
		establish(port);
	lanebuild_send(&l, &(struct lanebuild_packet){.dport = 8080});
	cr_expect_eq(l.pkts[0].reason, REASON_FLOW_TABLE_FULL);
}
