// SPDX-License-Identifier: BSD-3-Clause
// Both sides of a connection, ours, over a pair of sockets on one loop. What others' frames do to us: tests/smoke/85_*.
#include "l7/http2_session.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { STREAMS = 8, WINDOW = 65535 };

static struct loop loop;

struct side {
	struct conn conn;
	struct http2 *http2;
	struct request request;
	struct response response;
	struct fields trailers;
	int n_settings, n_goaway, n_over, n_broken;
};

// What one side saw of a stream.
struct seen {
	struct http2_stream h2;
	char head[512]; // "GET /path?query host" or "200", then " name=value" of each field
	char trailers[128];
	size_t n_bytes;
	unsigned sum;
	enum http2_error error;
	int n_heads, n_ends, n_closed, n_drained, n_refused;
	bool is_unprocessed, keeps; // keeps: gives nothing back
};

static struct side server, client;
static struct seen at_server[STREAMS], at_client[STREAMS];
static int n_at_server;
static bool refuses_to_open;
static struct seen *ended_when_drained; // by what is told of another

static struct seen *seen_of(struct http2_stream *s)
{
	return CONTAINER_OF(s, struct seen, h2);
}

static void add_fields(char *out, size_t size, const struct fields *f)
{
	for (uint16_t i = 0; i < f->n; i++) {
		size_t len = strlen(out);

		if (!f->at[i].is_dropped)
			snprintf(out + len, size - len, " %.*s=%.*s", (int)f->at[i].name.len,
			         (const char *)f->at[i].name.ptr, (int)f->at[i].value.len,
			         (const char *)f->at[i].value.ptr);
	}
}

static struct http2_stream *on_open(struct http2 *h)
{
	return refuses_to_open ? NULL : &at_server[n_at_server++].h2;
}

static void on_request(struct http2_stream *s, struct request *r)
{
	struct seen *seen = seen_of(s);

	seen->n_heads++;
	snprintf(seen->head, sizeof(seen->head), "%.*s %.*s?%.*s %.*s%s", (int)r->method_text.len,
	         (const char *)r->method_text.ptr, (int)r->path.len, (const char *)r->path.ptr,
	         (int)r->query.len, (const char *)r->query.ptr, (int)r->authority.len,
	         (const char *)r->authority.ptr, r->upgrade.len ? " upgrade" : "");
	add_fields(seen->head, sizeof(seen->head), &r->fields);
}

static void on_refused(struct http2_stream *s, uint16_t status, const char *reason)
{
	seen_of(s)->n_refused = status;
	http2_reset(s, HTTP2_CANCEL);
}

static void on_response(struct http2_stream *s, struct response *r)
{
	struct seen *seen = seen_of(s);

	seen->n_heads++;
	snprintf(seen->head, sizeof(seen->head), "%u", r->status);
	add_fields(seen->head, sizeof(seen->head), &r->fields);
}

static void on_data(struct http2_stream *s, struct slice bytes)
{
	struct seen *seen = seen_of(s);

	seen->n_bytes += bytes.len;
	for (size_t i = 0; i < bytes.len; i++)
		seen->sum = seen->sum * 31 + bytes.ptr[i];
	if (seen->keeps)
		return;
	if (s->http2->setup.is_server)
		http2_consume(s, bytes.len);
	else
		http2_grant(s, WINDOW);
}

static void on_end(struct http2_stream *s, const struct fields *trailers)
{
	seen_of(s)->n_ends++;
	if (trailers)
		add_fields(seen_of(s)->trailers, sizeof(seen_of(s)->trailers), trailers);
}

static void on_stream_drained(struct http2_stream *s)
{
	seen_of(s)->n_drained++;
	if (!ended_when_drained)
		return;
	http2_end(&ended_when_drained->h2, NULL);
	http2_flush(s->http2);
}

static void on_closed(struct http2_stream *s, enum http2_error error, bool is_unprocessed)
{
	struct seen *seen = seen_of(s);

	seen->n_closed++;
	seen->error = error;
	seen->is_unprocessed = is_unprocessed;
}

