// SPDX-License-Identifier: BSD-3-Clause
#include "l7/schedule.h"
#include "tests/support/failmalloc.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX = 65535, N_MAX = 1024 };

static uint16_t turns[MAX];
static uint32_t weights[N_MAX];

static uint32_t fill(uint32_t n)
{
	uint32_t n_turns = schedule_scale(weights, n, MAX);

	cr_assert_leq(n_turns, MAX);
	cr_assert_eq(schedule_fill(turns, n_turns, weights, n), 0);
	return n_turns;
}

// The largest distance, at any turn, between the turns that somebody has had and those that its weight says.
static double worst_distance(uint32_t n_turns, uint32_t n)
{
	static uint32_t had[N_MAX];
	double worst = 0;

	memset(had, 0, sizeof(had));
	for (uint32_t t = 0; t < n_turns; t++) {
		had[turns[t]]++;
		for (uint32_t i = 0; i < n; i++) {
			double due = (t + 1.0) * weights[i] / n_turns;

			worst = fmax(worst, fabs(had[i] - due));
		}
	}
	for (uint32_t i = 0; i < n; i++)
		cr_assert_eq(had[i], weights[i], "share of %u", i);
	return worst;
}

static void expect_turns(const char *want, uint32_t n)
{
	uint32_t n_turns = fill(n);
	char got[64] = "";

	for (uint32_t t = 0; t < n_turns; t++)
		got[t] = (char)('a' + turns[t]);
	cr_expect_str_eq(got, want);
}

Test(schedule, equal_weights_take_turns_in_order)
{
	weights[0] = weights[1] = weights[2] = 100;
	expect_turns("abc", 3);
}

Test(schedule, a_heavy_one_and_a_light_one_alternate_as_far_as_they_can)
{
	weights[0] = 50;
	weights[1] = 10;
	weights[2] = 10;
	expect_turns("aaabaac", 3);
}

Test(schedule, many_light_ones_do_not_come_in_a_row)
{
	weights[0] = 5;
	for (int i = 1; i <= 5; i++)
		weights[i] = 1;
	expect_turns("abacadaeaf", 6);
}

Test(schedule, weight_zero_gets_no_turn)
{
	weights[0] = 0;
	weights[1] = 7;
	weights[2] = 0;
	expect_turns("b", 3);
	weights[1] = 0;
	cr_expect_eq(fill(3), 0);
	cr_expect_eq(fill(0), 0);
}

// Baruah et al., "Proportionate Progress", 1996: the lag of a Pfair schedule is below 1 at all times.
Test(schedule, shares_are_exact_and_never_a_whole_turn_off)
{
	static const uint32_t sizes[] = {1, 2, 3, 7, 30};

	srand(47);
	for (size_t k = 0; k < 20 * ARRAY_LEN(sizes); k++) {
		uint32_t n = sizes[k % ARRAY_LEN(sizes)], n_turns;

		for (uint32_t i = 0; i < n; i++)
			weights[i] = (uint32_t)rand() % (k % 2 ? 10 : 1001);
		n_turns = fill(n);
		cr_expect_lt(worst_distance(n_turns, n), 1.0, "case %zu", k);
	}
}

Test(schedule, weights_of_1_to_1000_on_1024_backends_stay_bounded_and_nobody_vanishes)
{
	uint64_t total = 0;
	uint32_t n_turns, given[N_MAX];

	srand(48);
	for (uint32_t i = 0; i < N_MAX; i++) {
		weights[i] = i % 3 ? 1000 - (uint32_t)rand() % 100 : 1;
		given[i] = weights[i];
		total += weights[i];
	}
	n_turns = fill(N_MAX);
	cr_expect_gt(n_turns, MAX / 2);
	for (uint32_t i = 0; i < N_MAX; i++) {
		double due = (double)given[i] * n_turns / (double)total;

		cr_expect_gt(weights[i], 0);
		cr_expect_leq(fabs(weights[i] - due), 1.1, "%u: %u of %f", i, weights[i], due);
	}
	for (uint32_t t = 0; t < n_turns; t++)
		weights[turns[t]]--;
	for (uint32_t i = 0; i < N_MAX; i++)
		cr_expect_eq(weights[i], 0);
}

Test(schedule, scaling_divides_by_what_all_weights_have_in_common)
{
	weights[0] = 100;
	weights[1] = 0;
	weights[2] = 250;
	cr_expect_eq(schedule_scale(weights, 3, MAX), 7);
	cr_expect_eq(weights[0], 2);
	cr_expect_eq(weights[1], 0);
	cr_expect_eq(weights[2], 5);
}

Test(schedule, filling_without_memory_fails)
{
	int rc = -1;
	unsigned int n = 1;

	weights[0] = 1;
	for (; rc && failmalloc_works(); n++) {
		failmalloc_arm(n);
		rc = schedule_fill(turns, 1, weights, 1);
		failmalloc_disarm();
		cr_assert(rc == 0 || rc == -12); // ENOMEM
	}
	cr_expect(!failmalloc_works() || n > 3);
}
