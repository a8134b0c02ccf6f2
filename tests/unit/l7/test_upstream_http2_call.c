// SPDX-License-Identifier: BSD-3-Clause
// Requests on a connection to a backend of HTTP/2 whose other end is this test's, on one loop. The functions of a stream are this test's,
// too: they note what they are told, and do in that moment what the test wants.
#include "l7/head.h"
#include "l7/http2_session.h"
#include "l7/stream.h"
#include "l7/stream_replay.h"
#include "l7/upstream_http2_call.h"
#include "l7/worker_state.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CALLS = 4, MEMORY = 64 << 20, PIECE = 32768, WIDE = 1048576, QUIET_MS = 3 };

static struct worker w;
static struct worker_counters counters;
static struct l7_backend_counters backend_counters;
static struct conf_pool pool = {
	.protocol = HTTP_2, .keepalive = 1, .http2 = {.streams = 100, .connections = 1}};
static struct conf conf = {.pools = &pool, .n_pools = 1};
static struct site site = {.conf = &conf};
static struct tls_client *no_tls;
static struct kit kit = {.clients = &no_tls, .n_clients = 1};
static struct view view = {.site = &site, .kit = &kit};
static struct peer peer = {.n_refs = 1, .n_views = 1, .telemetry.counters = &backend_counters};
static int listening;

// A request as its stream knows it.
struct caller {
	struct stream stream;
	struct upstream *up;       // NULL: let go
	struct caller *leaves;     // when this one is given content, that one's client leaves
	struct loop_task *freeing; // its call's
	size_t n_bytes, untaken;
	int n_ends, n_failed, n_freed;
	bool is_blocked;
};

static struct caller callers[CALLS];
static struct stream_client client;
static void (*free_call)(struct loop_task *task);

static struct upstream_http2_call *call_of(const struct caller *c)
{
	return CONTAINER_OF(c->up, struct upstream_http2_call, up);
}

static void let_go(struct caller *c, bool may_reuse)
{
	struct upstream *up = c->up;

	c->up = NULL;
	upstream_release(up, may_reuse);
}

// --- what a stream is told ---

static struct caller *caller_of(struct stream *s)
{
	return CONTAINER_OF(s, struct caller, stream);
}

static void ask_now(struct caller *c)
{
	struct request *r = &w.request;
	struct text t;
	char space[1024];

	*r = (struct request){.method = METHOD_GET, .method_text = slice_of("GET", 3), .minor = 1};
	r->path = slice_of("/", 1);
	r->authority = slice_of("x", 1);
	t = text_of(space, sizeof(space));
	head_pack(&t, r);
	cr_assert_eq(upstream_head(c->up, text_slice(&t), BODY_NONE), 0);
}

void stream_opened(struct stream *s)
{
	ask_now(caller_of(s));
}

void stream_response(struct stream *s, struct response *r)
{
}

void stream_interim(struct stream *s, struct response *r)
{
}

void stream_body(struct stream *s, struct slice bytes)
{
	struct caller *c = caller_of(s);

	c->n_bytes += bytes.len;
	if (c->leaves && c->leaves->up) {
		struct upstream_http2_call *call = call_of(c->leaves);

		cr_assert(call->h2.http2 && !call->h2.id, "taken, and not told");
		let_go(c->leaves, false);
		cr_expect_not(call->free.is_deferred, "its end is still to be told");
	}
}

void stream_body_end(struct stream *s, const struct fields *trailers)
{
	caller_of(s)->n_ends++;
	let_go(caller_of(s), true);
}

void stream_failed(struct stream *s, int error, enum stream_reach reach)
{
	caller_of(s)->n_failed++;
	let_go(caller_of(s), false);
}

bool stream_is_blocked(struct stream *s)
{
	return caller_of(s)->is_blocked;
}

size_t stream_untaken(struct stream *s)
{
	return caller_of(s)->untaken;
}

void stream_again(struct stream *s)
{
	cr_assert_fail("there is no other way");
}

void stream_malformed(struct stream *s, const char *reason)
{
	cr_assert_fail("%s", reason);
}

void stream_was_reset(struct stream *s, enum http2_error error)
{
}

void stream_upstream_drained(struct stream *s)
{
}

bool stream_is_idempotent(const struct stream *s)
{
	return true;
}

bool stream_replay_is_possible(const struct stream *s)
{
	return true;
}

// --- the backend ---

static struct conn backend_conn;
static struct http2 *backend;
static struct http2_stream asked[CALLS];
static size_t n_asked;
static struct request backend_request;
static struct response backend_response;
static struct fields backend_trailers;

