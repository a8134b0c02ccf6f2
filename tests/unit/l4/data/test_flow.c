// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/flow.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "l4/data/snat.h"

enum { SERVICE = 7 };

static const uint16_t timeout_s[FLOW_STATE_COUNT] = {
	[FLOW_CLOSING] = 30,
	[FLOW_OPENING] = 15,
	[FLOW_UDP] = 60,
	[FLOW_ESTABLISHED] = 3600,
};
static struct flow_table t;
static uint16_t now_s;

static void open_table(uint8_t family, uint32_t n_flows)
{
	cr_assert_eq(flow_table_init(&t, family, n_flows), 0);
	t.seed = 47; // the same outcome at every run
	now_s = 1000;
}

static void close_table(void)
{
	flow_table_fini(&t);
}

TestSuite(flow, .fini = close_table);

// Client number n; IPv6 clients differ in their last word.
static struct pkt_key key_of(uint32_t n)
{
	struct pkt_key key = {.family = t.family,
	                      .src = {be32_raw(be32_from(0x0a000000 + n / 1000))},
	                      .sport = be16_from((uint16_t)(1 + n % 1000))};

	if (t.family == ADDR_IP6)
		key.src[3] = n;
	return key;
}

static struct flow *find(uint32_t n)
{
	struct pkt_key key = key_of(n);

	return flow_find(&t, flow_hash(&t, key.src, key.sport, SERVICE), key.src, key.sport,
	                 SERVICE);
}

static struct flow *insert(uint32_t n, enum flow_state state, struct flow_victim *victim)
{
	struct pkt_key key = key_of(n);
	struct flow *f = flow_insert(&t, flow_hash(&t, key.src, key.sport, SERVICE), &key, SERVICE,
	                             &(struct flow_clock){now_s, timeout_s}, victim);

	if (!f)
		return NULL;
	f->backend = (uint16_t)(n % 999 + 1);
	f->seen_s = now_s;
	flow_set_state(f, state);
	return f;
}

static const uint8_t families[] = {ADDR_IP4, ADDR_IP6};

Test(flow, what_was_inserted_is_found_until_it_is_removed)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		struct flow_victim v;
		struct flow *f;

		open_table(families[i], 1000);
		cr_expect_null(find(5));
		f = insert(5, FLOW_UDP, &v);
		cr_assert(f);
		cr_expect_eq(v.f.service, 0);
		cr_expect_eq(find(5), f);
		cr_expect_null(find(6));
		cr_expect_eq(t.n_flows, 1);
		flow_remove(&t, f);
		cr_expect_null(find(5));
		cr_expect_eq(t.n_flows, 0);
		if (i == 0)
			flow_table_fini(&t);
	}
}

Test(flow, each_part_of_the_key_counts)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		struct pkt_key k = {
			.family = families[i], .src = {1, 2, 3, 4}, .sport = be16_from(5)};
		size_t n_words = families[i] == ADDR_IP4 ? 1 : 4;
		struct flow_victim v;

		open_table(families[i], 1); // one or two buckets: everything collides
		cr_assert(flow_insert(&t, 0, &k, SERVICE, &(struct flow_clock){0, timeout_s}, &v));
		cr_expect(flow_find(&t, 0, k.src, k.sport, SERVICE));
		cr_expect_null(flow_find(&t, 0, k.src, be16_from(6), SERVICE));
		cr_expect_null(flow_find(&t, 0, k.src, k.sport, SERVICE + 1));
		for (size_t w = 0; w < n_words; w++) {
			struct pkt_key other = k;

			other.src[w] ^= 1;
			cr_expect_null(flow_find(&t, 0, other.src, k.sport, SERVICE));
		}
		if (i == 0)
			flow_table_fini(&t);
	}
}

Test(flow, a_flow_lives_in_either_of_two_buckets)
{
	unsigned n_first = 0, n_second = 0;
	struct flow_victim v;

	open_table(ADDR_IP4, 10000);
	for (uint32_t n = 0; n < 10000; n++)
		insert(n, FLOW_UDP, &v);
	for (uint32_t n = 0; n < 10000; n++) {
		struct pkt_key k = key_of(n);
		uint64_t hash = flow_hash(&t, k.src, k.sport, SERVICE);
		bool first = flow_find_first(&t, hash, k.src, k.sport, SERVICE) != NULL;

		n_first += first;
		n_second += !first && flow_find(&t, hash, k.src, k.sport, SERVICE);
	}
	cr_expect_gt(n_first, 5000);
	cr_expect_gt(n_second, 500);
}

