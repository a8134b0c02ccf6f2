// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include "l7/meter_mark.h"

static void add(struct meter_marks *m, uint32_t end, uint64_t read_ns)
{
	cr_assert(meter_mark_add(m, end, read_ns));
}

// Takes what is due at `sent`; returns its events.
static uint64_t take(struct meter_marks *m, uint32_t sent)
{
	uint8_t n = meter_mark_due(m, sent);
	uint64_t events = 0;

	for (uint8_t i = 0; i < n; i++)
		events += m->at[i].n;
	meter_mark_drop(m, n);
	return events;
}

Test(meter_mark, few_events_have_a_mark_each)
{
	struct meter_marks m = {.n = 0};

	for (uint32_t i = 1; i <= METER_MARKS; i++)
		add(&m, 10 * i, 7);
	cr_expect_eq(m.n, METER_MARKS);
	for (uint32_t i = 1; i <= METER_MARKS; i++) {
		cr_expect_eq(take(&m, 10 * i - 1), 0);
		cr_expect_eq(take(&m, 10 * i), 1);
	}
	cr_expect_eq(meter_mark_events(&m), 0);
	cr_expect_eq(m.n, 0);
}

// None is said to be delivered too early, none is lost, and none is late by more than a quarter of what waits.
Test(meter_mark, many_events_share_marks_with_their_neighbours)
{
	static const uint32_t counts[] = {9, 17, 64, 100, 1000, 65536};

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		struct meter_marks m = {.n = 0};
		uint32_t taken = 0, n = counts[i];

		for (uint32_t e = 1; e <= n; e++)
			add(&m, e, 7);
		cr_expect_eq(meter_mark_events(&m), n);
		for (uint32_t sent = 1; sent <= n; sent++) {
			taken += (uint32_t)take(&m, sent);
			cr_expect_leq(taken, sent, "%u of %u", taken, n);
			cr_expect_leq(sent - taken, n / 4 + 1, "%u of %u at %u", taken, n, sent);
		}
		cr_expect_eq(taken, n);
	}
}

Test(meter_mark, reads_are_put_together_only_when_there_is_no_room)
{
	struct meter_marks m = {.n = 0};

	for (uint32_t i = 0; i < METER_MARKS; i++)
		add(&m, 10 + i, 100 + i);
	cr_expect_eq(m.at[3].read_ns, 103);
	add(&m, 99, 200);
	cr_expect_eq(m.at[0].read_ns, 100, "that of the earlier one: it waited for so long");
	cr_expect_eq(m.at[0].end, 11);
	cr_expect_eq(m.at[m.n - 1].read_ns, 200);
	// Two events of different reads are no neighbours even then.
	add(&m, 100, 201);
	cr_expect_eq(m.at[m.n - 1].n, 1);
	cr_expect_eq(meter_mark_events(&m), METER_MARKS + 2);
	meter_mark_drop(&m, m.n);
}

Test(meter_mark, after_everything_has_left_marks_are_fine_again)
{
	struct meter_marks m = {.n = 0};

	for (uint32_t i = 0; i < 100; i++)
		add(&m, i, 7);
	meter_mark_hold(&m);
	cr_expect_eq(take(&m, 100), 100);
	add(&m, 101, 8);
	add(&m, 102, 8);
	cr_expect_eq(m.n, 2);
	cr_expect_not(meter_mark_is_held(&m, &m.at[0]));
	meter_mark_drop(&m, m.n);
}

Test(meter_mark, who_joins_one_that_is_held_is_held_with_it)
{
	struct meter_marks m = {.n = 0};

	for (uint32_t i = 1; i <= METER_MARKS + 1; i++)
		add(&m, i, 7);
	meter_mark_hold(&m);
	add(&m, METER_MARKS + 2, 7);
	cr_expect(meter_mark_is_held(&m, &m.at[m.n - 1]));
	add(&m, METER_MARKS + 3, 7);
	cr_expect_not(meter_mark_is_held(&m, &m.at[m.n - 1]));
	meter_mark_drop(&m, m.n);
}

// Else the client's time would be told as ours: the two have the moment of the older one.
Test(meter_mark, what_is_put_together_with_one_that_is_held_is_held_too)
{
	for (uint32_t n_held = 1; n_held < METER_MARKS; n_held++) {
		struct meter_marks m = {.n = 0};

		for (uint32_t i = 1; i <= METER_MARKS + 1; i++) {
			add(&m, i, 100 * i);
			if (i == n_held)
				meter_mark_hold(&m);
		}
		for (uint8_t i = 0; i < m.n; i++)
			cr_expect_eq(meter_mark_is_held(&m, &m.at[i]),
			             m.at[i].read_ns <= 100 * n_held, "%u of %u", i, n_held);
		meter_mark_drop(&m, m.n);
	}
}

Test(meter_mark, positions_go_round_at_the_end_of_32_bits)
{
	struct meter_marks m = {.n = 0};

	add(&m, UINT32_MAX - 5, 7);
	add(&m, 20, 7);
	cr_expect_eq(take(&m, UINT32_MAX - 6), 0);
	cr_expect_eq(take(&m, UINT32_MAX), 1);
	cr_expect_eq(take(&m, 19), 0);
	meter_mark_hold(&m);
	cr_expect(meter_mark_is_held(&m, &m.at[0]));
	cr_expect_eq(take(&m, 20), 1);
}
