// SPDX-License-Identifier: BSD-3-Clause
#include "l7/loop.h"

#include <criterion/criterion.h>
#include <string.h>

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

// --- deferred tasks ---

struct noting_task {
	struct loop_task task;
	struct loop *loop;
	char name;
	bool is_repeated;
};

static char ran[8];

static void note(struct loop_task *task)
{
	struct noting_task *n = CONTAINER_OF(task, struct noting_task, task);

	ran[strlen(ran)] = n->name;
	if (n->is_repeated)
		loop_defer(n->loop, task);
	n->is_repeated = false;
}

// Found by calls that ended twice in a turn: the second time cut off what others had deferred in between, for good.
Test(loop, a_task_deferred_twice_runs_once_and_cuts_off_nobody)
{
	struct noting_task a = {.task.run = note, .name = 'a'}, b = {.task.run = note, .name = 'b'},
			   c = {.task.run = note, .name = 'c'};
	struct loop loop;

	cr_assert_eq(loop_init(&loop, 1 << 20), 0);
	loop_defer(&loop, &a.task);
	loop_defer(&loop, &b.task);
	loop_defer(&loop, &a.task);
	loop_defer(&loop, &c.task);
	loop_turn(&loop, 0);
	cr_expect_str_eq(ran, "abc");
	loop_fini(&loop);
}

Test(loop, a_task_may_defer_itself_while_it_runs)
{
	struct loop loop;
	struct noting_task a = {.task.run = note, .loop = &loop, .name = 'a', .is_repeated = true};

	cr_assert_eq(loop_init(&loop, 1 << 20), 0);
	loop_defer(&loop, &a.task);
	loop_turn(&loop, 0);
	cr_expect_str_eq(ran, "aa");
	loop_fini(&loop);
}

// --- moments ---

static bool is_between(uint64_t ns, uint64_t from_ns)
{
	return ns >= from_ns && ns <= clock_now_ns();
}

Test(loop, a_moment_is_asked_for_once_and_is_no_later_one)
{
	uint64_t from_ns, read_ns, sent_ns;
	struct loop loop;

	cr_assert_eq(loop_init(&loop, 1 << 20), 0);
	loop.read_ns = loop.sent_ns = 0;
	from_ns = clock_now_ns();
	read_ns = loop_read_ns(&loop);
	sent_ns = loop_sent_ns(&loop);
	cr_expect(is_between(read_ns, from_ns));
	cr_expect(is_between(sent_ns, read_ns));
	while (clock_now_ns() == sent_ns)
		;
	cr_expect_eq(loop_read_ns(&loop), read_ns);
	cr_expect_eq(loop_sent_ns(&loop), sent_ns);
	loop_fini(&loop);
}

struct asking_task {
	struct loop_task task;
	struct loop *loop;
	uint64_t begun_ns, read_ns;
};

static void ask(struct loop_task *task)
{
	struct asking_task *a = CONTAINER_OF(task, struct asking_task, task);

	a->begun_ns = clock_now_ns();
	a->read_ns = loop_read_ns(a->loop);
}

// What was held back is taken up when it is looked at again, not when the turn began, nor when the task before it was.
Test(loop, each_task_has_a_moment_of_its_own)
{
	struct loop loop;
	struct asking_task first = {.task.run = ask, .loop = &loop},
			   second = {.task.run = ask, .loop = &loop};

	cr_assert_eq(loop_init(&loop, 1 << 20), 0);
	loop_defer(&loop, &first.task);
	cr_expect(loop_is_last(&loop, &first.task));
	loop_defer(&loop, &second.task);
	cr_expect_not(loop_is_last(&loop, &first.task));
	loop_turn(&loop, 0);
	cr_expect(is_between(first.read_ns, first.begun_ns));
	cr_expect(is_between(second.read_ns, second.begun_ns));
	loop_fini(&loop);
}
