// SPDX-License-Identifier: BSD-3-Clause
// A daemon of our own on a socket, which says what the test wants and then dies.
#include "tools/lbctl_client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char question[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n";

static struct {
	char dir[32];
	char path[64];
	pid_t daemon;
	char *answer;
	size_t len;
	struct err err;
	bool passes; // a descriptor, with the first byte
} t;

static void say(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			_exit(1);
		text += n;
		len -= (size_t)n;
	}
}

// One byte with a descriptor: the daemon's standard error.
static void pass(int fd, char byte)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = control.bytes,
	                         .msg_controllen = sizeof(control.bytes)};
	int passed = STDERR_FILENO;

	memcpy(CMSG_DATA(&control.header), &passed, sizeof(passed));
	if (sendmsg(fd, &message, MSG_NOSIGNAL) != 1)
		_exit(1);
}

// Answers one question: `len` bytes of `text`, then the end; resets the connection if `is_rude`.
static void serve(const char *text, size_t len, bool is_rude)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
	char line[sizeof(question)];

	snprintf(t.dir, sizeof(t.dir), "/tmp/lb47-test-XXXXXX");
	cr_assert_not_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/lb4d.sock", t.dir);
	memcpy(address.sun_path, t.path, sizeof(t.path));
	cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	t.daemon = fork();
	if (t.daemon == 0) {
		peer = accept(fd, NULL, NULL);
		// What is unread when a socket closes makes it a reset.
		if (!is_rude && recv(peer, line, sizeof(line), 0) <= 0)
			_exit(1);
		if (t.passes)
			pass(peer, *text);
		say(peer, text + t.passes, len - t.passes);
		_exit(0);
	}
	close(fd);
}

static int ask(void)
{
	return lbctl_client_ask(t.path, question, strlen(question), &t.answer, &t.len, &t.err);
}

static void teardown(void)
{
	if (t.daemon)
		waitpid(t.daemon, NULL, 0);
	unlink(t.path);
	rmdir(t.dir);
	free(t.answer);
}

TestSuite(lbctl_client, .fini = teardown);

Test(lbctl_client, a_line_is_the_answer)
{
	serve("{\"a\":1}\n", 8, false);
	cr_assert_eq(ask(), 0, "%s", t.err.msg);
	cr_expect_eq(t.len, 8);
	cr_expect_arr_eq(t.answer, "{\"a\":1}\n", 8);
}

Test(lbctl_client, a_long_answer_is_read_whole)
{
	static char text[3 << 20];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\n';
	serve(text, sizeof(text), false);
	cr_assert_eq(ask(), 0, "%s", t.err.msg);
	cr_expect_eq(t.len, sizeof(text));
}

Test(lbctl_client, a_daemon_that_dies_in_its_answer_is_told_from_one_that_says_nothing)
{
	serve("{\"jsonrpc\":\"2.0\",\"id\":1,\"resu", 29, false);
	cr_expect_eq(ask(), -EPIPE);
	cr_expect(strstr(t.err.msg, "in the middle of the answer"), "%s", t.err.msg);
	cr_expect_null(t.answer);
}

Test(lbctl_client, a_daemon_that_says_nothing)
{
	serve("", 0, false);
	cr_expect_eq(ask(), -EPIPE);
	cr_expect(strstr(t.err.msg, "without an answer"), "%s", t.err.msg);
}

Test(lbctl_client, a_daemon_that_is_killed_before_it_read_the_question)
{
	serve("", 0, true);
	cr_expect_eq(ask(), -EPIPE);
	cr_expect(strstr(t.err.msg, "without an answer"), "%s", t.err.msg);
}

Test(lbctl_client, nobody_at_the_socket)
{
	snprintf(t.path, sizeof(t.path), "/tmp/lb47-nobody.sock");
	cr_expect_eq(ask(), -ENOENT);
	cr_expect(strstr(t.err.msg, "is lb4d or lb7d running?"), "%s", t.err.msg);
}

Test(lbctl_client, the_first_that_is_there_is_asked)
{
	const char *paths[] = {"/tmp/lb47-nobody.sock", "/tmp/lb47-nobody-2.sock", t.path, NULL};

	serve("{}\n", 3, false);
	cr_assert_eq(
		lbctl_client_ask_any(paths, question, strlen(question), &t.answer, &t.len, &t.err),
		0, "%s", t.err.msg);
	cr_expect_eq(t.len, 3);
}

Test(lbctl_client, of_two_that_are_not_there_the_first_is_named)
{
	const char *paths[] = {"/tmp/lb47-nobody.sock", "/tmp/lb47-nobody-2.sock", NULL};

	cr_expect_eq(
		lbctl_client_ask_any(paths, question, strlen(question), &t.answer, &t.len, &t.err),
		-ENOENT);
	cr_expect(strstr(t.err.msg, "/tmp/lb47-nobody.sock: "), "%s", t.err.msg);
}

Test(lbctl_client, a_descriptor_comes_with_the_answer_and_the_connection_goes_on)
{
	const char *paths[] = {t.path, NULL};
	struct lbctl_client c;
	struct stat passed, ours;
	char byte;

	t.passes = true;
	serve("{}\n", 3, false);
	cr_assert_eq(lbctl_client_open(&c, paths, question, strlen(question), &t.err), 0, "%s",
	             t.err.msg);
	cr_expect_eq(c.len, 3);
	cr_assert_geq(c.passed, 0);
	cr_assert(fstat(c.passed, &passed) == 0 && fstat(STDERR_FILENO, &ours) == 0);
	cr_expect(passed.st_ino == ours.st_ino && passed.st_dev == ours.st_dev);
	cr_expect_eq(recv(c.fd, &byte, 1, 0), 0, "until the daemon ends it");
	lbctl_client_close(&c);
}

Test(lbctl_client, a_descriptor_that_nobody_asked_for_is_closed)
{
	int before = dup(STDERR_FILENO), after;

	close(before);
	t.passes = true;
	serve("{}\n", 3, false);
	cr_assert_eq(ask(), 0, "%s", t.err.msg);
	after = dup(STDERR_FILENO);
	cr_expect_eq(after, before);
	close(after);
}
