// SPDX-License-Identifier: BSD-3-Clause
// Requests go through a socket pair: what a client sees, byte by byte.
#include "l7/admin_client.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536, METRICS_LEN = 4 << 20 };

static struct loop loop;
static struct admin_page_turns turns;
static uint64_t ahead_ns;           // of this test's clock, before the real one
static struct admin_client *client; // NULL = gone
static int peer;
static const char *why; // unready
static char answer[ANSWER_MAX];
static size_t answer_len;

// In place of libbase's.
uint64_t clock_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * CLOCK_NS_PER_S + (uint64_t)t.tv_nsec + ahead_ns;
}

static const char *unready(const void *data)
{
	return why;
}

static unsigned n_pages, n_open, n_pieces;
static size_t metrics_len = 3, sparse; // sparse: every so many pieces one that is empty

struct page {
	size_t left;
	unsigned n_pieces;
};

static void *open_page(void *data)
{
	struct page *page = malloc(sizeof(*page));

	n_pages++;
	n_open++;
	*page = (struct page){.left = metrics_len};
	return page;
}

static bool next_of_page(void *data, struct text *out)
{
	struct page *page = data;
	size_t n = page->left < ADMIN_PIECE ? page->left : ADMIN_PIECE;

	cr_assert_eq(out->len, 0);
	cr_assert_eq(out->size, ADMIN_PIECE);
	n_pieces++;
	if (sparse && ++page->n_pieces % sparse == 0)
		return true;
	memset(out->ptr, 'm', n);
	out->len = n;
	page->left -= n;
	return page->left > 0;
}

static void close_page(void *page)
{
	n_open--;
	free(page);
}

static const struct admin_source source = {
	.unready = unready, .open = open_page, .next = next_of_page, .close = close_page};

static void on_gone(struct admin_client *c, void *data)
{
	client = NULL;
}

static void begin(void)
{
	cr_assert_eq(loop_init(&loop, 1 << 20), 0);
	cr_assert_eq(conn_loop_init(&loop), 0);
	admin_page_turns_init(&turns, &loop);
}

static void end(void)
{
	if (client)
		admin_client_close(client);
	cr_expect_eq(n_open, 0, "a page was not closed");
	admin_page_turns_fini(&turns);
	loop_fini(&loop);
	conn_loop_fini(&loop);
}

TestSuite(admin_client, .init = begin, .fini = end);

static void connect_client(void)
{
	int fds[2];
	struct admin_client_setup setup = {
		.loop = &loop, .source = &source, .turns = &turns, .gone = on_gone};

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	peer = fds[1];
	setup.fd = fds[0];
	cr_assert_eq(admin_client_open(&client, &setup), 0);
	answer_len = 0;
}

static void pass(uint64_t ms)
{
	ahead_ns += ms * CLOCK_NS_PER_MS;
	loop_turn(&loop, 0);
}