static void on_settings(struct http2 *h)
{
	((struct side *)http2_owner(h))->n_settings++;
}

static void on_goaway(struct http2 *h, enum http2_error error)
{
	((struct side *)http2_owner(h))->n_goaway++;
}

static void on_over(struct http2 *h)
{
	((struct side *)http2_owner(h))->n_over++;
}

static const struct http2_ops ops = {
	.open = on_open,
	.request = on_request,
	.refused = on_refused,
	.response = on_response,
	.data = on_data,
	.end = on_end,
	.drained = on_stream_drained,
	.closed = on_closed,
	.settings = on_settings,
	.goaway = on_goaway,
	.over = on_over,
};

static size_t on_received(struct conn *c, struct slice bytes)
{
	struct side *side = CONTAINER_OF(c, struct side, conn);

	side->n_broken += http2_receive(side->http2, bytes) != 0;
	return bytes.len;
}

static void on_event(struct conn *c)
{
}

static void on_drained(struct conn *c)
{
	http2_drained(CONTAINER_OF(c, struct side, conn)->http2);
}

static void on_failed(struct conn *c, int error)
{
}

static const struct conn_ops conn_ops = {
	.received = on_received,
	.ended = on_event,
	.drained = on_drained,
	.hung_up = on_event,
	.failed = on_failed,
};

static void open_side(struct side *side, int fd, bool is_server)
{
	struct http2_setup setup = {
		.conn = &side->conn,
		.ops = &ops,
		.owner = side,
		.request = &side->request,
		.response = &side->response,
		.trailers = &side->trailers,
		.limits = {.line = 1024, .head = 4096, .fields = 32},
		.n_streams = STREAMS,
		.stream_window = WINDOW,
		.connection_window = 4 * WINDOW,
		.is_server = is_server,
	};

	fcntl(fd, F_SETFL, O_NONBLOCK);
	cr_assert_eq(conn_accept(&side->conn, &loop, fd, &conn_ops), 0);
	cr_assert_eq(http2_new(&side->http2, &setup), 0);
}

static void turn(void)
{
	for (int i = 0; i < 12; i++)
		loop_turn(&loop, 0);
}

