// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

// The module itself, with an allocator that can fail at the n-th call.
static int allocations_left = -1; // -1 = no limit

static bool may_allocate(void)
{
	return allocations_left < 0 || allocations_left-- > 0;
}

static void *limited_malloc(size_t size)
{
	return may_allocate() ? malloc(size) : NULL;
}

static void *limited_calloc(size_t n, size_t size)
{
	return may_allocate() ? calloc(n, size) : NULL;
}

#define malloc limited_malloc
#define calloc limited_calloc
#include "l4/model/maglev.c" // NOLINT(bugprone-suspicious-include)
#undef malloc
#undef calloc
#include "tests/unit/l4/model/maglev_set.h"

static bool same_table(const struct maglev *a, const struct maglev *b)
{
	return memcmp(a->slot, b->slot, a->n_slots * sizeof(*a->slot)) == 0;
}

Test(maglev, equal_backends_differ_by_one_slot_at_most)
{
	static const size_t sizes[] = {1, 2, 3, 10, 100, 1000};

	make(N_MAX, 100);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct maglev m = build(backends, sizes[i]);

		cr_expect_leq(worst_distance(&m, sizes[i]), 1.0, "%zu", sizes[i]);
		maglev_fini(&m);
	}
}

Test(maglev, the_same_input_gives_the_same_table)
{
	make(100, 100);
	struct maglev a = build(backends, 100), b = build(backends, 100);

	cr_expect(same_table(&a, &b));
	maglev_fini(&a);
	maglev_fini(&b);
}

// Nodes with another version must agree: whoever changes these numbers breaks a rolling upgrade.
Test(maglev, the_table_is_the_one_of_the_first_release)
{
	make(100, 100);
	mix_weights(100);
	backends[3].usable = backends[42].usable = false;
	struct maglev m = build(backends, 100);

	cr_expect_eq(hash_bytes(m.slot, m.n_slots * sizeof(*m.slot), 0),
	             UINT64_C(0x89b4fb1814817589), "0x%016lx",
	             hash_bytes(m.slot, m.n_slots * sizeof(*m.slot), 0));
	maglev_fini(&m);
}

Test(maglev, the_order_of_the_array_does_not_matter)
{
	struct maglev a, b;

	make(100, 1);
	mix_weights(100);
	backends[17].usable = false;
	a = build(backends, 100);
	for (size_t i = 0; i < 99; i++) {
		size_t other = i + backends[i].identity % (100 - i);
		struct maglev_backend swap = backends[i];

		backends[i] = backends[other];
		backends[other] = swap;
	}
	b = build(backends, 100);
	cr_expect(same_table(&a, &b));
	maglev_fini(&a);
	maglev_fini(&b);
}

Test(maglev, weights_are_respected_to_the_slot)
{
	static const size_t sizes[] = {2, 10, 100, 1000};

	make(N_MAX, 1);
	mix_weights(N_MAX);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct maglev m = build(backends, sizes[i]);

		cr_expect_leq(worst_distance(&m, sizes[i]), 1.5, "%zu", sizes[i]);
		backends[1].usable = false;
		maglev_fini(&m);
		m = build(backends, sizes[i]);
		cr_expect_leq(worst_distance(&m, sizes[i]), 1.5, "%zu, one unusable", sizes[i]);
		backends[1].usable = true;
		maglev_fini(&m);
	}
}

Test(maglev, the_smallest_weight_beside_the_largest_gets_a_slot_and_no_weight_none)
{
	const uint32_t *slots_of;
	struct maglev m;

	make(N_MAX, 1000);
	backends[0].weight = 0;
	backends[1].weight = 1;
	m = build(backends, N_MAX);
	slots_of = count_slots(&m);
	cr_expect_eq(slots_of[100], 0);
	cr_expect_eq(slots_of[101], 1);
	maglev_fini(&m);
}

Test(maglev, one_heavy_backend_among_light_ones_gets_its_share)
{
	struct maglev m;

	make(N_MAX, 1);
	backends[500].weight = 1000;
	m = build(backends, N_MAX);
	cr_expect_float_eq(count_slots(&m)[600], MAGLEV_N_SLOTS * 1000.0 / 1999, 330);
	maglev_fini(&m);
}

