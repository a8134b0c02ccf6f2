// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_model.h"

#include "tests/unit/tools/lbtopbuild.h"

#include <math.h>

#define PACKETS LBTOP_VALUE(lane_counters, rx_packets)

static const struct {
	const char *name;
	uint64_t now, before;
	double want;
} deltas[] = {
	{"grows", 15, 5, 10},
	{"stands", 5, 5, 0},
	{"passes 2^64", 4, UINT64_MAX - 5, 10},
	{"set back to 0", 0, 100, NAN},
	{"set back a little", 99, 100, NAN},
};

Test(lbtop_model, a_counter_that_was_set_back_has_no_difference_one_that_wraps_has)
{
	for (size_t i = 0; i < ARRAY_LEN(deltas); i++) {
		double delta = lbtop_model_delta(deltas[i].now, deltas[i].before);

		if (isnan(deltas[i].want))
			cr_expect(isnan(delta), "%s", deltas[i].name);
		else
			cr_expect_eq(delta, deltas[i].want, "%s", deltas[i].name);
	}
}

static double packet_rate(const struct lbtop_model *m)
{
	return lbtop_model_total_rate(m, LBTOP_LANE, PACKETS);
}

Test(lbtop_model, a_rate_is_over_the_time_that_has_passed_not_over_the_interval_meant)
{
	struct lbtop_model m;

	lbtop_model_init(&m);
	lbtop_model_push(&m, busy_sample(10, 0));
	cr_expect(isnan(packet_rate(&m)), "one sample has no rate");
	lbtop_model_push(&m, busy_sample(10.5, 1));
	cr_expect_eq(packet_rate(&m), 200);
	lbtop_model_push(&m, busy_sample(14.5, 2)); // three samples are missing
	cr_expect_eq(packet_rate(&m), 25);
	lbtop_model_fini(&m);
}

Test(lbtop_model, a_row_that_is_new_or_has_another_owner_has_no_rate)
{
	struct lbtop_sample *before = busy_sample(1, 1), *now = busy_sample(2, 2);
	struct lbtop_row *row = now->rows[LBTOP_SERVICE].row;
	struct lbtop_pair p;
	struct lbtop_model m;

	lbtop_model_init(&m);
	before->rows[LBTOP_SERVICE].n = 2;               // service-3 is new
	snprintf(row[1].name, sizeof(row[1].name), "x"); // id 2 was given to another
	lbtop_model_push(&m, before);
	lbtop_model_push(&m, now);
	p = lbtop_model_pair(&m, LBTOP_SERVICE, &row[0]);
	cr_expect_eq(lbtop_model_rate(&p, 0), 10);
	for (size_t i = 1; i < 3; i++) {
		p = lbtop_model_pair(&m, LBTOP_SERVICE, &row[i]);
		cr_expect(isnan(lbtop_model_rate(&p, 0)), "%s", row[i].name);
	}
	cr_expect_eq(lbtop_model_total_rate(&m, LBTOP_SERVICE, 0), 10, "the sum of what is known");
	lbtop_model_fini(&m);
}

Test(lbtop_model, other_maps_have_no_rates_to_those_before)
{
	struct lbtop_sample *now = busy_sample(2, 5);
	struct lbtop_model m;

	lbtop_model_init(&m);
	lbtop_model_push(&m, busy_sample(1, 1));
	now->daemon[LBTOP_LB4D].epoch = 2;
	lbtop_model_push(&m, now);
	cr_expect(isnan(packet_rate(&m)));
	lbtop_model_fini(&m);
}

Test(lbtop_model, a_sample_that_is_not_newer_begins_anew)
{
	struct lbtop_model m;

	lbtop_model_init(&m);
	for (int i = 0; i < 30; i++)
		lbtop_model_push(&m, busy_sample(100 + i, (uint64_t)i));
	lbtop_model_push(&m, busy_sample(50, 1));
	cr_expect(isnan(packet_rate(&m)));
	lbtop_model_push(&m, busy_sample(51, 2));
	cr_expect_eq(packet_rate(&m), 100);
	cr_expect_eq(lbtop_model_series(&m, LBTOP_PACKETS, 0, LBTOP_SECONDS), 100,
	             "nothing of the time that is to come");
	lbtop_model_fini(&m);
}

Test(lbtop_model, the_window_is_a_minute_whatever_the_interval)
{
	const double steps[] = {0.1, 1, 7, 60};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct lbtop_pair p;
		struct lbtop_model m;

		lbtop_model_init(&m);
		for (double at = 1000; at < 1300; at += steps[i])
			lbtop_model_push(&m, busy_sample(at, (uint64_t)(at * 10)));
		p = lbtop_model_pair(&m, LBTOP_LANE, m.now->rows[LBTOP_LANE].row);
		cr_expect_geq(p.window_s, 60 - 1e-6, "%g", steps[i]);
		cr_expect_leq(p.window_s, 60 + steps[i] + LBTOP_WINDOW_STEP_S, "%g", steps[i]);
		cr_expect_float_eq(lbtop_model_window_rate(&p, PACKETS), 1000, 25, "%g", steps[i]);
		lbtop_model_fini(&m);
	}
}

static double series_at(const struct lbtop_model *m, unsigned age)
{
	return lbtop_model_series(m, LBTOP_PACKETS, age, 1);
}

