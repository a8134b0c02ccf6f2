// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/snapshot.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/clock.h"
#include "tests/support/failmalloc.h"
#include "tests/support/snapbuild.h"

static struct snapbuild s;

static void open_snap(void)
{
	snapbuild_open(&s, snapbuild_edge);
}

static void close_snap(void)
{
	snapbuild_close(&s);
}

TestSuite(snapshot, .init = open_snap, .fini = close_snap);

static const struct snap_backend *backend(const char *name)
{
	return &s.snap->backends[snapbuild_backend(&s, name)];
}

static void rebuild(void)
{
	snapshot_free(snapbuild_next(&s));
}

static const struct endpoint *endpoint(const char *address, uint16_t port, uint8_t proto)
{
	struct addr a;

	cr_assert_eq(addr_parse(&a, address), 0);
	return snapshot_endpoint(s.snap, a.family, a.word, be16_from(port), proto);
}

// ---- endpoints ----

Test(snapshot, every_service_is_an_endpoint_and_every_address_one_more)
{
	for (uint16_t i = 0; i < s.snap->n_services; i++) {
		const struct snap_service *v = &s.snap->services[i];
		const struct endpoint *e = snapshot_endpoint(s.snap, v->address.family,
		                                             v->address.word, v->port, v->ip_proto);

		cr_assert(e);
		cr_expect_eq(e->kind, ENDPOINT_SERVICE);
		cr_expect_eq(e->index, i);
		cr_expect_eq(s.snap->service_by_id[v->id], i);
	}
	cr_expect_eq(endpoint("203.0.113.10", 0, 0)->kind, ENDPOINT_VIP);
	cr_expect_eq(endpoint("2001:db8::10", 0, 0)->kind, ENDPOINT_VIP);
	cr_expect_eq(endpoint("10.0.0.3", 0, 0)->kind, ENDPOINT_SNAT);
	cr_expect_eq(endpoint("10.0.0.3", 0, 0)->index, 2);
}

Test(snapshot, what_is_almost_an_endpoint_is_none)
{
	cr_expect_null(endpoint("203.0.113.10", 82, IPPROTO_NUM_TCP));
	cr_expect_null(endpoint("203.0.113.10", 80, IPPROTO_NUM_UDP));
	cr_expect_null(endpoint("203.0.113.11", 80, IPPROTO_NUM_TCP));
	cr_expect_null(endpoint("10.0.0.2", 80, IPPROTO_NUM_TCP));
	cr_expect_null(endpoint("203.0.113.11", 0, 0));
	// The bytes of an IPv4 service, called IPv6.
	cr_expect_null(snapshot_endpoint(s.snap, ADDR_IP6, s.snap->services[0].address.word,
	                                 be16_from(80), IPPROTO_NUM_TCP));
}

Test(snapshot, a_service_that_left_has_no_number)
{
	uint16_t id = snapbuild_service(&s, "flat");

	snapbuild_change(&s,
	                 "{'name': 'flat', 'address': '203.0.113.10', 'port': 81, 'protocol': "
	                 "'tcp', 'pool': 'flat', 'flow_table': false},",
	                 "");
	rebuild();
	cr_expect_eq(s.snap->service_by_id[id], 0xffff);
	cr_expect_null(endpoint("203.0.113.10", 81, IPPROTO_NUM_TCP));
}

// ---- backends ----

static const struct {
	const char *state;
	enum health health;
	unsigned flags;
} flags[] = {
	{"up", HEALTH_UNKNOWN, BACKEND_NEW | BACKEND_OLD | BACKEND_STEADY},
	{"up", HEALTH_HEALTHY, BACKEND_NEW | BACKEND_OLD | BACKEND_STEADY},
	{"up", HEALTH_UNHEALTHY, BACKEND_OLD},
	{"drain", HEALTH_HEALTHY, BACKEND_OLD | BACKEND_STEADY},
	{"drain", HEALTH_UNHEALTHY, BACKEND_OLD},
	{"down", HEALTH_HEALTHY, BACKEND_STEADY},
};

Test(snapshot, state_and_health_decide_who_may_come_and_stay)
{
	const char *before = "'web-1', ";
	char after[64];

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		snprintf(after, sizeof(after), "'web-1', 'state': '%s', ", flags[i].state);
		snapbuild_change(&s, before, after);
		snapbuild_change(&s, after, after);
		snapbuild_health(&s, "web-1", flags[i].health);
		rebuild();
		cr_expect_eq(backend("web-1")->flags, flags[i].flags | BACKEND_HOP, "%s, %u: %u",
		             flags[i].state, flags[i].health, backend("web-1")->flags);
		snapbuild_change(&s, after, before);
	}
}

