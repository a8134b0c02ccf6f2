// SPDX-License-Identifier: BSD-3-Clause
#include "l7/loop.h"

#include <criterion/criterion.h>

enum { SLEPT_MS = 5000, DELAY_MS = 100 };

static unsigned n_fired;

static void on_timer(struct timer *t)
{
	n_fired++;
}

// Found by probes that failed at once after an idle second: the delay was counted from before it.
Test(loop, a_timer_started_after_a_long_wait_is_not_early)
{
	struct timer t = {.fire = on_timer};
	struct loop loop;

	cr_assert_eq(loop_init(&loop, 1 << 20), 0);
	loop.now_ns += SLEPT_MS * CLOCK_NS_PER_MS; // the turn began; its timers are still to run
	loop_timer_start(&loop, &t, DELAY_MS);
	timer_run(&loop.timers, loop.now_ns / CLOCK_NS_PER_MS);
	cr_expect_eq(n_fired, 0);
	timer_run(&loop.timers, loop.now_ns / CLOCK_NS_PER_MS + DELAY_MS - 1);
	cr_expect_eq(n_fired, 0);
	timer_run(&loop.timers, loop.now_ns / CLOCK_NS_PER_MS + DELAY_MS);
	cr_expect_eq(n_fired, 1);
	loop_fini(&loop);
}
