// SPDX-License-Identifier: BSD-3-Clause
// Real processes: a script stands for lb7d and writes down what it was given.
#include "l4/ctrl/l7_process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[32], path[64], out[64];
static struct l7_process process;

static void write_program(const char *body)
{
	FILE *f = fopen(path, "w");

	cr_assert(f && fprintf(f, "#!/bin/sh\n%s\n", body) > 0 && fclose(f) == 0);
	cr_assert_eq(chmod(path, 0700), 0);
}

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/lb47-test-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/lb7d", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
}

static void teardown(void)
{
	char command[64];

	l7_process_signal(&process, SIGKILL);
	l7_process_forget(&process);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(l7_process, .init = setup, .fini = teardown, .timeout = 30);

static int start(struct err *err)
{
	struct l7_program program = {.path = path, .conf_file = out, .control = "/c.sock"};

	return l7_process_spawn(&process, &program, err);
}

static const char *wait_for_end(void)
{
	static char reason[128];
	struct pollfd fd = {.fd = process.pidfd, .events = POLLIN};

	cr_assert_eq(poll(&fd, 1, -1), 1);
	l7_process_end(&process, reason, sizeof(reason));
	return reason;
}

static const char *written(void)
{
	static char text[1024];
	FILE *f = fopen(out, "r");

	cr_assert_not_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	return text;
}

Test(l7_process, it_is_told_what_it_needs)
{
	struct err err = {0};
	char want[128];

	write_program("echo \"$@\" >\"$2\"");
	cr_assert_eq(start(&err), 0, "%s", err.msg);
	cr_expect_str_eq(wait_for_end(), "exit status 0");
	snprintf(want, sizeof(want), "-c %s --managed --control /c.sock\n", out);
	cr_expect_str_eq(written(), want);
	cr_expect_eq(process.pid, 0);
}

Test(l7_process, it_inherits_no_descriptor_of_ours)
{
	struct err err = {0};
	int fd = open("/dev/null", O_RDONLY); // as a library opens one, without O_CLOEXEC

	cr_assert_geq(fd, 3);
	// `ls` has the folder itself open, as 3.
	write_program("ls /proc/self/fd | tr '\\n' ' ' >\"$2\"");
	cr_assert_eq(start(&err), 0, "%s", err.msg);
	wait_for_end();
	cr_expect_str_eq(written(), "0 1 2 3 ");
	close(fd);
}

Test(l7_process, signals_are_as_programs_expect_them)
{
	unsigned long long blocked, ignored;
	struct err err = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	write_program("grep -E 'Sig(Blk|Ign)' /proc/self/status >\"$2\"");
	cr_assert_eq(start(&err), 0, "%s", err.msg);
	wait_for_end();
	cr_assert_eq(sscanf(written(), "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
	cr_expect_eq(blocked & 1ull << (SIGTERM - 1), 0);
	cr_expect_eq(ignored & 1ull << (SIGPIPE - 1), 0);
}

Test(l7_process, it_runs_where_it_may_and_not_where_we_are_pinned)
{
	struct l7_program program = {.path = path, .conf_file = out, .control = "/c.sock"};
	struct err err = {0};
	cpu_set_t all, one, after;

	cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	program.cpus = &all;
	write_program("nproc >\"$2\"");
	cr_assert_eq(l7_process_spawn(&process, &program, &err), 0, "%s", err.msg);
	wait_for_end();
	cr_expect_eq(atoi(written()), CPU_COUNT(&all));
	cr_assert_eq(sched_getaffinity(0, sizeof(after), &after), 0);
	cr_expect(CPU_EQUAL(&after, &one));
}

Test(l7_process, its_end_is_told)
{
	struct err err = {0};

	write_program("exit 3");
	cr_assert_eq(start(&err), 0, "%s", err.msg);
	cr_expect_str_eq(wait_for_end(), "exit status 3");
	write_program("kill -KILL $$");
	cr_assert_eq(start(&err), 0, "%s", err.msg);
	cr_expect_str_eq(wait_for_end(), "killed by signal 9 (Killed)");
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "both were reaped");
}

Test(l7_process, what_is_not_there_cannot_be_started)
{
	struct err err = {0};
	char want[128];

	cr_expect_eq(start(&err), -ENOENT);
	snprintf(want, sizeof(want), "cannot start %s: No such file or directory", path);
	cr_expect_str_eq(err.msg, want);
	cr_expect_eq(process.pid, 0);
}

Test(l7_process, a_process_of_others_is_watched_too)
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	cr_assert_eq(l7_process_adopt(&process, pid), 0);
	l7_process_signal(&process, SIGKILL);
	cr_expect_str_eq(wait_for_end(), "ended", "how is for its parent to know");
	cr_expect_eq(waitpid(pid, NULL, 0), pid);
	cr_expect_eq(l7_process_adopt(&process, pid), -ESRCH);
	cr_expect(l7_process_shares_network(getpid()));
}
