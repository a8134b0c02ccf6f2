// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include "l4/base/clock.h"
#include "l4/model/stats_histogram.h"
#include "l7/meter_rest.h"

#define MS CLOCK_NS_PER_MS

static const struct conf_l7_streams tokens = {.measure = MEASURE_TOKENS};
static struct l7_service_counters c;
static struct l7_service_histograms h;

// A call that was asked at this moment.
static void begin(struct meter *m, uint64_t asked_ns)
{
	*m = (struct meter){.in = {
				    .counters = &c,
				    .times = &h,
				    .conf = &tokens,
				    .asked_ns = asked_ns,
				    .now_ns = asked_ns,
				    .kind = METER_GRPC,
				    .is_ok = true,
			    }};
	meter_begin(m);
}

static void message(struct meter *m, uint32_t end, uint64_t read_ns)
{
	m->end = end;
	meter_event(m, NULL, read_ns);
}

static bool end(struct meter_rests *r, struct meter *m)
{
	meter_leaves(m, 0);
	meter_end(m, METER_END_COMPLETED);
	return meter_rest_take(r, m);
}

// Asked and answered at these moments, with one message.
static bool call(struct meter_rests *r, uint64_t asked_ns, uint64_t read_ns)
{
	struct meter m;

	begin(&m, asked_ns);
	message(&m, 32, read_ns);
	return end(r, &m);
}

static void expect(const struct stats_histogram *of, uint64_t n, uint64_t sum_ms, const char *name)
{
	cr_expect_eq(stats_histogram_count(of), n, "%s: %lu", name, stats_histogram_count(of));
	cr_expect_eq(of->sum_ns, sum_ms * MS, "%s: %lu ns", name, of->sum_ns);
}

Test(meter_rest, what_leaves_with_a_calls_end_counts_when_it_has_left)
{
	struct meter_rests r = {.n = 0};

	cr_assert(call(&r, 100 * MS, 120 * MS));
	cr_expect_eq(c.events_undelivered, 0);
	expect(&h.delay_added, 0, 0, "before");
	meter_rest_delivered(&r, 125 * MS);
	expect(&h.delay_added, 1, 5, "delay");
	expect(&h.ttft_delivered, 1, 25, "first token");
	cr_expect_eq(r.n, 0);
}

// The clock of the test is what each call would have been counted by alone.
Test(meter_rest, calls_counted_together_count_as_they_would_alone)
{
	enum { CALLS = 200 };
	uint64_t delays = 0, firsts = 0;
	struct meter_rests r = {.n = 0};

	for (uint64_t i = 0; i < CALLS; i++) {
		uint64_t asked = 100 + i / 20 % 3, read = 110 + i / 7;

		if (!call(&r, asked * MS, read * MS)) {
			meter_rest_delivered(&r, 200 * MS);
			cr_assert(call(&r, asked * MS, read * MS));
		}
		delays += 200 - read;
		firsts += 200 - asked;
	}
	meter_rest_delivered(&r, 200 * MS);
	expect(&h.delay_added, CALLS, delays, "delay");
	expect(&h.ttft_delivered, CALLS, firsts, "first token");
}

Test(meter_rest, calls_of_one_moment_need_room_for_one)
{
	struct meter_rests r = {.n = 0};

	for (uint32_t i = 0; i < 1000; i++)
		cr_assert(call(&r, 100 * MS, 110 * MS));
	cr_expect_eq(r.n, 1);
	meter_rest_delivered(&r, 111 * MS);
	expect(&h.delay_added, 1000, 1000, "delay");
}

Test(meter_rest, what_has_no_room_is_left_where_it_was)
{
	struct meter_rests r = {.n = 0};
	struct meter m;

	for (uint32_t i = 0; i < METER_RESTS - 1; i++)
		cr_assert(call(&r, 100 * MS, (110 + i) * MS));
	begin(&m, 100 * MS);
	message(&m, 32, 150 * MS);
	message(&m, 64, 151 * MS);
	cr_expect_not(end(&r, &m));
	cr_expect_eq(r.n, METER_RESTS - 1);
	cr_expect_eq(m.waiting.n, 2);
	meter_rest_delivered(&r, 160 * MS);
	cr_expect(meter_rest_take(&r, &m));
	cr_expect_eq(m.waiting.n, 0);
}

// The first token is one of a stream's events, and some may have waited for the client before.
Test(meter_rest, each_event_of_a_stream_is_counted_as_what_it_is)
{
	struct meter_rests r = {.n = 0};
	struct meter m;

	begin(&m, 100 * MS);
	message(&m, 32, 110 * MS);
	meter_held(&m);
	message(&m, 64, 120 * MS);
	message(&m, 96, 120 * MS);
	cr_assert(end(&r, &m));
	meter_rest_delivered(&r, 130 * MS);
	expect(&h.delay_client, 1, 20, "held");
	expect(&h.delay_added, 2, 20, "delay");
	expect(&h.ttft_delivered, 1, 30, "first token");
}

Test(meter_rest, a_first_token_that_was_delivered_before_is_not_delivered_again)
{
	struct meter_rests r = {.n = 0};
	struct meter m;

	begin(&m, 100 * MS);
	message(&m, 32, 110 * MS);
	meter_delivered(&m, 32, 111 * MS);
	message(&m, 64, 120 * MS);
	cr_assert(end(&r, &m));
	meter_rest_delivered(&r, 130 * MS);
	expect(&h.ttft_delivered, 1, 11, "first token");
	expect(&h.delay_added, 2, 11, "delay");
}