Test(flow, slots_have_numbers_and_entries_tell_their_client)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		struct flow_victim v;

		open_table(families[i], 200);
		for (uint32_t n = 0; n < 100; n++) {
			struct flow *f = insert(n, FLOW_UDP, &v);
			struct pkt_key k = key_of(n);
			uint32_t addr[4];

			cr_assert(f);
			cr_expect_lt(flow_slot(&t, f), flow_n_slots(&t));
			cr_expect_eq(flow_at(&t, flow_slot(&t, f)), f);
			flow_client(&t, f, addr);
			cr_expect_arr_eq(addr, k.src, sizeof(addr));
		}
		if (i == 0)
			flow_table_fini(&t);
	}
}

// ---- eviction ----

// What stands in the one bucket, and who of it gives way; -1 = nobody.
static const struct {
	const char *name;
	struct {
		enum flow_state state;
		uint16_t age_s;
	} entry[FLOW4_WAYS];
	int victim;
} evictions[] = {
	{"an expired one before a closing one",
         {{FLOW_CLOSING, 29}, {FLOW_OPENING, 16}, {FLOW_OPENING, 1}, {FLOW_ESTABLISHED, 9}},
         1},
	{"an expired established one",
         {{FLOW_CLOSING, 29}, {FLOW_OPENING, 15}, {FLOW_UDP, 1}, {FLOW_ESTABLISHED, 3601}},
         3},
	{"an expired UDP one",
         {{FLOW_UDP, 61}, {FLOW_CLOSING, 30}, {FLOW_UDP, 60}, {FLOW_OPENING, 15}},
         0},
	{"the longest expired",
         {{FLOW_CLOSING, 40}, {FLOW_OPENING, 50}, {FLOW_UDP, 70}, {FLOW_CLOSING, 60}},
         2},
	{"a closing one before a half-open one",
         {{FLOW_OPENING, 15}, {FLOW_OPENING, 15}, {FLOW_CLOSING, 0}, {FLOW_UDP, 60}},
         2},
	{"the oldest closing one",
         {{FLOW_CLOSING, 3}, {FLOW_CLOSING, 5}, {FLOW_CLOSING, 4}, {FLOW_OPENING, 15}},
         1},
	{"the oldest half-open one",
         {{FLOW_ESTABLISHED, 3600}, {FLOW_OPENING, 3}, {FLOW_OPENING, 4}, {FLOW_UDP, 60}},
         2},
	{"never an established or UDP one",
         {{FLOW_ESTABLISHED, 3600}, {FLOW_UDP, 60}, {FLOW_UDP, 0}, {FLOW_ESTABLISHED, 0}},
         -1},
};

// Clients 0..3 have the states of evictions[i] in a table of one bucket.
static void fill_bucket(size_t i)
{
	struct flow_victim v;

	open_table(ADDR_IP4, 2);
	cr_assert_eq(flow_n_slots(&t), FLOW4_WAYS);
	for (uint32_t n = 0; n < FLOW4_WAYS; n++) {
		struct flow *f = insert(n, evictions[i].entry[n].state, &v);

		cr_assert(f);
		cr_assert_eq(v.f.service, 0);
		f->seen_s = (uint16_t)(now_s - evictions[i].entry[n].age_s);
	}
}

Test(flow, the_least_valuable_entry_gives_way)
{
	for (size_t i = 0; i < ARRAY_LEN(evictions); i++) {
		struct flow_victim v;
		struct flow *f;

		fill_bucket(i);
		f = insert(99, FLOW_OPENING, &v);
		cr_expect_eq(f != NULL, evictions[i].victim >= 0, "%s", evictions[i].name);
		for (int n = 0; n < FLOW4_WAYS; n++)
			cr_expect_eq(find((uint32_t)n) == NULL, n == evictions[i].victim, "%s, %d",
			             evictions[i].name, n);
		if (f)
			cr_expect_eq(v.was_expired, i < 4, "%s", evictions[i].name);
		cr_expect_eq(t.n_flows, FLOW4_WAYS);
		flow_table_fini(&t);
	}
}

// ---- capacity ----

static double share_without_room(uint32_t n_flows)
{
	uint32_t n_refused = 0;
	struct flow_victim v;

	for (uint32_t n = 0; n < n_flows; n++)
		n_refused += !insert(n, FLOW_ESTABLISHED, &v);
	cr_assert_eq(t.n_flows, n_flows - n_refused);
	return (double)n_refused / n_flows;
}

Test(flow, a_table_for_n_flows_has_room_for_n_flows)
{
	static const uint32_t sizes[] = {1024, 65536, 1000000};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (size_t k = 0; k < ARRAY_LEN(families); k++) {
			double share;

			open_table(families[k], sizes[i]);
			share = share_without_room(sizes[i]);
			printf("IPv%u, table of %u: %.6f of as many flows found no room\n",
			       families[k], sizes[i], share);
			cr_expect_lt(share, 1e-3);
			flow_table_fini(&t);
		}
	open_table(ADDR_IP4, 1);
}

