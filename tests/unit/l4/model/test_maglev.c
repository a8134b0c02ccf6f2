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

enum { N_MAX = 1000, N_IDS = 1100 };

static struct maglev_backend backends[N_MAX];

static void make(size_t n, uint16_t weight)
{
	for (size_t i = 0; i < n; i++)
		backends[i] = (struct maglev_backend){
			.identity = hash_bytes(&i, sizeof(i), 47),
			.id = (uint16_t)(i + 100),
			.weight = weight,
			.usable = true,
		};
}

static void mix_weights(size_t n)
{
	for (size_t i = 0; i < n; i++)
		backends[i].weight = (uint16_t)(1 + (backends[i].identity >> 9) % 1000);
}

static struct maglev build(const struct maglev_backend *b, size_t n)
{
	struct maglev m;

	cr_assert_eq(maglev_build(&m, b, n, MAGLEV_N_SLOTS), 0);
	return m;
}

// How many slots each id has; asserts that there are no holes and no foreign ids.
static const uint32_t *count(const struct maglev *m)
{
	static uint32_t slots_of[N_IDS];

	memset(slots_of, 0, sizeof(slots_of));
	for (uint32_t s = 0; s < m->n_slots; s++) {
		cr_assert(m->slot[s] >= 100 && m->slot[s] < N_IDS, "slot %u: %u", s, m->slot[s]);
		slots_of[m->slot[s]]++;
	}
	return slots_of;
}

// Part of the slots that are not `id`'s in `a` and have another owner in `b`.
static double moved_of_others(const uint16_t *a, const uint16_t *b, uint16_t id)
{
	uint32_t others = 0, moved = 0;

	for (uint32_t s = 0; s < MAGLEV_N_SLOTS; s++) {
		others += a[s] != id;
		moved += a[s] != id && a[s] != b[s];
	}
	return (double)moved / others;
}

static bool same_table(const struct maglev *a, const struct maglev *b)
{
	return memcmp(a->slot, b->slot, a->n_slots * sizeof(*a->slot)) == 0;
}

