// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_log2.h"

#include <criterion/criterion.h>

#include "l4/base/cc.h"

static const struct {
	uint64_t value;
	unsigned bucket;
} places[] = {
	{0, 0},         {1, 1},           {2, 2},           {3, 2},
	{4, 3},         {7, 3},           {8, 4},           {1000, 10},
	{1023, 10},     {1024, 11},       {1u << 29, 30},   {(1u << 30) - 1, 30},
	{1u << 30, 31}, {1ull << 31, 31}, {UINT64_MAX, 31},
};

Test(stats_log2, a_value_lies_within_its_bucket)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		unsigned bucket = stats_log2_bucket(places[i].value);

		cr_expect_eq(bucket, places[i].bucket, "%llu", (unsigned long long)places[i].value);
		cr_expect_leq(stats_log2_first(bucket), places[i].value);
		cr_expect_geq(stats_log2_last(bucket), places[i].value);
	}
}

Test(stats_log2, buckets_leave_no_gap)
{
	for (unsigned i = 1; i < COUNTERS_LOG2_BUCKETS; i++)
		cr_expect_eq(stats_log2_first(i), stats_log2_last(i - 1) + 1, "bucket %u", i);
}

Test(stats_log2, sums_of_two_count_both)
{
	struct counters_log2 a = {.sum = 5, .bucket = {[0] = 1, [2] = 2}};
	struct counters_log2 b = {.sum = 1ull << 40, .bucket = {[2] = 1, [31] = 1}};

	stats_log2_add(&a, &b);
	cr_expect_eq(a.sum, 5 + (1ull << 40));
	cr_expect_eq(a.bucket[2], 3);
	cr_expect_eq(stats_log2_count(&a), 5);
}

// 1..1000, once each: the true quantile is known.
Test(stats_log2, quantiles_are_within_their_bucket)
{
	static const double shares[] = {0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1};
	struct counters_log2 h = {0};

	for (uint64_t v = 1; v <= 1000; v++)
		h.bucket[stats_log2_bucket(v)]++;
	for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
		uint64_t truth = (uint64_t)(shares[i] * 1000);
		unsigned bucket = stats_log2_bucket(truth);
		double got = stats_log2_quantile(&h, shares[i]);

		cr_expect_geq(got, (double)stats_log2_first(bucket), "%g: %g", shares[i], got);
		cr_expect_leq(got, (double)stats_log2_last(bucket), "%g: %g", shares[i], got);
	}
}

Test(stats_log2, quantiles_at_the_edges)
{
	struct counters_log2 none = {0}, zeros = {.bucket = {[0] = 9}},
			     huge = {.bucket = {[31] = 1}};

	cr_expect_eq(stats_log2_quantile(&none, 0.5), 0);
	cr_expect_eq(stats_log2_quantile(&zeros, 0.99), 0);
	cr_expect_eq(stats_log2_quantile(&huge, 0.5), (double)(1u << 30));
	cr_expect_eq(stats_log2_quantile(&huge, 0), (double)(1u << 30));
}
