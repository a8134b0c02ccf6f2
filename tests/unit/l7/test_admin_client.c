// SPDX-License-Identifier: BSD-3-Clause
// Requests go through a socket pair: what a client sees, byte by byte.
#include "l7/admin_client.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536, METRICS_LEN = 4 << 20 };

static struct loop loop;
static struct admin_client *client; // NULL = gone
static int peer;
static const char *why; // unready
static char answer[ANSWER_MAX];
static size_t answer_len;

static const char *unready(const void *data)
{
	return why;
}

static unsigned n_pages;

static char *metrics(const void *data, size_t *len)
{
	const size_t *wanted = data;
	char *text = malloc(*wanted + 1);

	n_pages++;
	memset(text, 'm', *wanted);
	*len = *wanted;
	return text;
}

static size_t metrics_len = 3;
static const struct admin_source source = {unready, metrics, &metrics_len};

static void on_gone(struct admin_client *c, void *data)
{
	client = NULL;
}

static void begin(void)
{
	cr_assert_eq(loop_init(&loop, 1 << 20), 0);
	cr_assert_eq(conn_loop_init(&loop), 0);
}

static void end(void)
{
	if (client)
		admin_client_close(client);
	loop_fini(&loop);
	conn_loop_fini(&loop);
}

TestSuite(admin_client, .init = begin, .fini = end);

static void connect_client(void)
{
	int fds[2];
	struct admin_client_setup setup = {.loop = &loop, .source = &source, .gone = on_gone};

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	peer = fds[1];
	setup.fd = fds[0];
	cr_assert_eq(admin_client_open(&client, &setup), 0);
	answer_len = 0;
}

static void receive(void)
{
	ssize_t n;

	for (int i = 0; i < 4; i++)
		loop_turn(&loop, 0);
	while (answer_len < sizeof(answer) - 1 &&
	       (n = read(peer, answer + answer_len, sizeof(answer) - 1 - answer_len)) > 0)
		answer_len += (size_t)n;
	answer[answer_len] = 0;
}

static void send_bytes(const void *bytes, size_t len)
{
	cr_assert_eq(write(peer, bytes, len), (ssize_t)len);
	receive();
}

// One request on a connection of its own; *answer is what came back.
static void ask(const char *request)
{
	connect_client();
	send_bytes(request, strlen(request));
}

static bool is_closing(void)
{
	char byte;

	receive();
	return read(peer, &byte, 1) == 0;
}

static const struct {
	const char *name, *request, *head, *body;
	bool closes;
} cases[] = {
	{"alive", "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n", "ok\n", false},
	{"ready", "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n", "ready\n",
         false},
	{"a query changes nothing", "GET /readyz?x HTTP/1.1\r\nHost: a\r\n\r\n",
         "HTTP/1.1 200 OK\r\n", "ready\n", false},
	{"metrics", "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n", "mmm",
         false},
	{"no content for HEAD", "HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n",
         "", false},
	{"other paths", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found\r\n",
         "there are /healthz, /readyz and /metrics\n", false},
	{"other methods", "PUT /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
         "HTTP/1.1 405 Method Not Allowed\r\n", "GET and HEAD only\n", false},
	{"asked to close", "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 200 OK\r\n", "ok\n", true},
	{"HTTP/1.0", "GET /healthz HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "ok\n", true},
	{"content", "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
         "HTTP/1.1 200 OK\r\n", "ok\n", true},
	{"no Host", "GET /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "no Host",
         true},
	{"no HTTP", "hello\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "malformed request line",
         true},
};

Test(admin_client, requests_and_answers)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *body;

		ask(cases[i].request);
		cr_expect_eq(strncmp(answer, cases[i].head, strlen(cases[i].head)), 0, "%s: %s",
		             cases[i].name, answer);
		body = strstr(answer, "\r\n\r\n");
		cr_assert_not_null(body, "%s", cases[i].name);
		cr_expect_str_eq(body + 4, cases[i].body, "%s", cases[i].name);
		cr_expect_eq(is_closing(), cases[i].closes, "%s", cases[i].name);
		cr_expect_eq(strstr(answer, "Connection: close") != NULL, cases[i].closes, "%s",
		             cases[i].name);
		if (client)
			admin_client_close(client);
		close(peer);
	}
}