// Largest distance of a backend's slots from its share among the usable ones, in slots.
static double worst_distance(const struct maglev *m, size_t n)
{
	const uint32_t *slots_of = count(m);
	double sum = 0, worst = 0;

	for (size_t i = 0; i < n; i++)
		sum += backends[i].usable ? backends[i].weight : 0;
	for (size_t i = 0; i < n; i++) {
		double share = backends[i].usable ? m->n_slots * backends[i].weight / sum : 0;
		double distance = share - slots_of[backends[i].id];

		distance = distance < 0 ? -distance : distance;
		worst = distance > worst ? distance : worst;
	}
	return worst;
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

	cr_expect_eq(hash_bytes(m.slot, m.n_slots * sizeof(*m.slot), 0), UINT64_C(0x89b4fb1814817589), "0x%016lx",
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
	slots_of = count(&m);
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
	cr_expect_float_eq(count(&m)[600], MAGLEV_N_SLOTS * 1000.0 / 1999, 330);
	maglev_fini(&m);
}

Test(maglev, nobody_else_moves_when_one_becomes_unusable)
{
	struct maglev before, after;

	for (int mixed = 0; mixed < 2; mixed++) {
		make(100, 100);
		if (mixed)
			mix_weights(100);
		before = build(backends, 100);
		for (size_t i = 0; i < 100; i += 9) {
			backends[i].usable = false;
			after = build(backends, 100);
			backends[i].usable = true;
			cr_expect_eq(moved_of_others(before.slot, after.slot, backends[i].id), 0);
			maglev_fini(&after);
		}
		maglev_fini(&before);
	}
}

Test(maglev, half_unusable_still_leaves_the_other_half_in_place_and_in_balance)
{
	struct maglev before, after;

	make(100, 100);
	before = build(backends, 100);
	for (size_t i = 0; i < 100; i += 2)
		backends[i].usable = false;
	after = build(backends, 100);
	for (uint32_t s = 0; s < MAGLEV_N_SLOTS; s++)
		if (before.slot[s] % 2)
			cr_assert_eq(before.slot[s], after.slot[s]);
	cr_expect_leq(worst_distance(&after, 100), 1.0);
	maglev_fini(&before);
	maglev_fini(&after);
}

Test(maglev, a_second_unusable_one_moves_only_what_the_first_had_lent_out)
{
	struct maglev first, second;
	uint32_t moved = 0;

	make(100, 100);
	backends[10].usable = false;
	first = build(backends, 100);
	backends[20].usable = false;
	second = build(backends, 100);
	for (uint32_t s = 0; s < MAGLEV_N_SLOTS; s++)
		moved += first.slot[s] != 120 && first.slot[s] != second.slot[s];
	cr_expect_lt(moved, MAGLEV_N_SLOTS / 250, "%u", moved); // 0.4 %; measured: 0.15 %
	maglev_fini(&first);
	maglev_fini(&second);
}

Test(maglev, removing_one_of_100_moves_less_than_half_a_percent_of_the_others)
{
	struct maglev before, after;

	for (int mixed = 0; mixed < 2; mixed++) {
		make(100, 100);
		if (mixed)
			mix_weights(100);
		before = build(backends, 100);
		for (size_t i = 0; i < 100; i += 9) {
			struct maglev_backend gone = backends[i];

			backends[i] = backends[99];
			after = build(backends, 99);
			cr_expect_lt(moved_of_others(before.slot, after.slot, gone.id), 0.005,
			             "%zu: %f", i,
			             moved_of_others(before.slot, after.slot, gone.id));
			maglev_fini(&after);
			backends[i] = gone;
		}
		maglev_fini(&before);
	}
}

// ---- slow versions ----

static void sort_by_identity(struct maglev_backend *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (b[j].identity < b[i].identity) {
				struct maglev_backend swap = b[i];

				b[i] = b[j];
				b[j] = swap;
			}
}

static uint32_t nth_choice(const struct maglev_backend *b, uint64_t nth)
{
	uint64_t h = hash_mix(b->identity, 0, SEED_PERMUTATION);
	uint64_t offset = (h >> 32) * MAGLEV_N_SLOTS >> 32;
	uint64_t skip = 1 + ((h & 0xffffffff) * (MAGLEV_N_SLOTS - 1) >> 32);

	return (uint32_t)((offset + nth * skip) % MAGLEV_N_SLOTS);
}

// The rule for equal weights in its simplest words. backends[] sorted by identity.
static void naive(uint16_t *slot, const uint32_t *quota_of, size_t n)
{
	static uint32_t nth[N_MAX], load[N_MAX];
	uint32_t n_free = MAGLEV_N_SLOTS;
	size_t n_active = n;

	memset(slot, 0xff, MAGLEV_N_SLOTS * sizeof(*slot));
	memset(nth, 0, sizeof(nth));
	memset(load, 0, sizeof(load));
	while (n_free) {
		bool tail = n_free <= TAIL_SLOTS && n_free * n_active <= TAIL_WORK;

		for (size_t i = 0; i < n; i++) {
			uint32_t quota = quota_of[backends[i].id];

			if (load[i] == quota)
				continue;
			for (int turn = 0; turn < (tail ? 1 : BATCH) && load[i] < quota; turn++) {
				uint32_t s = nth_choice(&backends[i], nth[i]++);

				if (slot[s] == MAGLEV_NONE) {
					slot[s] = backends[i].id;
					load[i]++;
					n_free--;
				}
			}
			n_active -= load[i] == quota;
		}
	}
}

// NSDI 2016, pseudocode 1.
static void textbook(uint16_t *slot, const struct maglev_backend *b, size_t n)
{
	static uint32_t next[N_MAX];
	uint32_t filled = 0;

	memset(slot, 0xff, MAGLEV_N_SLOTS * sizeof(*slot));
	memset(next, 0, sizeof(next));
	for (;;) {
		for (size_t i = 0; i < n; i++) {
			uint32_t c = nth_choice(&b[i], next[i]++);

			while (slot[c] != MAGLEV_NONE)
				c = nth_choice(&b[i], next[i]++);
			slot[c] = b[i].id;
			if (++filled == MAGLEV_N_SLOTS)
				return;
		}
	}
}

Test(maglev, equals_the_naive_version_for_equal_weights)
{
	static const size_t sizes[] = {1, 2, 10, 100, 1000};
	static uint16_t want[MAGLEV_N_SLOTS];

	make(N_MAX, 100);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct maglev m = build(backends, sizes[i]);

		sort_by_identity(backends, sizes[i]);
		naive(want, count(&m), sizes[i]);
		cr_expect_arr_eq(m.slot, want, sizeof(want), "%zu", sizes[i]);
		maglev_fini(&m);
	}
}

Test(maglev, removal_disrupts_less_than_in_the_textbook)
{
	static uint16_t before[MAGLEV_N_SLOTS], after[MAGLEV_N_SLOTS];
	struct maglev ours_before, ours_after;
	struct maglev_backend gone;
	double ours, theirs;

	make(100, 100);
	sort_by_identity(backends, 100);
	gone = backends[50];
	textbook(before, backends, 100);
	ours_before = build(backends, 100);
	memmove(backends + 50, backends + 51, 49 * sizeof(*backends));
	textbook(after, backends, 99);
	ours_after = build(backends, 99);
	theirs = moved_of_others(before, after, gone.id);
	ours = moved_of_others(ours_before.slot, ours_after.slot, gone.id);
	cr_expect_lt(ours, theirs * 0.75, "%f, textbook %f", ours, theirs); // measured: half
	maglev_fini(&ours_before);
	maglev_fini(&ours_after);
}

// ---- boundaries ----

Test(maglev, one_backend_gets_everything)
{
	struct maglev m;

	make(1, 1);
	m = build(backends, 1);
	cr_expect_eq(count(&m)[100], MAGLEV_N_SLOTS);
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
		slots_of = count(&m);
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