Test(lbtop_model, a_second_of_a_series_is_the_mean_over_what_is_known_of_it)
{
	struct lbtop_model m;

	lbtop_model_init(&m);
	lbtop_model_push(&m, busy_sample(10.5, 0));
	lbtop_model_push(&m, busy_sample(11.5, 1)); // 100 a second
	lbtop_model_push(&m, busy_sample(12.0, 2)); // 200
	cr_expect_eq(series_at(&m, 0), 150);
	cr_expect_eq(series_at(&m, 1), 100);
	cr_expect(isnan(series_at(&m, 2)));
	lbtop_model_push(&m, busy_sample(16.0, 6));
	cr_expect_eq(series_at(&m, 0), 100, "one rate for four seconds");
	cr_expect_eq(series_at(&m, 3), 100);
	cr_expect_eq(series_at(&m, 4), 150);
	cr_expect_eq(lbtop_model_series(&m, LBTOP_PACKETS, 3, 2), 125);
	lbtop_model_fini(&m);
}

Test(lbtop_model, a_gap_in_the_samples_of_a_store_is_a_gap_in_the_series)
{
	struct err err = {.code = -2, .msg = "gone"};
	struct lbtop_sample *other = busy_sample(20, 1);
	struct lbtop_model m;

	lbtop_model_init(&m);
	lbtop_model_push(&m, busy_sample(10, 1));
	lbtop_model_push(&m, busy_sample(11, 2));
	lbtop_model_miss(&m, &err);
	cr_expect_eq(m.err.code, -2);
	cr_expect_eq(m.now->clock_ns, 11 * CLOCK_NS_PER_S, "what there was stays");
	other->daemon[LBTOP_LB4D].epoch = 2;
	lbtop_model_push(&m, other);
	cr_expect_eq(m.err.code, 0);
	for (unsigned age = 0; age < 9; age++)
		cr_expect(isnan(series_at(&m, age)), "%u", age);
	cr_expect_eq(series_at(&m, 9), 100);
	lbtop_model_fini(&m);
}

Test(lbtop_model, a_series_forgets_what_is_older_than_it)
{
	struct lbtop_model m;

	lbtop_model_init(&m);
	lbtop_model_push(&m, busy_sample(1, 0));
	lbtop_model_push(&m, busy_sample(2, 1));
	lbtop_model_push(&m, busy_sample(2 + LBTOP_SECONDS, 1));
	cr_expect_eq(lbtop_model_series(&m, LBTOP_PACKETS, 0, LBTOP_SECONDS), 0);
	lbtop_model_push(&m, busy_sample(1e6, 1)); // far beyond
	cr_expect_eq(lbtop_model_series(&m, LBTOP_PACKETS, 0, LBTOP_SECONDS), 0);
	lbtop_model_fini(&m);
}

Test(lbtop_model, drops_are_the_reasons_that_drop)
{
	struct lbtop_model m;
	struct lbtop_pair p;

	lbtop_model_init(&m);
	lbtop_model_push(&m, busy_sample(1, 0));
	lbtop_model_push(&m, busy_sample(2, 4));
	p = lbtop_model_pair(&m, LBTOP_LANE, m.now->rows[LBTOP_LANE].row);
	cr_expect_eq(lbtop_model_drop_rate(&p), 40, "ip_cksum, and not what was forwarded");
	lbtop_model_fini(&m);
}

// Ten of `low` before, ten of `high` since.
static struct lbtop_sample *timed_sample(double seconds, uint64_t n_low, uint64_t n_high)
{
	struct lbtop_sample *s = sample_at(seconds);
	struct lbtop_row *row = rows_of(s, LBTOP_L7_SERVICE, 2, "api");

	s->daemon[LBTOP_LB7D].epoch = 1;
	cr_assert_eq(lbtop_sample_make_times(s, LBTOP_L7_SERVICE, &row[0]), 0);
	row[0].times[1].bucket[stats_histogram_bucket(CLOCK_NS_PER_MS)] = n_low;
	row[0].times[1].bucket[stats_histogram_bucket(CLOCK_NS_PER_S)] = n_high;
	return s;
}

Test(lbtop_model, percentiles_are_of_the_window_not_of_all_times)
{
	struct lbtop_model m;
	struct lbtop_pair p;

	lbtop_model_init(&m);
	lbtop_model_push(&m, timed_sample(1, 1000, 0));
	lbtop_model_push(&m, timed_sample(2, 1000, 10));
	p = lbtop_model_pair(&m, LBTOP_L7_SERVICE, &m.now->rows[LBTOP_L7_SERVICE].row[0]);
	cr_expect_gt(lbtop_model_percentile(&p, 1, 0.01), 0.7e9);
	cr_expect_leq(lbtop_model_percentile(&p, 1, 0.99), 1e9);
	cr_expect(isnan(lbtop_model_percentile(&p, 0, 0.5)), "nothing was recorded there");
	p = lbtop_model_pair(&m, LBTOP_L7_SERVICE, &m.now->rows[LBTOP_L7_SERVICE].row[1]);
	cr_expect(isnan(lbtop_model_percentile(&p, 1, 0.5)), "a row without any");
	lbtop_model_push(&m, timed_sample(3, 0, 0)); // set back
	p = lbtop_model_pair(&m, LBTOP_L7_SERVICE, &m.now->rows[LBTOP_L7_SERVICE].row[0]);
	cr_expect(isnan(lbtop_model_percentile(&p, 1, 0.5)));
	lbtop_model_fini(&m);
}
