// SPDX-License-Identifier: BSD-3-Clause
// Ports towards backends, as flows get and lose them: through the table and the index directly.
#include "l4/data/snat.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>

#include "tests/support/snapbuild.h"

enum { N_FLOWS = 60000, SERVICE = 1, LIFETIME_S = 100 };

// 10 000 ports on each of two IPv4 addresses, one IPv6 address; a range of `n_ports` if not 0.
struct bench {
	struct snapbuild s;
	struct flow_table flows[2];
	struct snat snat;
	uint16_t now_s;
	uint16_t timeout_s[FLOW_STATE_COUNT];
};

static struct bench b;

static void open_lane(uint16_t n_ports, uint16_t lane, uint16_t n_lanes)
{
	static const uint16_t timeout_s[] = {0, LIFETIME_S, LIFETIME_S, LIFETIME_S, LIFETIME_S};
	char last[40];

	snapbuild_open(&b.s, snapbuild_edge);
	snprintf(last, sizeof(last), "'port_last': %u", 20000 + n_ports - 1);
	if (n_ports)
		snapbuild_change(&b.s, "'port_last': 29999", last);
	snapshot_free(snapbuild_next(&b.s));
	memcpy(b.timeout_s, timeout_s, sizeof(timeout_s));
	b.now_s = 1000;
	cr_assert_eq(flow_table_init(&b.flows[0], ADDR_IP4, N_FLOWS), 0);
	cr_assert_eq(flow_table_init(&b.flows[1], ADDR_IP6, N_FLOWS), 0);
	cr_assert_eq(snat_init(&b.snat, &b.flows[0], &b.flows[1], lane, n_lanes), 0);
	snat_use(&b.snat, b.s.snap);
}

static void close_lane(void)
{
	snat_fini(&b.snat);
	flow_table_fini(&b.flows[0]);
	flow_table_fini(&b.flows[1]);
	snapbuild_close(&b.s);
}

TestSuite(snat, .fini = close_lane);

// Client number n opens a flow to this backend; NULL if there is no port, *rc says why.
static struct flow *open_flow(uint32_t n, uint16_t backend, uint8_t family, int *rc)
{
	struct flow_table *t = &b.flows[family == ADDR_IP6];
	struct flow_clock clock = {.now_s = b.now_s, .timeout_s = b.timeout_s};
	struct pkt_key key = {.family = family, .src = {n}, .sport = be16_from(1000)};
	uint64_t hash = flow_hash(t, key.src, key.sport, SERVICE);
	struct flow_victim victim;
	struct flow *f = flow_insert(t, hash, &key, SERVICE, &clock, &victim);

	cr_assert(f);
	f->backend = backend;
	f->seen_s = b.now_s;
	f->bits = flow_bits(FLOW_ESTABLISHED, 0, 5);
	*rc = snat_assign(&b.snat, &b.snat.index[family == ADDR_IP6], f, b.s.snap, &clock,
	                  hash_mix(n, backend, 1));
	if (*rc == 0)
		return f;
	flow_remove(t, f);
	return NULL;
}

static struct flow *open_ok(uint32_t n, uint16_t backend)
{
	int rc;
	struct flow *f = open_flow(n, backend, ADDR_IP4, &rc);

	cr_assert_eq(rc, 0);
	return f;
}

static struct flow *find(const struct flow *f)
{
	struct snat_key k = {.backend = f->backend, .address = flow_snat(f), .port = f->snat_port};

	return snat_find(&b.snat.index[0], &k);
}

// Marks (backend, address, port) and says whether it was marked.
static bool seen(const struct flow *f)
{
	static uint8_t marks[4][8][65536 / 8];
	uint16_t port = be16_to(f->snat_port);
	uint8_t *mark = &marks[f->backend][flow_snat(f)][port / 8];
	bool was = *mark & 1 << port % 8;

	*mark |= (uint8_t)(1 << port % 8);
	return was;
}

Test(snat, ports_are_unique_for_a_backend_and_an_address)
{
	int n_refused = 0, rc;

	open_lane(0, 0, 1);
	for (uint32_t n = 0; n < 15000; n++) {
		struct flow *f = open_flow(n, (uint16_t)(1 + n % 3), ADDR_IP4, &rc);

		n_refused += !f;
		if (!f)
			continue;
		cr_assert_not(seen(f));
		cr_assert_eq(find(f), f);
		cr_assert(be16_to(f->snat_port) >= 20000 && be16_to(f->snat_port) <= 29999);
		cr_assert_eq(flow_state(f), FLOW_ESTABLISHED);
		cr_assert_eq(flow_return_path(f), 5);
	}
	cr_expect_leq(n_refused, 1);
}

Test(snat, ports_are_used_again_towards_other_backends)
{
	unsigned n_same = 0;
	int rc;

	open_lane(4, 0, 1);
	for (uint32_t n = 0; n < 16; n++) {
		struct flow *f = open_flow(n, (uint16_t)(1 + n / 8), ADDR_IP4, &rc);

		cr_assert(f);
		n_same += seen(f);
		cr_assert_eq(find(f), f);
	}
	cr_expect_eq(n_same, 0);
}

Test(snat, every_port_of_every_address_is_used_before_a_flow_is_refused)
{
	int rc;

	open_lane(15, 0, 1); // twice 15 ports, within SNAT_TRIES
	for (uint32_t n = 0; n < 30; n++)
		cr_assert_not(seen(open_ok(n, 1)));
	cr_expect_null(open_flow(31, 1, ADDR_IP4, &rc));
	cr_expect_eq(rc, -EADDRINUSE);
	cr_expect(open_flow(31, 2, ADDR_IP4, &rc));
}