Test(snapshot, a_backend_without_next_hop_or_weight_takes_no_new_flows)
{
	snapbuild_change(&s, "'web-1', ", "'web-1', 'weight': 0, ");
	snapbuild_change(&s, "'10.0.1.2', 'port': 80, 'mac': '02:00:00:00:01:02'",
	                 "'10.0.1.2', 'port': 80");
	rebuild();
	cr_expect_eq(backend("web-1")->flags, BACKEND_OLD | BACKEND_STEADY | BACKEND_HOP);
	cr_expect_eq(backend("web-2")->flags, BACKEND_OLD | BACKEND_STEADY);
	cr_expect_eq(snapshot_backend_share(s.snap, 0, snapbuild_backend(&s, "web-3")), 65536);
}

Test(snapshot, a_pool_without_a_healthy_backend_uses_all)
{
	snapbuild_health(&s, "web-1", HEALTH_UNHEALTHY);
	snapbuild_health(&s, "web-2", HEALTH_UNHEALTHY);
	snapbuild_change(&s, "'web-3', ", "'web-3', 'state': 'drain', ");
	rebuild();
	cr_expect(backend("web-1")->flags & BACKEND_NEW);
	cr_expect(backend("web-1")->flags & BACKEND_STEADY, "what may come may stay");
	cr_expect(backend("web-2")->flags & BACKEND_NEW);
	cr_expect_not(backend("web-3")->flags & BACKEND_NEW);
	cr_expect_eq(backend("web-1")->health, HEALTH_UNHEALTHY);
}

Test(snapshot, an_l7_service_with_hosts_is_forwarded_to_them)
{
	const struct snap_service *tls = &s.snap->services[5];

	cr_assert_str_eq(tls->name, "tls");
	cr_expect_eq(tls->punt_reason, REASON_L7_SERVICE);
	cr_expect_null(tls->maglev);
	snapbuild_change(&s, "{'name': 'l7', ", "{'name': 'l7', 'hosts': 'far', ");
	snapbuild_change(&s, "'pools': [",
	                 "'pools': [{'name': 'far', 'backends': [{'name': 'far-1', 'address': "
	                 "'10.0.9.1', 'port': 443}]}, ");
	rebuild();
	tls = &s.snap->services[5];
	cr_expect_eq(tls->punt_reason, REASON_NONE);
	cr_expect_eq(tls->forward, FORWARD_DSR);
	cr_expect_eq(tls->pool, 0);
	cr_expect_eq(tls->maglev, &s.snap->maglev[0]);
}

static const char web_2[] = "{'name': 'web-2', 'address': '10.0.1.2', 'port': 80, 'mac': "
			    "'02:00:00:00:01:02'},\n";

Test(snapshot, a_backend_that_left_keeps_its_flows_and_its_way)
{
	uint16_t id = snapbuild_backend(&s, "web-2");
	struct snap_backend before = *backend("web-2");
	struct addr a = before.address;

	snapbuild_change(&s, web_2, "");
	rebuild();
	cr_expect_eq(s.snap->backends[id].flags, BACKEND_OLD | BACKEND_STEADY | BACKEND_HOP);
	cr_expect_eq(memcmp(&s.snap->backends[id].dst, &before.dst, 6), 0);
	cr_expect_eq(s.snap->backends[id].pool, 0xffff);
	cr_expect_eq(snapshot_backend_by_addr(s.snap, &a, be16_from(80)), id);
	cr_expect_eq(snapshot_backend_share(s.snap, 0, id), 0);
	snapbuild_change(&s, "{'name': 'web-1'", web_2);
	snapbuild_change(&s, web_2, "{'name': 'web-1'");
	rebuild();
	cr_expect_eq(snapbuild_backend(&s, "web-2"), id);
}

Test(snapshot, a_backend_that_was_down_when_it_left_stays_down)
{
	uint16_t id = snapbuild_backend(&s, "web-2");

	snapbuild_change(&s, "'web-2', ", "'web-2', 'state': 'down', ");
	rebuild();
	cr_expect_eq(s.snap->backends[id].flags & BACKEND_OLD, 0);
	snapbuild_change(&s,
	                 "{'name': 'web-2', 'state': 'down', 'address': '10.0.1.2', 'port': 80, "
	                 "'mac': '02:00:00:00:01:02'},\n",
	                 "");
	rebuild();
	cr_expect_eq(s.snap->backends[id].flags & BACKEND_OLD, 0);
}

// Its number is given to another one day (roster.h): until then no flow may be left that names it.
Test(snapshot, a_backend_that_left_lets_its_flows_go_before_its_number_is_used_again)
{
	uint16_t id = snapbuild_backend(&s, "web-2");

	snapbuild_change(&s, web_2, "");
	s.now_ns = CLOCK_NS_PER_S;
	rebuild();
	s.now_ns = (ROSTER_LINGER_S - 1) * CLOCK_NS_PER_S;
	rebuild();
	cr_expect(s.snap->backends[id].flags & BACKEND_OLD);
	s.now_ns = (ROSTER_LINGER_S + 1) * CLOCK_NS_PER_S;
	rebuild();
	cr_expect_eq(s.snap->backends[id].flags, 0);
	cr_expect_geq(ROSTER_QUARANTINE_S - ROSTER_LINGER_S, 32767, "the longest timeout");
}

