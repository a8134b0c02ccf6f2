// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/l7_client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOTICE                                                                           \
	"{\"jsonrpc\":\"2.0\",\"method\":\"health.changed\",\"params\":{\"pool\":\"p\"," \
	"\"name\":\"b\",\"address\":\"10.0.0.1\",\"port\":80,\"state\":\"healthy\",\"changed_ms\":5}}\n"
#define ANSWER "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"generation\":5,\"saved\":true}}\n"
#define REFUSAL "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":1,\"message\":\"no\"}}\n"

static struct {
	struct ev_loop *loop;
	struct l7_client *client;
	int peer;        // the other end
	char heard[256]; // what came, in its order
	bool closes_when_told;
} t;

static void hear(const char *what)
{
	size_t len = strlen(t.heard);

	snprintf(t.heard + len, sizeof(t.heard) - len, "%s%s", len ? ", " : "", what);
	if (t.closes_when_told) {
		l7_client_close(t.client);
		t.client = NULL;
	}
}

static void on_notice(void *data, const struct ctl_request *notice)
{
	hear(notice->method == CTL_HEALTH_CHANGED ? notice->params.health_change.name : "?");
}

static void on_ended(void *data, const char *why)
{
	hear(why);
}

static void on_done(struct l7_ask *ask, int rc, const union ctl_result *result,
                    const struct err *err)
{
	cr_expect_str_eq(rc ? err->msg : "no", "no");
	if (!rc)
		cr_expect_eq(result->change.generation, 5);
	hear(rc ? "refused" : "generation");
}

static struct l7_ask reload = {.method = CTL_RELOAD, .patience_s = 30., .done = on_done};
static struct l7_ask save = {.method = CTL_SAVE, .patience_s = 30., .done = on_done};

static void setup(void)
{
	int fds[2];
	struct l7_client_setup setup = {.notice = on_notice, .ended = on_ended};

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	t.loop = ev_loop_new(0);
	t.peer = fds[1];
	setup.loop = t.loop;
	setup.fd = fds[0];
	cr_assert_eq(l7_client_open(&t.client, &setup), 0);
}

static void teardown(void)
{
	l7_client_close(t.client);
	close(t.peer);
	ev_loop_destroy(t.loop);
}

TestSuite(l7_client, .init = setup, .fini = teardown, .timeout = 30);

static void say(const char *text, size_t len)
{
	cr_assert_eq(send(t.peer, text, len, MSG_NOSIGNAL), (ssize_t)len);
	ev_run(t.loop, EVRUN_NOWAIT);
}

#define SAY(text) say(text, strlen(text))

static void ask(struct l7_ask *question)
{
	cr_assert_eq(l7_client_ask(t.client, question, NULL), 0);
}

Test(l7_client, answers_come_in_the_order_of_the_questions)
{
	char sent[512];
	ssize_t n;

	ask(&reload);
	ask(&save);
	ev_run(t.loop, EVRUN_NOWAIT);
	n = recv(t.peer, sent, sizeof(sent) - 1, 0);
	cr_assert_gt(n, 0);
	sent[n] = 0;
	cr_expect_str_eq(sent, "{\"jsonrpc\":\"2.0\",\"method\":\"reload\",\"id\":1}\n"
	                       "{\"jsonrpc\":\"2.0\",\"method\":\"save\",\"id\":2}\n");
	SAY(ANSWER REFUSAL);
	cr_expect_str_eq(t.heard, "generation, refused");
}

Test(l7_client, notifications_come_between_and_in_pieces)
{
	static const char text[] = NOTICE ANSWER NOTICE REFUSAL NOTICE;

	ask(&reload);
	ask(&save);
	for (size_t cut = 0; cut < strlen(text); cut++)
		say(text + cut, 1);
	cr_expect_str_eq(t.heard, "b, generation, b, refused, b");
}

static const struct {
	const char *said, *want;
} ends[] = {
	{ANSWER, "it answered what nobody had asked"},
	{"nonsense\n", "it does not speak our protocol"},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"health.changed\",\"params\":{\"pool\":7}}\n",
         "it does not speak our protocol: health.changed: params.pool: string expected"},
};

Test(l7_client, nonsense_ends_it)
{
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		*t.heard = 0;
		SAY(ends[i].said);
		cr_expect_eq(strncmp(t.heard, ends[i].want, strlen(ends[i].want)), 0, "%s",
		             t.heard);
		teardown();
		setup();
	}
}

Test(l7_client, what_was_said_before_the_end_is_heard)
{
	ask(&reload);
	ev_run(t.loop, EVRUN_NOWAIT);
	cr_assert_gt(send(t.peer, ANSWER, strlen(ANSWER), 0), 0);
	close(t.peer);
	t.peer = -1;
	ev_run(t.loop, EVRUN_NOWAIT);
	ev_run(t.loop, EVRUN_NOWAIT);
	// The question was not read, so the end may be a reset as well.
	cr_expect_eq(strncmp(t.heard, "generation, ", 12), 0, "%s", t.heard);
}

Test(l7_client, silence_ends_it)
{
	struct l7_ask impatient = {.method = CTL_RELOAD, .patience_s = 0.01, .done = on_done};

	ask(&impatient);
	while (!*t.heard)
		ev_run(t.loop, EVRUN_ONCE);
	cr_expect_str_eq(t.heard, "no answer to reload within 0 s");
}

Test(l7_client, it_may_be_closed_in_every_callback)
{
	static const char *const said[] = {ANSWER NOTICE, NOTICE ANSWER, "nonsense\n" NOTICE};

	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		*t.heard = 0;
		t.closes_when_told = true;
		ask(&reload);
		SAY(said[i]);
		cr_expect_null(t.client, "%s", said[i]);
		cr_expect_null(strstr(t.heard, ", "), "nothing after it: %s", t.heard);
		close(t.peer);
		ev_loop_destroy(t.loop);
		setup();
	}
}

Test(l7_client, nobody_at_the_socket)
{
	pid_t pid;

	cr_expect_eq(l7_client_connect("/tmp/lb47-nobody.sock", &pid), -ENOENT);
}