static void open_both(void)
{
	int fds[2];

	cr_assert_eq(loop_init(&loop, 1 << 24), 0);
	cr_assert_eq(conn_loop_init(&loop), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	open_side(&server, fds[0], true);
	open_side(&client, fds[1], false);
	turn();
}

static void close_both(void)
{
	http2_close(client.http2, HTTP2_CANCEL);
	http2_close(server.http2, HTTP2_CANCEL);
	conn_close(&client.conn);
	conn_close(&server.conn);
	loop_fini(&loop);
	conn_loop_fini(&loop);
}

TestSuite(http2, .init = open_both, .fini = close_both);

static struct slice slice_z(const char *text)
{
	return slice_of(text, strlen(text));
}

static struct request *get(const char *path)
{
	static struct request r;

	r = (struct request){
		.method_text = slice_z("GET"),
		.method = METHOD_GET,
		.authority = slice_z("example.com"),
		.path = slice_z(path),
		.minor = 1,
		.is_persistent = true,
	};
	return &r;
}

static struct request *post(const char *path)
{
	struct request *r = get(path);

	r->method_text = slice_z("POST");
	r->method = METHOD_POST;
	r->body = BODY_CHUNKED;
	return r;
}

static struct response *answer(uint16_t status, enum body body)
{
	static struct response r;

	r = (struct response){.status = status, .body = (uint8_t)body, .minor = 1};
	return &r;
}

static void ask(int i, const struct request *r)
{
	cr_assert_eq(http2_request(client.http2, &at_client[i].h2, r, false), 0);
	turn();
}

Test(http2, a_request_and_its_answer_arrive_as_they_were_sent)
{
	struct request *r = get("/a/b");
	struct response *a = answer(200, BODY_CHUNKED);
	static const char text[] = "hello";

	r->query = slice_z("c=d");
	message_add(&r->fields, HEADER_OTHER, slice_z("X-Case"), slice_z("Kept"));
	message_add(&r->fields, HEADER_CONNECTION, slice_z("Connection"), slice_z("x"));
	message_add(&r->fields, HEADER_HOST, slice_z("Host"), slice_z("other.example"));
	ask(0, r);
	cr_expect_str_eq(at_server[0].head, "GET /a/b?c=d other.example x-case=Kept");
	cr_expect_eq(at_server[0].n_ends, 1, "a GET has no content");
	message_add(&a->fields, HEADER_SERVER, slice_z("Server"), slice_z("t"));
	cr_expect(http2_respond(&at_server[0].h2, a));
	http2_data(&at_server[0].h2, slice_z(text));
	turn();
	cr_expect_str_eq(at_client[0].head, "200 server=t");
	cr_expect_eq(at_client[0].n_bytes, strlen(text), "before the end is known");
	http2_end(&at_server[0].h2, NULL);
	turn();
	cr_expect_eq(at_client[0].n_ends, 1);
	cr_expect_eq(at_client[0].n_closed + at_server[0].n_closed, 2);
	cr_expect_eq(at_client[0].error, HTTP2_NO_ERROR);
	cr_expect_eq(http2_n_streams(client.http2) + http2_n_streams(server.http2), 0);
}

// nghttp2 adds up what it is given back, and breaks the connection beyond 2^31 - 1: what is left for that shows what it was given.
Test(http2, a_client_gives_content_back_to_the_connection_once)
{
	char text[100] = {0};

	at_client[0].keeps = true;
	ask(0, get("/"));
	cr_expect(http2_respond(&at_server[0].h2, answer(200, BODY_CHUNKED)));
	http2_data(&at_server[0].h2, slice_of(text, sizeof(text)));
	http2_end(&at_server[0].h2, NULL);
	turn();
	cr_assert_eq(at_client[0].n_closed, 1);
	nghttp2_session_consume_connection(client.http2->session, INT32_MAX - sizeof(text));
	ask(1, get("/"));
	cr_expect_eq(server.n_goaway, 0);
	cr_expect_eq(at_server[1].n_heads, 1);
}

Test(http2, each_that_was_blocked_is_told_though_one_of_them_ends_meanwhile)
{
	static char text[WINDOW + 1];

	for (int i = 0; i < 3; i++) {
		at_client[i].keeps = true;
		ask(i, get("/"));
		cr_expect(http2_respond(&at_server[i].h2, answer(200, BODY_CHUNKED)));
		http2_data(&at_server[i].h2, slice_of(text, sizeof(text)));
		turn();
		cr_expect(http2_is_blocked(&at_server[i].h2));
	}
	ended_when_drained = &at_server[1];
	for (int i = 0; i < 3; i++)
		http2_grant(&at_client[i].h2, WINDOW);
	turn();
	ended_when_drained = NULL;
	cr_expect_eq(at_server[2].n_drained, 1);
	cr_expect_eq(at_server[1].n_closed, 1);
	cr_expect_eq(at_server[0].n_drained, 1);
}

Test(http2, trailers_follow_content_both_ways_without_what_may_not_stand_there)
{
	struct fields trailers = {.n = 0};

	message_add(&trailers, HEADER_OTHER, slice_z("Grpc-Status"), slice_z("5"));
	message_add(&trailers, HEADER_HOST, slice_z("host"), slice_z("evil"));
	ask(0, post("/"));
	http2_data(&at_client[0].h2, slice_z("x"));
	http2_end(&at_client[0].h2, &trailers);
	turn();
	cr_expect_eq(at_server[0].n_bytes, 1);
	cr_expect_str_eq(at_server[0].trailers, " grpc-status=5");
	cr_expect(http2_respond(&at_server[0].h2, answer(200, BODY_CHUNKED)));
	http2_end(&at_server[0].h2, &trailers);
	turn();
	cr_expect_str_eq(at_client[0].trailers, " grpc-status=5");
	cr_expect_eq(at_client[0].n_closed, 1);
}

Test(http2, an_interim_answer_comes_before_the_final_one)
{
	ask(0, get("/"));
	http2_interim(&at_server[0].h2, answer(103, BODY_NONE));
	turn();
	cr_expect_str_eq(at_client[0].head, "103");
	cr_expect(http2_respond(&at_server[0].h2, answer(204, BODY_NONE)));
	turn();
	cr_expect_str_eq(at_client[0].head, "204");
	cr_expect_eq(at_client[0].n_heads, 2);
	cr_expect_eq(at_client[0].n_ends, 1);
}

static unsigned sum_of(const char *bytes, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + (uint8_t)bytes[i];
	return sum;
}

Test(http2, content_beyond_the_window_waits_until_it_is_given_back)
{
	static char bytes[3 * WINDOW];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 + i / 251);
	at_client[0].keeps = true;
	ask(0, get("/"));
	cr_expect(http2_respond(&at_server[0].h2, answer(200, BODY_CHUNKED)));
	http2_data(&at_server[0].h2, slice_of(bytes, sizeof(bytes)));
	http2_end(&at_server[0].h2, NULL);
	turn();
	cr_expect_eq(at_client[0].n_bytes, WINDOW);
	cr_expect(http2_is_blocked(&at_server[0].h2));
	for (int i = 0; i < 2; i++) {
		http2_grant(&at_client[0].h2, WINDOW);
		turn();
	}
	cr_expect_eq(at_client[0].n_bytes, sizeof(bytes));
	cr_expect_eq(at_client[0].sum, sum_of(bytes, sizeof(bytes)));
	cr_expect_eq(at_client[0].n_ends, 1);
}