static struct http2_stream *on_open(struct http2 *h)
{
	cr_assert_lt(n_asked, CALLS);
	return &asked[n_asked++];
}

static void on_request(struct http2_stream *s, struct request *r)
{
}

static void on_end(struct http2_stream *s, const struct fields *trailers)
{
}

static void on_drained(struct http2_stream *s)
{
}

static void on_closed(struct http2_stream *s, enum http2_error error, bool is_unprocessed)
{
}

static void on_over(struct http2 *h)
{
}

static const struct http2_ops backend_ops = {
	.open = on_open,
	.request = on_request,
	.end = on_end,
	.drained = on_drained,
	.closed = on_closed,
	.over = on_over,
};

static size_t on_received(struct conn *c, struct slice bytes)
{
	cr_assert_eq(http2_receive(backend, bytes), 0);
	return bytes.len;
}

static void on_conn_drained(struct conn *c)
{
	http2_drained(backend);
}

static void on_conn_end(struct conn *c)
{
}

static void on_conn_failed(struct conn *c, int error)
{
}

static const struct conn_ops backend_conn_ops = {
	.received = on_received,
	.ended = on_conn_end,
	.drained = on_conn_drained,
	.hung_up = on_conn_end,
	.failed = on_conn_failed,
};

// Until nothing moves any more.
static void turn(void)
{
	struct pollfd moves = {.fd = w.loop.epoll_fd, .events = POLLIN};

	do
		loop_turn(&w.loop, 0);
	while (w.loop.ready.first || poll(&moves, 1, QUIET_MS) > 0);
}

static void accept_backend(void)
{
	struct http2_setup setup = {
		.conn = &backend_conn,
		.ops = &backend_ops,
		.request = &backend_request,
		.response = &backend_response,
		.trailers = &backend_trailers,
		.limits = {.line = 1024, .head = 4096, .fields = 32},
		.n_streams = CALLS,
		.stream_window = 65535,
		.connection_window = 65535,
		.is_server = true,
	};
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK), on = 1;

	cr_assert_geq(fd, 0);
	cr_assert_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
	cr_assert_eq(conn_accept(&backend_conn, &w.loop, fd, &backend_conn_ops), 0);
	cr_assert_eq(http2_new(&backend, &setup), 0);
	turn();
}

// --- a test ---

static void count_freeing(struct loop_task *task)
{
	for (size_t i = 0; i < CALLS; i++)
		callers[i].n_freed += callers[i].freeing == task;
	free_call(task);
}

static void call(size_t i)
{
	struct caller *c = &callers[i];

	c->stream.w = &w;
	c->stream.view = &view;
	c->stream.from = &client;
	cr_assert_eq(upstream_http2_take(&c->up, &c->stream, 0, &peer), 0);
	c->freeing = &call_of(c)->free;
	free_call = c->freeing->run;
	c->freeing->run = count_freeing;
	if (c->up->is_open)
		ask_now(c);
	turn();
}

static void begin(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	w.counters = &counters;
	cr_assert_eq(loop_init(&w.loop, MEMORY), 0);
	cr_assert_eq(conn_loop_init(&w.loop), 0);
	listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	cr_assert_eq(bind(listening, (struct sockaddr *)&at, len), 0);
	cr_assert_eq(listen(listening, 1), 0);
	cr_assert_eq(getsockname(listening, (struct sockaddr *)&at, &len), 0);
	peer.address = addr_ip4(be32_from(INADDR_LOOPBACK));
	peer.port = be16_of_raw(at.sin_port);
	call(0);
	accept_backend();
	cr_assert_eq(n_asked, 1);
}

static void end(void)
{
	for (size_t i = 0; i < CALLS; i++)
		if (callers[i].up)
			let_go(&callers[i], false);
	cr_expect_eq(w.promised, 0);
	turn();
	for (size_t i = 0; i < CALLS; i++)
		cr_expect_eq(callers[i].n_freed, callers[i].freeing ? 1 : 0, "call %zu", i);
	upstream_http2_sweep(&peer, 0);
	http2_close(backend, HTTP2_CANCEL);
	conn_close(&backend_conn);
	close(listening);
	loop_fini(&w.loop);
	conn_loop_fini(&w.loop);
}

TestSuite(upstream_http2_call, .init = begin, .fini = end);

static void answer(size_t i)
{
	struct response r = {.status = 200, .body = BODY_CHUNKED, .minor = 1};

	cr_assert(http2_respond(&asked[i], &r));
}

static void give(size_t i, size_t n)
{
	static char bytes[PIECE];

	http2_data(&asked[i], slice_of(bytes, n));
}

