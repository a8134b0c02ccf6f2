// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_histogram.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static uint64_t seed = 1;

static uint64_t next_random(void)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return seed >> 11;
}

// Spread over all magnitudes.
static uint64_t random_time(void)
{
	return next_random() >> (next_random() % 53);
}

static uint32_t bucket_naively(uint64_t ns)
{
	uint32_t i = 0;

	while (i < STATS_HISTOGRAM_BOUNDS && ns > stats_histogram_bounds[i])
		i++;
	return i;
}

Test(stats_histogram, bounds_rise_by_a_quarter_at_most)
{
	cr_assert_eq(stats_histogram_bounds[0], 1000);
	cr_assert_eq(stats_histogram_bounds[STATS_HISTOGRAM_BOUNDS - 1], UINT64_C(10000000000000));
	for (size_t i = 1; i < STATS_HISTOGRAM_BOUNDS; i++) {
		uint64_t a = stats_histogram_bounds[i - 1], b = stats_histogram_bounds[i];

		cr_expect_gt(b, a);
		cr_expect_leq(b * 4, a * 5, "%zu", i);
	}
}

// open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-metrics.md: time to first token and per output token.
Test(stats_histogram, bounds_of_the_conventions_are_among_ours)
{
	static const double wanted[] = {.001, .005, .01, .02, .025, .04, .05, .06,
	                                .075, .08,  .1,  .15, .2,   .25, .3,  .4,
	                                .5,   .75,  1,   2.5, 5,    7.5, 10};

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		uint64_t ns = (uint64_t)(wanted[i] * 1e9 + .5);

		cr_expect_eq(stats_histogram_bounds[stats_histogram_bucket(ns)], ns, "%g",
		             wanted[i]);
	}
}

Test(stats_histogram, a_bound_belongs_to_the_bucket_below)
{
	for (uint32_t i = 0; i < STATS_HISTOGRAM_BOUNDS; i++) {
		cr_expect_eq(stats_histogram_bucket(stats_histogram_bounds[i]), i);
		cr_expect_eq(stats_histogram_bucket(stats_histogram_bounds[i] + 1), i + 1);
	}
	cr_expect_eq(stats_histogram_bucket(0), 0);
	cr_expect_eq(stats_histogram_bucket(UINT64_MAX), STATS_HISTOGRAM_BOUNDS);
}

Test(stats_histogram, buckets_are_those_of_a_naive_search)
{
	for (int i = 0; i < 200000; i++) {
		uint64_t ns = random_time();

		cr_assert_eq(stats_histogram_bucket(ns), bucket_naively(ns), "%llu",
		             (unsigned long long)ns);
	}
}

// The table that the bucket is looked up in, from both sides of each of its edges.
Test(stats_histogram, a_cell_is_looked_up_where_it_begins_and_ends)
{
	for (uint32_t cell = 0; cell < STATS_HISTOGRAM_CELLS; cell++) {
		uint64_t low = (uint64_t)(8 + cell % 8) << (cell / 8 + STATS_HISTOGRAM_FIRST - 3);

		cr_expect_eq(stats_histogram_first[cell], bucket_naively(low), "%u", cell);
		cr_expect_eq(stats_histogram_bucket(low), bucket_naively(low), "%u", cell);
		cr_expect_eq(stats_histogram_bucket(low - 1), bucket_naively(low - 1), "%u", cell);
	}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

Test(stats_histogram, percentiles_are_a_quarter_off_at_most)
{
	static const double shares[] = {.01, .1, .5, .9, .95, .99, .999, 1};
	enum { N = 50000 };
	static uint64_t values[N];
	static struct stats_histogram h;
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		values[i] = 1001 + random_time() % UINT64_C(9000000000000);
		sum += values[i];
		stats_histogram_record(&h, values[i]);
	}
	qsort(values, ARRAY_LEN(values), sizeof(*values), by_value);
	cr_expect_eq(stats_histogram_count(&h), ARRAY_LEN(values));
	cr_expect_eq(h.sum_ns, sum);
	cr_expect_float_eq(stats_histogram_mean(&h), (double)sum / N, 1);
	for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
		double is = stats_histogram_percentile(&h, shares[i]);
		double naive = (double)values[(size_t)(shares[i] * (N - 1))];

		cr_expect(is <= naive * 1.26 && naive <= is * 1.26, "%g: %g, not %g", shares[i], is,
		          naive);
	}
}

Test(stats_histogram, empty_and_overflowing_ones_have_percentiles_too)
{
	static struct stats_histogram h;

	cr_expect_eq(stats_histogram_percentile(&h, .5), 0);
	cr_expect_eq(stats_histogram_mean(&h), 0);
	stats_histogram_record(&h, UINT64_C(90000000000000));
	cr_expect_eq(stats_histogram_percentile(&h, .5), 1e13);
}

Test(stats_histogram, sums_and_cumulative_counts_are_exact)
{
	static struct stats_histogram a, b, sum;
	uint64_t n = 0;

	for (int i = 0; i < 20000; i++) {
		uint64_t ns = random_time();

		stats_histogram_record(i % 3 ? &a : &b, ns);
		n += ns <= 250000000;
	}
	stats_histogram_add(&sum, &a);
	stats_histogram_add(&sum, &b);
	cr_expect_eq(stats_histogram_up_to(&sum, 250000000), n);
	cr_expect_eq(stats_histogram_count(&sum), 20000);
	cr_expect_eq(sum.sum_ns, a.sum_ns + b.sum_ns);
}