// What is on its way when a window shrinks still comes, and no more before that was used up.
Test(http2, a_window_may_grow_and_shrink)
{
	enum { WIDE = 4 * WINDOW };
	static char bytes[20 * WINDOW];

	at_client[0].keeps = true;
	ask(0, get("/"));
	cr_expect(http2_respond(&at_server[0].h2, answer(200, BODY_CHUNKED)));
	http2_data(&at_server[0].h2, slice_of(bytes, sizeof(bytes)));
	turn();
	cr_expect_eq(at_client[0].n_bytes, WINDOW);
	http2_grant(&at_client[0].h2, WIDE);
	http2_grant(&at_client[0].h2, WIDE);
	turn();
	cr_expect_eq(at_client[0].n_bytes, WINDOW + WIDE, "once");
	http2_grant(&at_client[0].h2, WIDE);
	http2_grant(&at_client[0].h2, WINDOW);
	turn();
	cr_expect_eq(at_client[0].n_bytes, WINDOW + 2 * WIDE);
	for (int i = 1; i <= 3; i++) {
		http2_grant(&at_client[0].h2, WINDOW);
		turn();
		cr_expect_eq(at_client[0].n_bytes, (size_t)(i + 1) * WINDOW + 2 * WIDE);
	}
}

Test(http2, a_blocked_stream_is_told_when_it_may_go_on_and_holds_up_no_other)
{
	static char bytes[2 * WINDOW];

	at_client[0].keeps = true;
	ask(0, get("/slow"));
	ask(1, get("/fast"));
	cr_expect(http2_respond(&at_server[0].h2, answer(200, BODY_CHUNKED)));
	http2_data(&at_server[0].h2, slice_of(bytes, sizeof(bytes)));
	turn();
	cr_expect(http2_is_blocked(&at_server[0].h2));
	cr_expect(http2_respond(&at_server[1].h2, answer(200, BODY_CHUNKED)));
	http2_data(&at_server[1].h2, slice_of(bytes, sizeof(bytes)));
	turn();
	cr_expect_eq(at_client[1].n_bytes, sizeof(bytes));
	cr_expect_eq(at_server[0].n_drained, 0);
	http2_grant(&at_client[0].h2, WINDOW);
	turn();
	cr_expect_eq(at_client[0].n_bytes, sizeof(bytes));
	cr_expect_eq(at_server[0].n_drained, 1);
	cr_expect_not(http2_is_blocked(&at_server[0].h2));
}