// At a start the kernel may need a moment to find its neighbours: their flows are not given to others.
Test(snapshot, a_new_backend_has_its_share_while_its_next_hop_is_looked_for)
{
	snapbuild_change(&s,
	                 "'name': 'web-2', 'address': '10.0.1.2', 'port': 80, 'mac': "
	                 "'02:00:00:00:01:02'",
	                 "'name': 'web-9', 'address': '10.0.1.9', 'port': 80");
	s.now_ns = 100 * CLOCK_NS_PER_S;
	rebuild();
	cr_expect_eq(backend("web-9")->flags, BACKEND_NEW | BACKEND_OLD | BACKEND_STEADY);
	cr_expect_gt(snapshot_backend_share(s.snap, 0, snapbuild_backend(&s, "web-9")), 20000);
	s.now_ns += (ROSTER_SETTLE_S + 1) * CLOCK_NS_PER_S;
	rebuild();
	cr_expect_not(backend("web-9")->flags & BACKEND_NEW);
	cr_expect_eq(snapshot_backend_share(s.snap, 0, snapbuild_backend(&s, "web-9")), 0);
}

Test(snapshot, a_backend_is_found_by_address_and_port)
{
	struct addr a = backend("api-2")->address;

	cr_expect_eq(snapshot_backend_by_addr(s.snap, &a, be16_from(8000)),
	             snapbuild_backend(&s, "api-2"));
	cr_expect_eq(snapshot_backend_by_addr(s.snap, &a, be16_from(8001)), 0);
	a.word[0] ^= 1;
	cr_expect_eq(snapshot_backend_by_addr(s.snap, &a, be16_from(8000)), 0);
}

Test(snapshot, pools_may_share_a_server)
{
	uint16_t api = snapbuild_backend(&s, "api-1"), ntp = snapbuild_backend(&s, "ntp-1"), id;
	struct addr a = backend("api-1")->address;

	snapbuild_change(&s, "'10.0.4.1', 'port': 1123", "'10.0.3.1', 'port': 8000");
	rebuild();
	ntp = 0;
	for (uint16_t i = 1; i < s.roster.n_backends; i++)
		if (strcmp(s.roster.backends[i].name, "ntp-1") == 0 && s.roster.backends[i].e.live)
			ntp = i;
	id = snapshot_backend_by_addr(s.snap, &a, be16_from(8000));
	cr_expect(id == api || id == ntp);
	cr_expect_eq(s.snap->backends[id].next_same, id == api ? ntp : api);
	cr_expect_eq(s.snap->backends[s.snap->backends[id].next_same].next_same, 0);
}

// ---- Maglev ----

Test(snapshot, shares_are_the_weights)
{
	static const char *const names[] = {"web-1", "web-2", "web-3"};
	static const uint32_t want[] = {65536 / 6, 65536 / 3, 65536 / 2};
	uint32_t sum = 0;

	snapbuild_change(&s, "'web-1', ", "'web-1', 'weight': 100, ");
	snapbuild_change(&s, "'web-2', ", "'web-2', 'weight': 200, ");
	snapbuild_change(&s, "'web-3', ", "'web-3', 'weight': 300, ");
	rebuild();
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		uint32_t share = snapshot_backend_share(s.snap, 0, snapbuild_backend(&s, names[i]));

		sum += share;
		cr_expect_leq(abs((int)share - (int)want[i]), 65536 / 100, "%s: %u", names[i],
		              share);
	}
	cr_expect(sum > 65530 && sum <= 65536);
}

// Names by slot: ids differ between the nodes.
static void expect_same_tables(const struct snapbuild *x, uint16_t i, const struct snapbuild *y,
                               uint16_t j)
{
	const struct maglev *m = &x->snap->maglev[i], *n = &y->snap->maglev[j];

	cr_assert_eq(m->n_slots, n->n_slots);
	for (uint32_t k = 0; k < m->n_slots; k++)
		cr_assert_str_eq(x->snap->backends[m->slot[k]].name,
		                 y->snap->backends[n->slot[k]].name);
}

#define A "{'name': 'a', 'address': '10.0.0.1', 'port': 80, 'mac': '02:00:00:00:01:01'}"
#define B \
	"{'name': 'b', 'address': '10.0.0.2', 'port': 80, 'mac': '02:00:00:00:01:01', 'weight': 7}"
