// SPDX-License-Identifier: BSD-3-Clause
#include "l7/conn.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct loop loop;
static struct conn conn;
static int peer = -1; // the other end, blocking

static char offered[1 << 20]; // what the owner was shown last
static size_t n_offered;
static size_t consumes; // how much it takes each time
static int n_received, n_ended, n_drained, n_failed, n_hung_up;
static void (*in_received)(struct conn *c, struct slice bytes);

static size_t on_received(struct conn *c, struct slice bytes)
{
	n_received++;
	n_offered = bytes.len;
	memcpy(offered, bytes.ptr, bytes.len);
	if (in_received)
		in_received(c, bytes);
	return consumes < bytes.len ? consumes : bytes.len;
}

static void on_ended(struct conn *c)
{
	n_ended++;
}

static void on_drained(struct conn *c)
{
	n_drained++;
}

static void on_hung_up(struct conn *c)
{
	n_hung_up++;
}

static void on_failed(struct conn *c, int error)
{
	n_failed++;
}

static const struct conn_ops ops = {
	.received = on_received,
	.ended = on_ended,
	.drained = on_drained,
	.hung_up = on_hung_up,
	.failed = on_failed,
};

static void open_pair(void)
{
	int fds[2];

	cr_assert_eq(loop_init(&loop, 1 << 20), 0);
	cr_assert_eq(conn_loop_init(&loop), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	cr_assert_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	cr_assert_eq(conn_accept(&conn, &loop, fds[0], &ops), 0);
	peer = fds[1];
	consumes = SIZE_MAX;
}

static void close_pair(void)
{
	conn_close(&conn);
	if (peer >= 0)
		close(peer);
	loop_fini(&loop);
	conn_loop_fini(&loop);
}

TestSuite(conn, .init = open_pair, .fini = close_pair);

static void say(const char *text)
{
	cr_assert_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
}

// Turns until nothing happens any more.
static void settle(void)
{
	for (int i = 0; i < 8; i++)
		loop_turn(&loop, 0);
}

static void expect_offered(const char *text)
{
	cr_expect_eq(n_offered, strlen(text), "%.*s", (int)n_offered, offered);
	cr_expect_eq(memcmp(offered, text, strlen(text)), 0, "%.*s", (int)n_offered, offered);
}

Test(conn, what_is_not_consumed_is_offered_again_with_what_follows)
{
	consumes = 2;
	say("abcde");
	settle();
	expect_offered("abcde");
	say("fg");
	settle();
	expect_offered("cdefg");
	cr_expect_eq(n_received, 2, "nothing new came in between");
}

Test(conn, an_idle_connection_owns_no_buffer)
{
	consumes = 1;
	say("ab");
	settle();
	cr_expect(loop.bufs.used_size > 0);
	consumes = SIZE_MAX;
	say("c");
	settle();
	cr_expect_eq(loop.bufs.used_size, 0);
}

static void pause_it(struct conn *c, struct slice bytes)
{
	conn_pause(c);
}

Test(conn, paused_it_offers_nothing_and_resumed_what_is_left)
{
	in_received = pause_it;
	consumes = 1;
	say("abc");
	settle();
	say("def");
	settle();
	cr_expect_eq(n_received, 1);
	in_received = NULL;
	consumes = SIZE_MAX;
	conn_resume(&conn);
	loop_turn(&loop, 0);
	expect_offered("bc");
	settle();
	expect_offered("def");
}

Test(conn, while_paused_the_peers_end_is_told_and_its_bytes_are_still_there)
{
	conn_pause(&conn);
	say("last words");
	close(peer);
	peer = -1;
	settle();
	cr_expect_eq(n_hung_up, 1);
	cr_expect_eq(n_received + n_ended, 0);
	conn_resume(&conn);
	settle();
	expect_offered("last words");
	cr_expect_eq(n_ended, 1);
}

static void answer(struct conn *c, struct slice bytes)
{
	struct text t = conn_scratch(c, 16);

	conn_send(c, slice_of("one ", 4));
	TEXT_ADD_LITERAL(&t, "two ");
	conn_scratch_keep(c, &t);
	conn_send(c, text_slice(&t));
	conn_send(c, bytes); // borrowed: gone after the callback
}

Test(conn, what_a_callback_sends_arrives_in_order)
{
	char got[64];

	in_received = answer;
	say("three");
	settle();
	cr_expect_eq(read(peer, got, sizeof(got)), 13);
	cr_expect_eq(memcmp(got, "one two three", 13), 0);
}

static void send_much(struct conn *c, struct slice bytes)
{
	static uint8_t much[3 << 20];

	for (size_t i = 0; i < sizeof(much); i++)
		much[i] = (uint8_t)(i * 7 >> 3);
	for (size_t i = 0; i < sizeof(much); i += 1000) // more pieces than an iovec holds
		conn_send(c, slice_of(much + i, sizeof(much) - i < 1000 ? sizeof(much) - i : 1000));
}

Test(conn, what_the_kernel_does_not_take_is_sent_later)
{
	static uint8_t got[3 << 20];
	size_t n = 0;

	in_received = send_much;
	say("go");
	settle();
	in_received = NULL;
	cr_expect(conn_pending(&conn) > 0);
	cr_expect_eq(n_drained, 0);
	while (n < sizeof(got)) {
		ssize_t r = recv(peer, got + n, sizeof(got) - n, MSG_DONTWAIT);

		if (r > 0)
			n += (size_t)r;
		loop_turn(&loop, 0);
	}
	for (size_t i = 0; i < sizeof(got); i++)
		cr_assert_eq(got[i], (uint8_t)(i * 7 >> 3), "byte %zu", i);
	settle();
	cr_expect_eq(n_drained, 1);
	cr_expect_eq(conn_pending(&conn), 0);
	cr_expect_eq(loop.bufs.used_size, 0);
}

static void close_it(struct conn *c, struct slice bytes)
{
	conn_send(c, slice_of("bye", 3));
	conn_close(c);
}

Test(conn, closed_in_a_callback_it_sends_its_last_words_and_calls_nobody)
{
	char got[8];

	in_received = close_it;
	say("a");
	say("b");
	settle();
	cr_expect_eq(n_received, 1);
	cr_expect_eq(n_ended + n_failed, 0);
	cr_expect_eq(read(peer, got, sizeof(got)), 3);
}

Test(conn, a_peer_that_is_gone_fails_the_sender_once)
{
	close(peer);
	peer = -1;
	conn_pause(&conn);
	settle();
	conn_send(&conn, slice_of("x", 1));
	conn_flush(&conn);
	settle();
	cr_expect_eq(n_failed, 1);
}

Test(conn, beyond_the_budget_no_new_work_is_received_until_there_is_room)
{
	struct buf *b[20];

	conn.io.may_starve = true;
	for (size_t i = 0; i < ARRAY_LEN(b); i++)
		b[i] = buf_get(&loop.bufs, BUF_LARGE_SIZE);
	say("hello");
	settle();
	cr_expect_eq(n_received, 0);
	for (size_t i = 0; i < ARRAY_LEN(b); i++)
		buf_put(&loop.bufs, b[i]);
	settle();
	expect_offered("hello");
}

Test(conn, an_owner_that_never_consumes_is_told_so)
{
	static char much[30000];

	consumes = 0;
	memset(much, 'x', sizeof(much));
	for (int i = 0; i < 6; i++) {
		cr_assert_eq(write(peer, much, sizeof(much)), (ssize_t)sizeof(much));
		settle();
	}
	cr_expect_eq(n_failed, 1);
}

// --- the loop beneath ---

static char order[8];

static void task_a(struct loop_task *task)
{
	strcat(order, "a");
}

static void task_b(struct loop_task *task)
{
	strcat(order, "b");
}

Test(conn, deferred_tasks_run_in_order_at_the_end_of_the_turn)
{
	struct loop_task a = {.run = task_a}, b = {.run = task_b};

	loop_defer(&loop, &a);
	loop_defer(&loop, &b);
	cr_expect_str_eq(order, "");
	loop_turn(&loop, 0);
	cr_expect_str_eq(order, "ab");
}

Test(conn, beyond_the_budget_what_is_on_its_way_is_received_all_the_same)
{
	struct buf *b[20];

	for (size_t i = 0; i < ARRAY_LEN(b); i++)
		b[i] = buf_get(&loop.bufs, BUF_LARGE_SIZE);
	say("an answer");
	settle();
	expect_offered("an answer");
	for (size_t i = 0; i < ARRAY_LEN(b); i++)
		buf_put(&loop.bufs, b[i]);
}

static void *post_it(void *task)
{
	loop_post(&loop, task);
	return NULL;
}

Test(conn, a_message_of_another_thread_wakes_the_loop)
{
	struct loop_task a = {.run = task_a};
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, post_it, &a), 0);
	for (int i = 0; i < 10 && !order[0]; i++)
		loop_turn(&loop, 10000);
	pthread_join(thread, NULL);
	cr_expect_str_eq(order, "a");
}