// Both buckets full of established flows: one of them moves, and is found where it went.
Test(flow, an_entry_moves_to_make_room)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		uint32_t n_flows = families[i] == ADDR_IP4 ? 11000 : 6000;
		unsigned n_moved = 0;

		open_table(families[i], 10000);
		for (uint32_t n = 0; n < n_flows; n++) {
			struct flow_victim v;
			uint32_t slot, addr[4];

			cr_assert(insert(n, FLOW_ESTABLISHED, &v));
			if (!v.moved)
				continue;
			n_moved++;
			cr_expect_eq(v.f.service, 0);
			slot = flow_slot(&t, v.moved);
			flow_client(&t, v.moved, addr);
			cr_expect_eq(flow_find(&t, flow_hash(&t, addr, v.moved->port, SERVICE),
			                       addr, v.moved->port, SERVICE),
			             flow_at(&t, slot));
		}
		cr_expect_gt(n_moved, 0);
		cr_expect_eq(t.n_flows, n_flows);
		for (uint32_t n = 0; n < n_flows; n++)
			cr_assert(find(n) && find(n)->backend == n % 999 + 1);
		flow_table_fini(&t);
	}
	open_table(ADDR_IP4, 1);
}

// The budget, from what was mapped: flow table and snat index.
Test(flow, a_flow_costs_32_bytes_of_memory_and_64_for_ip6)
{
	enum { N = 1 << 20 };
	struct flow_table t6;
	struct snat s;

	open_table(ADDR_IP4, N);
	cr_assert_eq(flow_table_init(&t6, ADDR_IP6, N), 0);
	cr_assert_eq(snat_init(&s, &t, &t6, 0, 1), 0);
	printf("bytes per flow: IPv4 %.3f + %.3f, IPv6 %.3f + %.3f\n", (double)t.size / N,
	       (double)s.index[0].size / N, (double)t6.size / N, (double)s.index[1].size / N);
	cr_expect_leq(t.size, 24u * N);
	cr_expect_leq(t.size + s.index[0].size, 32u * N);
	cr_expect_leq(t6.size + s.index[1].size, 64u * N);
	snat_fini(&s);
	flow_table_fini(&t6);
}

// ---- time ----

Test(flow, a_flow_expires_after_the_timeout_of_its_state)
{
	struct flow f = {.service = 1, .seen_s = 65500};

	for (unsigned s = FLOW_CLOSING; s < FLOW_STATE_COUNT; s++) {
		flow_set_state(&f, s);
		cr_expect_not(flow_is_expired(&f, (uint16_t)(65500 + timeout_s[s]), timeout_s));
		cr_expect(flow_is_expired(&f, (uint16_t)(65501 + timeout_s[s]), timeout_s));
	}
}

Test(flow, the_clock_may_wrap)
{
	struct flow_victim v;

	open_table(ADDR_IP4, 1024);
	now_s = 65530;
	insert(1, FLOW_UDP, &v);
	insert(2, FLOW_ESTABLISHED, &v);
	cr_expect_eq(flow_sweep(&t, t.n_buckets, 10, timeout_s), 0);
	cr_expect_eq(flow_sweep(&t, t.n_buckets, 60, timeout_s), 1);
	cr_expect_null(find(1));
	cr_expect(find(2));
	cr_expect_eq(flow_sweep(&t, t.n_buckets, 3601, timeout_s), 1);
	cr_expect_eq(t.n_flows, 0);
}

Test(flow, the_sweeper_passes_over_every_bucket_in_turn)
{
	struct flow_victim v;
	uint32_t n_expired = 0;

	open_table(ADDR_IP4, 2000);
	for (uint32_t n = 0; n < 1000; n++)
		insert(n, n % 2 ? FLOW_OPENING : FLOW_ESTABLISHED, &v);
	now_s += 16;
	for (uint32_t n = 0; n < t.n_buckets; n += 10)
		n_expired += flow_sweep(&t, 10, now_s, timeout_s);
	cr_expect_eq(n_expired, 500);
	cr_expect_eq(t.n_flows, 500);
	for (uint32_t n = 0; n < 1000; n++)
		cr_assert_eq(find(n) != NULL, n % 2 == 0);
}

// ---- bits ----

Test(flow, the_bits_hold_state_address_and_return_path)
{
	struct flow f = {0};

	for (unsigned state = 0; state < FLOW_STATE_COUNT; state++)
		for (unsigned snat = 0; snat < CONF_MAX_SNAT; snat++)
			for (unsigned path = 0; path < 1024; path += 341) {
				f.bits = flow_bits(FLOW_UDP, snat, path);
				flow_set_state(&f, state);
				cr_expect_eq(flow_state(&f), state);
				cr_expect_eq(flow_snat(&f), snat);
				cr_expect_eq(flow_return_path(&f), path);
			}
}
