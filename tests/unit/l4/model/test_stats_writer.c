// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_writer.h"

#include <criterion/criterion.h>

#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct stats_writer ourselves(void)
{
	struct stats_writer w = {0};

	stats_writer_enter(&w, (uint32_t)getpid());
	return w;
}

static pid_t child_that_ends(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	cr_assert_gt(pid, 0);
	return pid;
}

Test(stats_writer, a_process_that_runs_is_alive_until_it_says_that_it_stops)
{
	struct stats_writer w = ourselves();

	cr_assert(w.start && w.boot && w.home, "a /proc is needed");
	cr_expect_eq(stats_writer_life(&w), STATS_WRITER_ALIVE);
	stats_writer_leave(&w);
	cr_expect_eq(stats_writer_life(&w), STATS_WRITER_STOPPED);
}

Test(stats_writer, a_number_that_another_process_has_now_is_of_a_dead_one)
{
	struct stats_writer w = ourselves();

	w.start--;
	cr_expect_eq(stats_writer_life(&w), STATS_WRITER_DEAD);
}

Test(stats_writer, a_number_of_an_earlier_boot_is_of_a_dead_one)
{
	struct stats_writer w = ourselves();

	w.boot++;
	cr_expect_eq(stats_writer_life(&w), STATS_WRITER_DEAD);
}

Test(stats_writer, who_ended_is_dead_before_and_after_it_is_reaped)
{
	pid_t pid = child_that_ends();
	struct stats_writer w = {0};
	siginfo_t info;

	stats_writer_enter(&w, (uint32_t)pid);
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	cr_expect_eq(stats_writer_life(&w), STATS_WRITER_DEAD);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_expect_eq(stats_writer_life(&w), STATS_WRITER_DEAD);
}

// proc(5): field 2 is between parentheses, and may have such.
Test(stats_writer, a_name_cannot_be_taken_for_other_fields)
{
	static const char *const names[] = {") S 1 2 3", "(", "))))", " ", ") Z 1"};
	struct stats_writer w = ourselves();

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct stats_writer again;

		cr_assert_eq(prctl(PR_SET_NAME, names[i]), 0);
		cr_expect_eq(stats_writer_life(&w), STATS_WRITER_ALIVE, "%s", names[i]);
		again = ourselves();
		cr_expect_eq(again.start, w.start, "%s", names[i]);
	}
}

Test(stats_writer, what_was_not_known_to_the_writer_is_not_known)
{
	struct stats_writer w = ourselves();

	w.start = 0;
	cr_expect_eq(stats_writer_life(&w), STATS_WRITER_UNKNOWN);
	w.home = 0;
	cr_expect_eq(stats_writer_life(&w), STATS_WRITER_UNKNOWN);
	w = ourselves();
	w.boot = 0; // nothing is lost: the store does not outlive a boot
	cr_expect_eq(stats_writer_life(&w), STATS_WRITER_ALIVE);
}

// In the child's namespace the number is free, or another process's.
Test(stats_writer, a_reader_in_another_namespace_knows_that_it_cannot_know)
{
	struct stats_writer w = ourselves();
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWPID) && unshare(CLONE_NEWUSER | CLONE_NEWPID))
			_exit(99);
		pid = fork(); // the first in it
		if (pid == 0)
			_exit(stats_writer_life(&w));
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			_exit(98);
		_exit(WEXITSTATUS(status));
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 99)
		cr_skip_test("no namespaces for us");
	cr_expect_eq(WEXITSTATUS(status), STATS_WRITER_UNKNOWN);
}

Test(stats_writer, anything_may_be_in_shared_memory)
{
	struct stats_writer w;

	for (int byte = 1; byte < 256; byte++) {
		memset(&w, byte, sizeof(w));
		cr_expect_neq(stats_writer_life(&w), STATS_WRITER_ALIVE);
	}
	w = ourselves();
	w.pid = UINT32_MAX;
	cr_expect_eq(stats_writer_life(&w), STATS_WRITER_DEAD);
}