Test(admin_client, no_page_is_made_for_HEAD)
{
	static const char get[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";

	ask("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\nHEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
	cr_expect_eq(n_pages, 0);
	cr_expect_null(strstr(answer, "Content-Length"), "%s", answer);
	send_bytes(get, strlen(get));
	cr_expect_eq(n_pages, 1);
	cr_expect(strstr(answer, "Content-Length: 3\r\n\r\nmmm"), "%s", answer);
}

Test(admin_client, says_which_methods_there_are)
{
	ask("DELETE /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
	cr_expect(strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
}

Test(admin_client, not_ready_says_why)
{
	why = "draining\n";
	ask("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
	cr_expect_eq(strncmp(answer, "HTTP/1.1 503 Service Unavailable\r\n", 34), 0, "%s", answer);
	cr_expect(strstr(answer, "\r\n\r\ndraining\n"));
}

Test(admin_client, every_split_of_a_request_is_answered_alike)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
	size_t len = sizeof(request) - 1;

	for (size_t cut = 1; cut < len; cut++) {
		connect_client();
		send_bytes(request, cut);
		cr_expect_eq(answer_len, 0, "cut at %zu", cut);
		send_bytes(request + cut, len - cut);
		cr_expect(strstr(answer, "\r\n\r\nok\n"), "cut at %zu: %s", cut, answer);
		admin_client_close(client);
		close(peer);
	}
}

Test(admin_client, pipelined_requests_are_answered_in_order)
{
	ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
	    "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
	const char *first = strstr(answer, "ok\n"), *second = strstr(answer, "ready\n");
	const char *third = strstr(answer, "404");

	cr_assert(first && second && third, "%s", answer);
	cr_expect(first < second && second < third, "%s", answer);
}

// A client that asks and does not read costs one answer, however often it asks.
Test(admin_client, the_next_request_waits_until_the_answer_is_taken)
{
	static const char one[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
	size_t total = 0;

	metrics_len = METRICS_LEN;
	connect_client();
	for (int i = 0; i < 8; i++)
		cr_assert_eq(write(peer, one, sizeof(one) - 1), (ssize_t)sizeof(one) - 1);
	for (int i = 0; i < 8; i++)
		loop_turn(&loop, 0);
	cr_expect_lt(loop.bufs.used_size, 2 * METRICS_LEN);
	for (int i = 0; i < 10000 && total < 8 * (size_t)METRICS_LEN; i++) {
		answer_len = 0;
		receive();
		total += answer_len;
	}
	cr_expect_geq(total, 8 * (size_t)METRICS_LEN);
}

static void ask_long(const char *begin_with, size_t fill, const char *end_with)
{
	char *request = malloc(strlen(begin_with) + fill + strlen(end_with) + 1);

	sprintf(request, "%s", begin_with);
	memset(request + strlen(begin_with), 'a', fill);
	sprintf(request + strlen(begin_with) + fill, "%s", end_with);
	ask(request);
	free(request);
}

Test(admin_client, limits_are_kept)
{
	char fields[ADMIN_CLIENT_FIELDS * 8 + 128] = "GET /healthz HTTP/1.1\r\nHost: a\r\n";

	ask_long("GET /", ADMIN_CLIENT_LINE, " HTTP/1.1\r\nHost: a\r\n\r\n");
	cr_expect_eq(strncmp(answer, "HTTP/1.1 414 ", 13), 0, "%s", answer);
	ask_long("GET / HTTP/1.1\r\nHost: a\r\nX: ", ADMIN_CLIENT_HEAD, "\r\n\r\n");
	cr_expect_eq(strncmp(answer, "HTTP/1.1 431 ", 13), 0, "%s", answer);
	for (int i = 0; i < ADMIN_CLIENT_FIELDS; i++)
		strcat(fields, "A: b\r\n");
	strcat(fields, "\r\n");
	ask(fields);
	cr_expect_eq(strncmp(answer, "HTTP/1.1 431 ", 13), 0, "%s", answer);
	// Also without an end in sight: nobody fills our memory.
	ask_long("GET /", ADMIN_CLIENT_LINE, "");
	cr_expect_eq(strncmp(answer, "HTTP/1.1 414 ", 13), 0, "%s", answer);
}

// Timers see a clock that is ahead of the loop's.
static void pass(uint64_t ms)
{
	static uint64_t ahead_ms;

	ahead_ms += ms;
	timer_run(&loop.timers, loop.now_ns / CLOCK_NS_PER_MS + ahead_ms);
}

Test(admin_client, a_slow_head_is_given_ten_seconds_in_all)
{
	connect_client();
	cr_expect(admin_client_is_idle(client));
	for (int i = 0; i < 9 && client; i++) {
		cr_assert_eq(write(peer, "G", 1), 1);
		loop_turn(&loop, 0);
		pass(1000);
	}
	cr_assert_not_null(client);
	cr_expect_not(admin_client_is_idle(client));
	pass(1100);
	cr_expect_null(client);
}

Test(admin_client, an_idle_connection_is_ended_after_a_minute)
{
	ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
	cr_expect(admin_client_is_idle(client));
	pass(59000);
	cr_expect_not_null(client);
	pass(1100);
	cr_expect_null(client);
}

Test(admin_client, pages_that_nobody_reads_are_bounded)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
	struct admin_client *first;

	metrics_len = METRICS_LEN; // beyond the loop's budget
	connect_client();
	first = client;
	cr_assert_eq(write(peer, request, sizeof(request) - 1), (ssize_t)sizeof(request) - 1);
	loop_turn(&loop, 0);
	cr_expect_eq(n_pages, 1);
	ask(request);
	cr_expect_eq(strncmp(answer, "HTTP/1.1 503 ", 13), 0, "%s", answer);
	cr_expect_eq(n_pages, 1);
	admin_client_close(client);
	client = first;
	admin_client_close(client);
	metrics_len = 3;
	ask(request);
	cr_expect_eq(strncmp(answer, "HTTP/1.1 200 ", 13), 0, "%s", answer);
}