// ---- boundaries ----

Test(maglev, one_backend_gets_everything)
{
	struct maglev m;

	make(1, 1);
	m = build(backends, 1);
	cr_expect_eq(count_slots(&m)[100], MAGLEV_N_SLOTS);
	maglev_fini(&m);
}

Test(maglev, small_tables_with_as_many_backends_as_slots_give_each_one)
{
	static const uint32_t primes[] = {2, 3, 7, 251, 257, 997};
	struct maglev m;

	make(N_MAX, 3);
	for (size_t i = 0; i < ARRAY_LEN(primes); i++) {
		const uint32_t *slots_of;

		backends[0].weight = 1000;
		cr_assert_eq(maglev_build(&m, backends, primes[i], primes[i]), 0);
		slots_of = count_slots(&m);
		for (size_t b = 0; b < primes[i]; b++)
			cr_expect_eq(slots_of[100 + b], 1, "%u: %zu", primes[i], b);
		maglev_fini(&m);
	}
}

Test(maglev, twins_share_one_permutation_without_harm)
{
	struct maglev m;

	make(3, 100);
	backends[1].identity = backends[0].identity;
	m = build(backends, 3);
	cr_expect_leq(worst_distance(&m, 3), 1.0);
	maglev_fini(&m);
}

Test(maglev, pick_reaches_the_first_and_the_last_slot)
{
	struct maglev m;

	make(10, 100);
	m = build(backends, 10);
	cr_expect_eq(maglev_pick(&m, 0), m.slot[0]);
	cr_expect_eq(maglev_pick(&m, UINT32_MAX), m.slot[MAGLEV_N_SLOTS - 1]);
	maglev_fini(&m);
}

static void expect_empty_table(size_t n)
{
	struct maglev m;

	cr_assert_eq(maglev_build(&m, backends, n, MAGLEV_N_SLOTS), -ENOENT);
	for (uint32_t s = 0; s < m.n_slots; s++)
		cr_assert_eq(m.slot[s], MAGLEV_NONE);
	cr_expect_eq(maglev_pick(&m, UINT32_MAX), MAGLEV_NONE);
	maglev_fini(&m);
}

Test(maglev, nobody_usable_gives_a_valid_table_of_nobody)
{
	expect_empty_table(0);
	make(3, 100);
	for (size_t i = 0; i < 3; i++)
		backends[i].usable = false;
	expect_empty_table(3);
	backends[1].usable = true;
	backends[1].weight = 0; // whoever is usable has no weight
	expect_empty_table(3);
}

Test(maglev, impossible_requests_leave_the_table_untouched)
{
	static const struct {
		size_t n;
		uint32_t n_slots;
	} cases[] = {
		{1, 0}, {1, 1}, {1, 65536}, {4, 3}, {1, 16777259}, {1, UINT32_MAX}, {65535, 65537},
	};
	struct maglev m = {.n_slots = 42};

	make(10, 100);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int rc = maglev_build(&m, backends, cases[i].n, cases[i].n_slots);

		cr_expect_eq(rc, -EINVAL, "%zu", i);
	}
	backends[0].id = MAGLEV_NONE;
	cr_expect_eq(maglev_build(&m, backends, 10, MAGLEV_N_SLOTS), -EINVAL);
	cr_expect_eq(m.n_slots, 42);
}

Test(maglev, running_out_of_memory_leaves_the_table_untouched)
{
	struct maglev m = {.n_slots = 42};
	int rc = -ENOMEM;

	make(10, 100);
	for (int n = 0; rc; n++) {
		allocations_left = n;
		rc = maglev_build(&m, backends, 10, MAGLEV_N_SLOTS);
		if (rc) {
			cr_expect_eq(rc, -ENOMEM);
			cr_expect_eq(m.n_slots, 42);
		}
		cr_assert_leq(n, 3);
	}
	maglev_fini(&m);
}
