// SPDX-License-Identifier: BSD-3-Clause
#include "l7/timer.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { N = 400 };

struct watched {
	struct timer timer;
	uint64_t due;   // 0 = not running
	uint64_t fired; // when; 0 = not yet
};

static struct timer_wheel wheel;
static struct watched watched[N];
static int n_fired;

static void note(struct timer *t)
{
	struct watched *w = CONTAINER_OF(t, struct watched, timer);

	w->fired = wheel.now_ms;
	n_fired++;
}

static void start_at(uint64_t now_ms)
{
	wheel = (struct timer_wheel){.now_ms = now_ms};
	n_fired = 0;
	for (int i = 0; i < N; i++)
		watched[i] = (struct watched){.timer.fire = note};
}

static const struct {
	const char *name;
	uint64_t now, delay;
} times[] = {
	{"next millisecond", 1000, 1},
	{"end of a slot's round", 63, 1},
	{"second level", 1000, 100},
	{"third level", 1000, 5000},
	{"an hour", 123456789, 3600 * 1000},
	{"a day", 123456789, 86400 * 1000},
	{"across all levels", (UINT64_C(1) << 36) - 1, 2},
	{"none at all", 5, 0},
};

Test(timer, fires_when_it_is_due_and_not_before)
{
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		uint64_t due = times[i].now + times[i].delay;

		start_at(times[i].now);
		timer_start(&wheel, &watched[0].timer, times[i].delay);
		if (times[i].delay > 1) {
			timer_run(&wheel, due - 1);
			cr_expect_eq(n_fired, 0, "%s", times[i].name);
		}
		timer_run(&wheel, due + 1);
		cr_expect_eq(n_fired, 1, "%s", times[i].name);
		cr_expect_not(timer_is_running(&watched[0].timer));
	}
}

Test(timer, waiting_as_long_as_it_says_misses_nothing)
{
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		int n_waits = 0;

		start_at(times[i].now);
		timer_start(&wheel, &watched[0].timer, times[i].delay);
		while (!n_fired && n_waits++ < 20)
			timer_run(&wheel, wheel.now_ms + timer_wait_ms(&wheel, UINT64_MAX / 2));
		cr_expect_eq(n_fired, 1, "%s", times[i].name);
		cr_expect_leq(watched[0].fired, times[i].now + times[i].delay + 1, "%s",
		              times[i].name);
	}
}

Test(timer, an_empty_wheel_waits_as_long_as_allowed)
{
	start_at(77);
	cr_expect_eq(timer_wait_ms(&wheel, 1234), 1234);
}

Test(timer, moved_on_it_fires_once_at_the_later_time)
{
	start_at(10);
	timer_start(&wheel, &watched[0].timer, 20);
	timer_start(&wheel, &watched[0].timer, 500);
	timer_run(&wheel, 509);
	cr_expect_eq(n_fired, 0);
	timer_run(&wheel, 510);
	cr_expect_eq(n_fired, 1);
}

Test(timer, moved_to_an_earlier_time_it_fires_then)
{
	start_at(10);
	timer_start(&wheel, &watched[0].timer, 5000);
	timer_start(&wheel, &watched[0].timer, 3);
	timer_run(&wheel, 13);
	cr_expect_eq(n_fired, 1);
}

static void stop_next(struct timer *t)
{
	note(t);
	timer_stop(&wheel, &watched[1].timer);
	timer_stop(&wheel, &watched[2].timer);
	timer_start(&wheel, t, 5);
}

Test(timer, others_may_be_stopped_and_itself_started_while_it_fires)
{
	start_at(0);
	watched[0].timer.fire = stop_next;
	for (int i = 2; i >= 0; i--)
		timer_start(&wheel, &watched[i].timer, 7);
	timer_run(&wheel, 7);
	cr_expect_eq(n_fired, 1);
	cr_expect(timer_is_running(&watched[0].timer));
	timer_run(&wheel, 12);
	cr_expect_eq(n_fired, 2);
}

// One that stood still while nothing was due would make what is reckoned from its time early. 512 begins a round of the lowest level:
// the wheel has nothing else to do on the way.
Test(timer, catches_up_with_the_clock_and_fires_nothing)
{
	start_at(512);
	timer_start(&wheel, &watched[0].timer, 50);
	timer_catch_up(&wheel, 540);
	cr_expect_eq(wheel.now_ms, 540);
	timer_catch_up(&wheel, 520);
	cr_expect_eq(wheel.now_ms, 540, "never back");
	timer_start(&wheel, &watched[1].timer, 10);
	timer_catch_up(&wheel, 10000);
	cr_expect_eq(wheel.now_ms, 549);
	cr_expect_eq(n_fired, 0);
	timer_run(&wheel, 10000);
	cr_expect_eq(watched[1].fired, 550);
	cr_expect_eq(watched[0].fired, 562);
	timer_catch_up(&wheel, 1 << 30);
	cr_expect_eq(wheel.now_ms, 1 << 30, "nothing holds it");
}

// The naive version: an array of times.
static void step(uint64_t now)
{
	int before = n_fired;

	timer_catch_up(&wheel, now);
	cr_assert_eq(n_fired, before);
	timer_run(&wheel, now);
	for (int i = 0; i < N; i++) {
		bool is_due = watched[i].due && watched[i].due <= now;

		cr_assert_eq(is_due, watched[i].fired != 0, "timer %d due %lu now %lu", i,
		             watched[i].due, now);
		if (is_due)
			watched[i].due = watched[i].fired = 0;
	}
}

Test(timer, agrees_with_a_list_of_times)
{
	uint64_t now = 999;

	srandom(47);
	start_at(now);
	for (int round = 0; round < 20000; round++) {
		struct watched *w = &watched[random() % N];
		uint64_t delay = 1 + (uint64_t)random() % (UINT64_C(1) << (random() % 22));

		if (random() % 4) {
			timer_start(&wheel, &w->timer, delay);
			w->due = now + delay;
		} else {
			timer_stop(&wheel, &w->timer);
			w->due = 0;
		}
		if (random() % 3 == 0)
			now += (uint64_t)random() % (UINT64_C(1) << (random() % 14));
		step(now);
	}
}