// snat.h promises 0.9 ^ 32 = 0.034 at 90 %; linear probing would refuse several times that.
Test(snat, a_range_filled_to_90_percent_refuses_few_flows)
{
	unsigned n_open = 0, n_refused = 0;
	int rc;

	open_lane(0, 0, 1);
	for (uint32_t n = 0; n_open < 18000; n++)
		n_open += open_flow(n, 1, ADDR_IP4, &rc) != NULL;
	for (uint32_t n = 0; n < 2000; n++) {
		struct flow *f = open_flow(1000000 + n, 1, ADDR_IP4, &rc);

		n_refused += !f;
		if (f)
			flow_remove(&b.flows[0], f);
	}
	printf("at 90 %%: %u of 2000 refused\n", n_refused);
	cr_expect_leq(n_refused, 2000 * 5 / 100);
}

Test(snat, a_lane_uses_its_own_ports_only)
{
	uint16_t first = 20000;

	open_lane(0, 2, 3);
	for (uint32_t n = 0; n < 2000; n++) {
		uint16_t port = be16_to(open_ok(n, 1)->snat_port);

		cr_assert_eq((port - first) % 3, 2);
		cr_assert_eq(snat_owner(port, first, 3), 2);
		cr_assert(port <= 29999);
	}
}

Test(snat, a_lane_beyond_the_last_port_has_none)
{
	int rc;

	open_lane(2, 3, 4);
	cr_expect_null(open_flow(1, 1, ADDR_IP4, &rc));
	cr_expect_eq(rc, -EADDRINUSE);
}

Test(snat, a_flow_gets_the_same_port_after_a_restart)
{
	be16 before[500];
	unsigned n_same = 0;

	open_lane(0, 0, 1);
	for (uint32_t n = 0; n < 500; n++)
		before[n] = open_ok(n, 1)->snat_port;
	close_lane();
	open_lane(0, 0, 1);
	for (uint32_t n = 500; n-- > 0;)
		n_same += be16_raw(open_ok(n, 1)->snat_port) == be16_raw(before[n]);
	cr_expect_geq(n_same, 480, "%u of 500", n_same);
}

Test(snat, a_removed_flow_gives_its_port_back)
{
	struct flow *f;
	int rc;

	open_lane(1, 0, 1);
	f = open_ok(1, 1);
	open_ok(2, 1);
	cr_assert_null(open_flow(3, 1, ADDR_IP4, &rc));
	flow_remove(&b.flows[0], f);
	f = open_ok(3, 1);
	cr_expect_eq(find(f), f);
}

Test(snat, an_expired_flow_gives_its_port_back)
{
	struct flow *old, *f;

	open_lane(1, 0, 1);
	old = open_ok(1, 1);
	old->seen_s = b.now_s = (uint16_t)(b.now_s + 10);
	open_ok(2, 1)->seen_s = b.now_s;
	b.now_s += LIFETIME_S + 1;
	f = open_ok(3, 1);
	cr_expect_eq(find(f), f, "an answer finds the old flow, not the new one");
	f = open_ok(4, 1);
	cr_expect_eq(find(f), f, "an answer finds the old flow, not the new one");
}

// Entries whose slot serves another flow now: without a port, with another, gone.
Test(snat, stale_index_entries_are_no_flows)
{
	struct snat_key k;
	struct flow *f;

	open_lane(0, 0, 1);
	f = open_ok(1, 1);
	k = (struct snat_key){.backend = 1, .address = flow_snat(f), .port = f->snat_port};
	f->backend = 2;
	cr_expect_null(snat_find(&b.snat.index[0], &k));
	f->backend = 1;
	cr_expect_eq(snat_find(&b.snat.index[0], &k), f);
	f->snat_port = be16_from(0);
	cr_expect_null(snat_find(&b.snat.index[0], &k));
	f->snat_port = k.port;
	flow_remove(&b.flows[0], f);
	cr_expect_null(snat_find(&b.snat.index[0], &k));
}

Test(snat, the_index_outlives_any_number_of_flows)
{
	int rc;

	open_lane(0, 0, 1);
	for (uint32_t n = 0; n < 200000; n++) {
		struct flow *f = open_flow(n, 1, ADDR_IP4, &rc);

		cr_assert(f);
		cr_assert_eq(find(f), f);
		if (n % 64)
			flow_remove(&b.flows[0], f);
	}
}

Test(snat, families_have_their_own_addresses)
{
	struct flow *f;
	int rc;

	open_lane(0, 0, 1);
	f = open_flow(1, 1, ADDR_IP6, &rc);
	cr_assert(f);
	cr_expect_eq(flow_snat(f), 0);
	cr_expect_eq(snat_address(b.s.snap, ADDR_IP6, 0)->family, ADDR_IP6);
	cr_expect_null(snat_address(b.s.snap, ADDR_IP6, 1));
	cr_expect_eq(snat_address(b.s.snap, ADDR_IP4, 1), &b.s.snap->snat[2]);
	cr_expect_eq(snat_number(b.s.snap, 2), 1);
	cr_expect_eq(snat_number(b.s.snap, 1), 0);
}

Test(snat, without_an_address_of_the_family_there_is_no_port)
{
	int rc;

	open_lane(0, 0, 1);
	for (unsigned i = 0; i < b.s.snap->n_snat; i++)
		b.s.snap->snat[i].family = ADDR_IP6;
	cr_expect_null(open_flow(1, 1, ADDR_IP4, &rc));
	cr_expect_eq(rc, -EADDRNOTAVAIL);
}