static void receive(void)
{
	ssize_t n;

	for (int i = 0; i < 4; i++)
		pass(n_open > 0); // the next piece waits for a millisecond
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
	{"metrics", "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n",
         "00000003\r\nmmm\r\n0\r\n\r\n", false},
	{"metrics to HTTP/1.0", "GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "mmm",
         true},
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
	cr_expect(strstr(answer, "Transfer-Encoding: chunked\r\n\r\n00000003\r\nmmm\r\n0\r\n\r\n"),
	          "%s", answer);
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

// A client that asks and does not read costs one piece of a page, however long that is and however often it asks.
Test(admin_client, the_next_request_waits_until_the_answer_is_taken)
{
	static const char one[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
	size_t total = 0;

	metrics_len = METRICS_LEN;
	connect_client();
	for (int i = 0; i < 8; i++)
		cr_assert_eq(write(peer, one, sizeof(one) - 1), (ssize_t)sizeof(one) - 1);
	for (int i = 0; i < 40; i++)
		loop_turn(&loop, 2);
	cr_expect_eq(n_pages, 1);
	cr_expect_lt(loop.bufs.used_size, 3 * ADMIN_PIECE);
	cr_expect_lt((size_t)n_pieces * ADMIN_PIECE, METRICS_LEN / 2);
	for (int i = 0; i < 10000 && total < 8 * (size_t)METRICS_LEN; i++) {
		answer_len = 0;
		receive();
		total += answer_len;
		cr_assert_lt(loop.bufs.used_size, 3 * ADMIN_PIECE);
	}
	cr_expect_geq(total, 8 * (size_t)METRICS_LEN);
	cr_expect_eq(n_pages, 8);
}

// What a client of HTTP/1.1 makes of *answer's body; false: it is no chunked body.
static bool join_chunks(char *out, size_t *len)
{
	const char *at = strstr(answer, "\r\n\r\n") + 4, *end = answer + answer_len;
	char *rest;

	for (*len = 0; at < end;) {
		size_t n = strtoul(at, &rest, 16);

		if (rest == at || strncmp(rest, "\r\n", 2) != 0 || n > (size_t)(end - rest) - 2)
			return false;
		memcpy(out + *len, rest + 2, n);
		*len += n;
		at = rest + 2 + n;
		if (strncmp(at, "\r\n", 2) != 0)
			return false;
		at += 2;
		if (!n)
			return at == end;
	}
	return false;
}

static void expect_page(size_t len, size_t got, const char *bytes)
{
	cr_assert_eq(got, len, "%zu, not %zu", got, len);
	for (size_t i = 0; i < len; i++)
		cr_assert_eq(bytes[i], 'm');
}

// A piece may be empty, which must not end the page, as an empty chunk would.
Test(admin_client, a_page_of_any_length_comes_whole)
{
	static const size_t lens[] = {0, 1, ADMIN_PIECE - 1, ADMIN_PIECE, ADMIN_PIECE + 1, 50000};
	static char joined[ANSWER_MAX];
	size_t len;

	for (size_t i = 0; i < 3 * ARRAY_LEN(lens); i++) {
		metrics_len = lens[i / 3];
		sparse = i % 3 ? 1 + i % 3 : 0;
		ask("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
		receive();
		cr_assert(join_chunks(joined, &len), "%zu", metrics_len);
		expect_page(metrics_len, len, joined);
		admin_client_close(client);
		ask("GET /metrics HTTP/1.0\r\n\r\n");
		cr_assert(is_closing());
		len = (size_t)(strstr(answer, "\r\n\r\n") + 4 - answer);
		expect_page(metrics_len, answer_len - len, answer + len);
	}
}

// It has asked all that it wants to know: `curl | head`, nc -N.
Test(admin_client, a_page_goes_on_after_the_clients_end)
{
	static const char get[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";

	metrics_len = 50000;
	connect_client();
	cr_assert_eq(write(peer, get, strlen(get)), (ssize_t)strlen(get));
	cr_assert_eq(shutdown(peer, SHUT_WR), 0);
	receive();
	receive();
	cr_expect_gt(answer_len, metrics_len);
	cr_expect_eq(strcmp(answer + answer_len - 7, "\r\n0\r\n\r\n"), 0);
	cr_expect(is_closing());
}

Test(admin_client, a_client_that_goes_in_the_middle_of_a_page_leaves_nothing)
{
	metrics_len = METRICS_LEN;
	ask("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
	cr_assert_eq(n_open, 1);
	close(peer);
	for (int i = 0; i < 10 && client; i++)
		loop_turn(&loop, 2);
	cr_expect_null(client);
	cr_expect_eq(n_open, 0);
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

Test(admin_client, a_page_of_which_nothing_is_taken_for_ten_seconds_is_given_up)
{
	metrics_len = METRICS_LEN;
	connect_client();
	cr_assert_eq(write(peer, "GET /metrics HTTP/1.0\r\n\r\n", 25), 25);
	for (int i = 0; i < 20; i++)
		loop_turn(&loop, 2);
	cr_assert_eq(n_open, 1);
	cr_expect_not(admin_client_is_idle(client));
	pass(9000);
	cr_assert_not_null(client);
	pass(1100);
	cr_expect_null(client);
	cr_expect_eq(n_open, 0);
}

static const char get_page[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";

// As many as may be at one time, each in the middle of its page; their sockets are left to the test's end.
static void fill_with_readers(struct admin_client *readers[ADMIN_READERS])
{
	metrics_len = METRICS_LEN;
	for (int i = 0; i < ADMIN_READERS; i++) {
		connect_client();
		readers[i] = client;
		cr_assert_eq(write(peer, get_page, strlen(get_page)), (ssize_t)strlen(get_page));
	}
	for (int i = 0; i < 4 && n_open < ADMIN_READERS; i++)
		loop_turn(&loop, 2);
	cr_assert_eq(n_open, ADMIN_READERS);
}

// Probes of /healthz must find a place among the connections.
Test(admin_client, beyond_so_many_readers_a_page_is_refused_at_once)
{
	struct admin_client *readers[ADMIN_READERS];
	static const char health[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

	fill_with_readers(readers);
	ask(get_page);
	cr_expect_eq(strncmp(answer, "HTTP/1.1 503 ", 13), 0, "%s", answer);
	cr_expect(strstr(answer, "\r\nRetry-After: 10\r\n"), "%s", answer);
	cr_expect(admin_client_is_idle(client));
	send_bytes(health, strlen(health));
	cr_expect(strstr(answer, "\r\n\r\nok\n"), "%s", answer);
	cr_expect_eq(n_open, ADMIN_READERS);
	admin_client_close(client);
	admin_client_close(readers[0]);
	ask(get_page);
	cr_expect_eq(strncmp(answer, "HTTP/1.1 200 ", 13), 0, "%s", answer);
	admin_client_close(client);
	for (int i = 1; i < ADMIN_READERS; i++)
		admin_client_close(readers[i]);
}

Test(admin_client, who_has_a_page_is_no_reader_any_more)
{
	for (int i = 0; i < 2 * ADMIN_READERS; i++) {
		ask(get_page);
		cr_assert_eq(strncmp(answer, "HTTP/1.1 200 ", 13), 0, "%d: %s", i, answer);
		if (i % 2)
			admin_client_close(client);
	}
	cr_expect_eq(turns.n_readers, 0);
}

// It may not have seen its end yet; its place is free for others.
Test(admin_client, who_has_had_the_last_answer_is_idle)
{
	ask("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	cr_assert_not_null(client);
	cr_expect(admin_client_is_idle(client));
}

// However little it is: a link may be slow. But not for ever.
Test(admin_client, a_page_of_which_some_is_taken_goes_on_for_five_minutes)
{
	static char some[2 * ADMIN_PIECE];

	metrics_len = 1 << 30;
	ask("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
	for (int s = 0; s < 297; s += 9) {
		pass(9000);
		cr_assert_not_null(client, "after %d s", s + 9);
		cr_assert_gt(read(peer, some, sizeof(some)), 0);
		loop_turn(&loop, 2);
	}
	pass(4000);
	cr_expect_null(client);
	cr_expect_eq(n_open, 0);
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

// As connect_client(), through TCP, which can reset.
static void connect_by_tcp(void)
{
	struct admin_client_setup setup = {
		.loop = &loop, .source = &source, .turns = &turns, .gone = on_gone};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	peer = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(peer, (struct sockaddr *)&at, sizeof(at)), 0);
	setup.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	cr_assert_eq(admin_client_open(&client, &setup), 0);
	close(listener);
}

// Without a length and without chunks an orderly end would say: this was all.
Test(admin_client, a_page_that_is_cut_does_not_look_whole)
{
	ssize_t n;

	metrics_len = 8 * (size_t)METRICS_LEN; // more than sockets take
	connect_by_tcp();
	cr_assert_eq(write(peer, "GET /metrics HTTP/1.0\r\n\r\n", 25), 25);
	for (int i = 0; i < 20; i++)
		loop_turn(&loop, 2);
	cr_assert_eq(n_open, 1);
	pass(10100); // the peer's kernel may have taken some since it was looked at last
	if (client)
		pass(10100);
	cr_assert_null(client);
	while ((n = read(peer, answer, sizeof(answer))) > 0)
		;
	cr_expect_eq(n, -1, "an orderly end");
	cr_expect_eq(errno, ECONNRESET);
}