Test(upstream_http2_call, an_answered_call_is_freed_once)
{
	answer(0);
	give(0, 10);
	http2_end(&asked[0], NULL);
	turn();
	cr_expect_eq(callers[0].n_ends, 1);
	cr_expect_eq(callers[0].n_freed, 1);
}

// A reset was taken, and its owner not told yet, when something that came with it makes the client leave.
Test(upstream_http2_call, a_call_that_is_reset_while_its_client_leaves_is_freed_once)
{
	call(1);
	callers[1].leaves = &callers[0];
	answer(0);
	answer(1);
	turn();
	http2_reset(&asked[0], HTTP2_INTERNAL_ERROR);
	give(1, 10);
	turn();
	cr_expect_eq(callers[1].n_bytes, 10);
	cr_expect_null(callers[0].up);
	cr_expect_eq(callers[0].n_failed, 0, "nobody is left to be told");
	cr_expect_eq(callers[0].n_freed, 1);
}

Test(upstream_http2_call, a_call_whose_client_left_first_is_freed_once)
{
	answer(0);
	turn();
	http2_reset(&asked[0], HTTP2_INTERNAL_ERROR);
	let_go(&callers[0], false);
	turn();
	cr_expect_eq(callers[0].n_freed, 1);
}

Test(upstream_http2_call, calls_of_a_connection_that_breaks_are_freed_once)
{
	call(1);
	answer(0);
	turn();
	conn_abort(&backend_conn);
	turn();
	cr_expect_eq(callers[0].n_failed + callers[1].n_failed, 2);
	cr_expect_eq(callers[0].n_freed + callers[1].n_freed, 2);
}

// --- windows ---

// Bytes that the backend may send now.
static int32_t window(size_t i)
{
	return nghttp2_session_get_stream_remote_window_size(backend->session, asked[i].id);
}

static void give_much(size_t i, size_t n)
{
	for (size_t given = 0; given < n; given += PIECE) {
		give(i, PIECE);
		turn();
	}
}

Test(upstream_http2_call, a_client_that_keeps_up_gets_a_wide_window)
{
	answer(0);
	give_much(0, 8 * PIECE);
	cr_expect_leq(window(0), UPSTREAM_HTTP2_WINDOW);
	give_much(0, 16 * PIECE);
	cr_expect_gt(window(0), WIDE / 2);
	cr_expect_leq(window(0), WIDE);
	cr_expect_eq(w.promised, WIDE - UPSTREAM_HTTP2_WINDOW);
}

Test(upstream_http2_call, what_the_kernel_holds_for_a_client_was_not_taken_by_it)
{
	callers[0].untaken = SIZE_MAX;
	answer(0);
	give_much(0, 64 * PIECE);
	cr_expect_leq(window(0), UPSTREAM_HTTP2_WINDOW);
	cr_expect_eq(w.promised, 0);
}

Test(upstream_http2_call, a_client_that_holds_us_up_has_a_narrow_window_again)
{
	answer(0);
	give_much(0, 32 * PIECE);
	cr_assert_gt(window(0), WIDE / 2);
	callers[0].is_blocked = true;
	give_much(0, PIECE);
	cr_expect_eq(w.promised, 0);
	callers[0].is_blocked = false;
	for (size_t i = 0; i < 64 && window(0) > UPSTREAM_HTTP2_WINDOW; i++) {
		callers[0].untaken = SIZE_MAX;
		give_much(0, PIECE);
	}
	give_much(0, 16 * PIECE);
	cr_expect_leq(window(0), UPSTREAM_HTTP2_WINDOW);
	cr_expect_geq(callers[0].n_bytes, WIDE, "what was promised came");
}

Test(upstream_http2_call, a_client_that_takes_nothing_gets_no_window)
{
	callers[0].is_blocked = true;
	answer(0);
	give(0, PIECE);
	turn();
	cr_expect_eq(window(0), UPSTREAM_HTTP2_WINDOW - PIECE);
}

Test(upstream_http2_call, wide_windows_fit_into_half_of_the_buffers)
{
	w.loop.bufs.budget = 2 * WIDE - 2;
	answer(0);
	give_much(0, 64 * PIECE);
	cr_expect_gt(window(0), UPSTREAM_HTTP2_WINDOW);
	call(1);
	answer(1);
	give_much(1, 64 * PIECE);
	cr_expect_leq(window(1), UPSTREAM_HTTP2_WINDOW);
	let_go(&callers[0], false);
	turn();
	give_much(1, 2 * PIECE);
	cr_expect_gt(window(1), UPSTREAM_HTTP2_WINDOW);
}