Test(http2, what_waits_for_the_turns_end_is_told_when_it_has_left)
{
	ask(0, get("/"));
	cr_expect(http2_respond(&at_server[0].h2, answer(200, BODY_CHUNKED)));
	http2_data(&at_server[0].h2, slice_z("event"));
	cr_expect_not(http2_is_blocked(&at_server[0].h2));
	cr_expect_eq(http2_unsent(&at_server[0].h2), 5);
	cr_expect_eq(at_server[0].n_drained, 0);
	turn();
	cr_expect_eq(at_server[0].n_drained, 1);
	cr_expect_eq(http2_unsent(&at_server[0].h2), 0);
}

Test(http2, a_reset_reaches_the_other_side_with_its_code)
{
	ask(0, get("/"));
	http2_reset(&at_client[0].h2, HTTP2_CANCEL);
	turn();
	cr_expect_eq(at_server[0].n_closed, 1);
	cr_expect_eq(at_server[0].error, HTTP2_CANCEL);
	cr_expect_eq(at_client[0].n_closed, 1);
	cr_expect_eq(at_client[0].error, HTTP2_NO_ERROR, "it was our own");
	http2_data(&at_server[0].h2, slice_z("late")); // of no effect
	http2_end(&at_server[0].h2, NULL);
	turn();
	cr_expect_eq(at_client[0].n_bytes, 0);
}

Test(http2, an_answer_before_the_requests_end_is_whole_and_the_rest_is_not_wanted)
{
	ask(0, post("/"));
	cr_expect(http2_respond(&at_server[0].h2, answer(413, BODY_CHUNKED)));
	http2_data(&at_server[0].h2, slice_z("no"));
	http2_end(&at_server[0].h2, NULL);
	turn();
	cr_expect_str_eq(at_client[0].head, "413");
	cr_expect_eq(at_client[0].n_bytes, 2);
	cr_expect_eq(at_client[0].n_closed, 1);
	cr_expect_eq(at_client[0].error, HTTP2_NO_ERROR);
}

Test(http2, a_server_that_goes_away_says_so_twice_and_ends_what_runs)
{
	ask(0, get("/"));
	http2_shutdown(server.http2);
	turn();
	cr_expect_eq(client.n_goaway, 2, "soon, and after the PING which the last one is");
	cr_expect_eq(http2_room(client.http2), 0);
	cr_expect_eq(http2_request(client.http2, &at_client[1].h2, get("/"), false), -EAGAIN);
	cr_expect_eq(server.n_over, 0);
	cr_expect(http2_respond(&at_server[0].h2, answer(200, BODY_LENGTH)));
	turn();
	cr_expect_eq(at_client[0].n_ends, 1);
	cr_expect_eq(server.n_over, 1);
	cr_expect_eq(client.n_over, 1);
}

Test(http2, no_more_streams_than_the_server_wants)
{
	for (int i = 0; i < STREAMS; i++)
		ask(i, get("/"));
	cr_expect_eq(http2_room(client.http2), 0);
	cr_expect_eq(http2_request(client.http2, &(struct http2_stream){0}, get("/"), false),
	             -EAGAIN);
	cr_expect(http2_respond(&at_server[3].h2, answer(204, BODY_NONE)));
	turn();
	cr_expect_eq(http2_room(client.http2), 1);
}

Test(http2, a_stream_without_memory_is_refused_and_the_others_go_on)
{
	ask(0, get("/"));
	refuses_to_open = true;
	ask(1, get("/"));
	cr_expect_eq(at_client[1].n_closed, 1);
	cr_expect_neq(at_client[1].error, HTTP2_NO_ERROR);
	cr_expect(http2_respond(&at_server[0].h2, answer(204, BODY_NONE)));
	turn();
	cr_expect_eq(at_client[0].n_ends, 1);
}