#define C "{'name': 'c', 'address': '10.0.0.3', 'port': 80, 'mac': '02:00:00:00:01:01'}"
#define P(list) "{'name': 'p', 'table_size': 4099, 'backends': [" list "]}"
#define Q(list) "{'name': 'q', 'table_size': 4099, 'backends': [" list "]}"

Test(snapshot, a_pool_that_would_rather_refuse_does)
{
	struct snapbuild x;

	snapbuild_open(&x, "{'pools': [{'name': 'p', 'table_size': 251, 'when_unhealthy': 'none', "
	                   "'backends': [" A "," B "]}]}");
	snapbuild_health(&x, "a", HEALTH_UNHEALTHY);
	snapshot_free(snapbuild_next(&x));
	cr_expect_eq(snapshot_backend_share(x.snap, 0, snapbuild_backend(&x, "b")), 65536);
	snapbuild_health(&x, "b", HEALTH_UNHEALTHY);
	snapshot_free(snapbuild_next(&x));
	cr_expect_eq(maglev_pick(&x.snap->maglev[0], 0), MAGLEV_NONE);
	cr_expect_eq(x.snap->backends[snapbuild_backend(&x, "a")].flags, BACKEND_OLD | BACKEND_HOP,
	             "connections may end by themselves");
	snapbuild_health(&x, "a", HEALTH_UNKNOWN);
	snapshot_free(snapbuild_next(&x));
	cr_expect_eq(snapshot_backend_share(x.snap, 0, snapbuild_backend(&x, "a")), 65536);
	snapbuild_close(&x);
}

Test(snapshot, two_nodes_with_differently_ordered_files_agree)
{
	struct snapbuild x, y;

	snapbuild_open(&x, "{'pools': [" P(A "," B "," C) "," Q(C "," A) "]}");
	snapbuild_open(&y, "{'pools': [" Q(A "," C) "," P(C "," B "," A) "]}");
	expect_same_tables(&x, 0, &y, 1);
	expect_same_tables(&x, 1, &y, 0);
	snapbuild_close(&x);
	snapbuild_close(&y);
}

Test(snapshot, a_node_with_a_past_agrees_with_a_new_one)
{
	struct snapbuild x, y;

	snapbuild_open(&x, "{'pools': [" P(C "," B) "]}");
	snapbuild_change(&x, "'backends': [", "'backends': [" A ",");
	snapshot_free(snapbuild_next(&x));
	snapbuild_health(&x, "b", HEALTH_UNHEALTHY);
	snapshot_free(snapbuild_next(&x));
	snapbuild_health(&x, "b", HEALTH_HEALTHY);
	snapshot_free(snapbuild_next(&x));
	snapbuild_open(&y, "{'pools': [" P(A "," B "," C) "]}");
	expect_same_tables(&x, 0, &y, 0);
	snapbuild_close(&x);
	snapbuild_close(&y);
}

Test(snapshot, a_pool_with_nobody_has_an_empty_table)
{
	struct snapbuild x;

	snapbuild_open(&x, "{'pools': [" P("") "]}");
	cr_expect_eq(maglev_pick(&x.snap->maglev[0], 0), MAGLEV_NONE);
	cr_expect_eq(maglev_pick(&x.snap->maglev[0], UINT32_MAX), MAGLEV_NONE);
	snapbuild_close(&x);
}

// ---- the rest ----

Test(snapshot, timeouts_are_those_of_the_states)
{
	snapbuild_change(&s, "'flows': 4096",
	                 "'flows': 4096, 'timeouts': {'tcp_syn_s': 1, 'tcp_established_s': 2, "
	                 "'tcp_fin_s': 3, 'udp_s': 4}");
	rebuild();
	cr_expect_eq(s.snap->timeout_s[FLOW_OPENING], 1);
	cr_expect_eq(s.snap->timeout_s[FLOW_ESTABLISHED], 2);
	cr_expect_eq(s.snap->timeout_s[FLOW_CLOSING], 3);
	cr_expect_eq(s.snap->timeout_s[FLOW_UDP], 4);
}

Test(snapshot, memory_that_runs_out_leaves_nothing_behind)
{
	struct mac macs[CONF_MAX_PORTS] = {{{0}}};
	struct snapshot_input in = {
		.conf = s.conf, .roster = &s.roster, .port_macs = macs, .generation = 2};
	int rc = -ENOMEM;

	for (unsigned n = 1; rc && failmalloc_works(); n++) {
		struct snapshot *out = NULL;
		struct err err = {0};

		failmalloc_arm(n);
		rc = snapshot_build(&out, &in, &err);
		if (!failmalloc_disarm())
			cr_assert_eq(rc, 0);
		cr_assert(rc == 0 ? out != NULL : !out && rc == -ENOMEM && err.msg[0]);
		snapshot_free(out);
	}
}