Test(http2, a_head_beyond_the_limits_is_refused)
{
	static char value[4096];
	struct request *r = get("/");

	memset(value, 'x', sizeof(value));
	message_add(&r->fields, HEADER_OTHER, slice_z("x"), slice_of(value, sizeof(value)));
	ask(0, r);
	cr_expect_eq(at_server[0].n_refused, 431);
	r = get("/");
	r->path = slice_of(value, 1025);
	value[0] = '/';
	ask(1, r);
	cr_expect_eq(at_server[1].n_refused, 414);
}

Test(http2, several_cookie_fields_become_one)
{
	struct request *r = get("/");

	message_add(&r->fields, HEADER_COOKIE, slice_z("cookie"), slice_z("a=1"));
	message_add(&r->fields, HEADER_OTHER, slice_z("x"), slice_z("y"));
	message_add(&r->fields, HEADER_COOKIE, slice_z("cookie"), slice_z("b=2"));
	ask(0, r);
	cr_expect_str_eq(at_server[0].head, "GET /? example.com cookie=a=1; b=2 x=y");
}

Test(http2, a_websocket_is_asked_for_by_extended_connect_and_looks_like_an_upgrade)
{
	struct request *r = get("/chat");
	struct response *a = answer(101, BODY_TUNNEL);

	cr_expect(http2_has_settings(client.http2));
	cr_expect(http2_takes_websockets(client.http2));
	r->upgrade = slice_z("websocket");
	message_add(&r->fields, HEADER_SEC_WEBSOCKET_KEY, slice_z("Sec-WebSocket-Key"),
	            slice_z("k"));
	message_add(&r->fields, HEADER_SEC_WEBSOCKET_VERSION, slice_z("Sec-WebSocket-Version"),
	            slice_z("13"));
	ask(0, r);
	cr_expect_str_eq(at_server[0].head,
	                 "GET /chat? example.com upgrade sec-websocket-version=13");
	cr_expect_eq(at_server[0].n_ends, 0);
	message_add(&a->fields, HEADER_SEC_WEBSOCKET_ACCEPT, slice_z("Sec-WebSocket-Accept"),
	            slice_z("a"));
	cr_expect(http2_respond(&at_server[0].h2, a));
	http2_data(&at_client[0].h2, slice_z("ping"));
	turn();
	cr_expect_str_eq(at_client[0].head, "101");
	cr_expect_eq(at_server[0].n_bytes, 4);
	http2_end(&at_client[0].h2, NULL);
	turn();
	http2_end(&at_server[0].h2, NULL);
	turn();
	cr_expect_eq(at_server[0].n_ends, 1);
	cr_expect_eq(at_client[0].n_ends, 1);
}

Test(http2, resets_as_fast_as_they_can_be_sent_end_the_connection)
{
	int n = 0;

	for (; n < 10000 && !server.n_broken; n++) {
		struct http2_stream *s = &at_client[0].h2;

		n_at_server = 0;
		at_client[0] = at_server[0] = (struct seen){0};
		if (http2_request(client.http2, s, get("/"), false))
			break;
		loop_turn(&loop, 0);
		http2_reset(s, HTTP2_CANCEL);
		turn();
	}
	cr_expect_eq(server.n_broken, 1);
	cr_expect_lt(n, 5000);
	cr_expect_eq(client.n_goaway, 1);
	cr_expect_not_null(http2_reason(server.http2));
}

Test(http2, a_ping_is_answered)
{
	http2_ping(client.http2);
	cr_expect(http2_is_pinged(client.http2));
	turn();
	cr_expect_not(http2_is_pinged(client.http2));
}

Test(http2, closing_tells_each_stream_once_and_nothing_afterwards)
{
	ask(0, get("/"));
	ask(1, post("/"));
	http2_close(client.http2, HTTP2_CANCEL);
	cr_expect_eq(at_client[0].n_closed + at_client[1].n_closed, 2);
	client.http2 = NULL;
	conn_close(&client.conn);
	turn();
	cr_expect_eq(at_client[0].n_closed + at_client[1].n_closed, 2);
}
