// SPDX-License-Identifier: BSD-3-Clause
#include "l7/upstream_http1.h"

#include <errno.h>
#include <stdlib.h>

#include "l7/head.h"
#include "l7/stream.h"
#include "l7/worker_state.h"

// Of a backend's answer: generous, as backends are ours.
static const struct http1_limits limits = {.line = 16384, .head = 65536, .fields = 256};

enum { SPARE_MS = 5000 }; // an idle connection beyond `keepalive` is kept for so long

static struct upstream_http1 *of_conn(struct conn *c)
{
	return CONTAINER_OF(c, struct upstream_http1, link.conn);
}

static struct upstream_http1 *of(struct upstream *up)
{
	return CONTAINER_OF(up, struct upstream_http1, up);
}

static void free_upstream(struct loop_task *task)
{
	free(CONTAINER_OF(task, struct upstream_http1, link.free));
}

static void leave_idle(struct upstream_http1 *u)
{
	struct peer *peer = u->link.peer;

	*(u->prev ? &u->prev->next : &peer->idle) = u->next;
	if (u->next)
		u->next->prev = u->prev;
	u->next = u->prev = NULL;
	peer->n_idle--;
}

static void close_upstream(struct upstream_http1 *u)
{
	if (u->link.is_closed)
		return;
	if (u->state == UPSTREAM_HTTP1_IDLE)
		leave_idle(u);
	upstream_conn_close(&u->link);
}

// --- the answer ---

static void finish_answer(struct upstream_http1 *u, const struct fields *trailers)
{
	u->state = UPSTREAM_HTTP1_DONE;
	stream_body_end(u->up.stream, trailers);
}

static void begin_content(struct upstream_http1 *u, const struct response *r)
{
	static const uint8_t states[BODY_COUNT] = {
		[BODY_NONE] = UPSTREAM_HTTP1_DONE,     [BODY_LENGTH] = UPSTREAM_HTTP1_BODY,
		[BODY_CHUNKED] = UPSTREAM_HTTP1_BODY,  [BODY_UNTIL_CLOSE] = UPSTREAM_HTTP1_BODY,
		[BODY_TUNNEL] = UPSTREAM_HTTP1_TUNNEL,
	};

	u->body = r->body;
	u->left = r->content_length;
	u->is_persistent = r->is_persistent && r->body != BODY_UNTIL_CLOSE;
	u->chunked = (struct http1_chunked){0};
	u->state = states[r->body];
	if (u->body == BODY_LENGTH && !u->left)
		u->state = UPSTREAM_HTTP1_DONE;
}

// Returns the bytes consumed; 0 for more.
static size_t take_head(struct upstream_http1 *u, struct slice in)
{
	struct response *r = &u->link.w->response;
	struct stream *s = u->up.stream;
	ssize_t n = http1_parse_response(r, in, u->seen, s->method, &limits);

	if (n < 0) {
		stream_malformed(s, http1_error_text[-n]);
		return in.len;
	}
	u->seen = n ? 0 : (uint32_t)in.len;
	u->has_begun = true;
	if (!n)
		return 0;
	if (r->status < 200 && r->status != 101) {
		stream_interim(s, r);
		return (size_t)n;
	}
	begin_content(u, r);
	stream_response(s, r);
	if (u->up.stream && u->state == UPSTREAM_HTTP1_DONE)
		stream_body_end(s, NULL);
	return (size_t)n;
}

static size_t take_length(struct upstream_http1 *u, struct slice in)
{
	size_t n = in.len < u->left ? in.len : (size_t)u->left;

	u->left -= n;
	stream_body(u->up.stream, slice_of(in.ptr, n));
	if (u->up.stream && !u->left)
		finish_answer(u, NULL);
	return n;
}

static size_t take_chunks(struct upstream_http1 *u, struct slice in)
{
	struct slice data;
	ssize_t n = http1_decode_chunks(&u->chunked, in, &data);

	if (n < 0) {
		stream_malformed(u->up.stream, http1_error_text[-n]);
		return in.len;
	}
	if (data.len)
		stream_body(u->up.stream, data);
	if (u->up.stream && u->chunked.is_at_trailers)
		u->state = UPSTREAM_HTTP1_TRAILERS;
	return (size_t)n;
}

static size_t take_trailers(struct upstream_http1 *u, struct slice in)
{
	struct fields *trailers = &u->link.w->trailers;
	ssize_t n = http1_parse_trailers(trailers, in, u->seen, &limits);

	if (n < 0) {
		stream_malformed(u->up.stream, http1_error_text[-n]);
		return in.len;
	}
	u->seen = n ? 0 : (uint32_t)in.len;
	if (n)
		finish_answer(u, trailers->n ? trailers : NULL);
	return (size_t)n;
}

static size_t take(struct upstream_http1 *u, struct slice in)
{
	switch (u->state) {
	case UPSTREAM_HTTP1_HEAD:
		return take_head(u, in);
	case UPSTREAM_HTTP1_TRAILERS:
		return take_trailers(u, in);
	case UPSTREAM_HTTP1_BODY:
		if (u->body == BODY_LENGTH)
			return take_length(u, in);
		if (u->body == BODY_CHUNKED)
			return take_chunks(u, in);
		break;
	}
	stream_body(u->up.stream, in);
	return in.len;
}

// A stream may end, and let go of the connection, in each of these steps.
static size_t on_received(struct conn *c, struct slice bytes)
{
	struct upstream_http1 *u = of_conn(c);
	size_t used = 0;

	while (used < bytes.len && u->up.stream && u->state != UPSTREAM_HTTP1_DONE) {
		size_t n = take(u, slice_of(bytes.ptr + used, bytes.len - used));

		if (!n)
			break;
		used += n;
	}
	if (!u->up.stream) {
		// Idle, and yet it speaks: who knows whose answer that would become.
		if (used < bytes.len)
			close_upstream(u);
		return bytes.len;
	}
	if (stream_is_blocked(u->up.stream))
		conn_pause(c);
	return used;
}

static bool has_answered(const struct upstream_http1 *u)
{
	return u->state != UPSTREAM_HTTP1_HEAD || u->has_begun;
}

static void on_ended(struct conn *c)
{
	struct upstream_http1 *u = of_conn(c);
	struct stream *s = u->up.stream;

	if (!s)
		close_upstream(u);
	else if (u->state == UPSTREAM_HTTP1_TUNNEL ||
	         (u->state == UPSTREAM_HTTP1_BODY && u->body == BODY_UNTIL_CLOSE &&
	          !c->is_truncated))
		finish_answer(u, NULL);
	else
		stream_failed(s, -ECONNRESET, has_answered(u) ? STREAM_BEGUN : STREAM_SILENT);
}

static void on_failed(struct conn *c, int error)
{
	struct upstream_http1 *u = of_conn(c);

	if (u->up.stream)
		stream_failed(u->up.stream, error, has_answered(u) ? STREAM_BEGUN : STREAM_SILENT);
	else
		close_upstream(u);
}

static void on_opened(struct conn *c)
{
	struct upstream_http1 *u = of_conn(c);

	if (u->is_asking && c->tls) {
		bool is_http2 = slice_eq(tls_alpn(c->tls), slice_of("h2", 2));

		u->link.peer->speaks = is_http2 ? HTTP_2 : HTTP_1;
		if (is_http2) {
			stream_again(u->up.stream);
			return;
		}
	}
	u->state = UPSTREAM_HTTP1_HEAD;
	u->up.is_open = true;
	stream_opened(u->up.stream);
}

static void on_drained(struct conn *c)
{
	struct upstream_http1 *u = of_conn(c);

	if (u->up.stream)
		stream_upstream_drained(u->up.stream);
}

// While paused, for a client that is slow: what it sent is still to be received.
static void on_hung_up(struct conn *c)
{
}

static const struct conn_ops conn_ops = {
	.received = on_received,
	.opened = on_opened,
	.ended = on_ended,
	.drained = on_drained,
	.hung_up = on_hung_up,
	.failed = on_failed,
};

// --- the request ---

static int send_packed(struct upstream_http1 *u, struct slice head)
{
	struct request *r = &u->link.w->request;
	struct text t = conn_scratch(&u->link.conn, CONN_SCRATCH);

	head_unpack(r, head);
	http1_write_request(&t, r);
	if (t.is_cut)
		return -EMSGSIZE;
	conn_scratch_keep(&u->link.conn, &t);
	conn_send(&u->link.conn, text_slice(&t));
	return 0;
}

static int send_head(struct upstream *up, struct slice head, uint8_t body)
{
	struct upstream_http1 *u = of(up);

	u->request_body = body;
	if (u->is_packed)
		return send_packed(u, head);
	conn_send(&u->link.conn, head);
	return 0;
}

static void send_data(struct upstream *up, struct slice bytes)
{
	struct upstream_http1 *u = of(up);
	struct conn *c = &u->link.conn;
	struct text size;

	if (!bytes.len)
		return;
	if (u->request_body != BODY_CHUNKED || u->state == UPSTREAM_HTTP1_TUNNEL) {
		conn_send(c, bytes);
		return;
	}
	size = conn_scratch(c, 32);
	http1_write_chunk_size(&size, bytes.len);
	conn_scratch_keep(c, &size);
	conn_send(c, text_slice(&size));
	conn_send(c, bytes);
	conn_send(c, slice_of("\r\n", 2));
}

static void send_end(struct upstream *up, const struct fields *trailers)
{
	struct upstream_http1 *u = of(up);
	struct text end;

	if (u->request_body != BODY_CHUNKED)
		return;
	end = conn_scratch(&u->link.conn, CONN_SCRATCH);
	http1_write_last_chunk(&end, trailers);
	conn_scratch_keep(&u->link.conn, &end);
	conn_send(&u->link.conn, text_slice(&end));
}

static bool is_blocked(struct upstream *up)
{
	return conn_pending(&of(up)->link.conn) > 0;
}

static bool is_full(struct upstream *up)
{
	conn_flush(&of(up)->link.conn);
	return is_blocked(up);
}

static void flush(struct upstream *up)
{
	conn_flush(&of(up)->link.conn);
}

static void resume(struct upstream *up)
{
	conn_resume(&of(up)->link.conn);
}

static const char *reason(struct upstream *up)
{
	return conn_reason(&of(up)->link.conn);
}

// --- taking and giving back ---

static bool is_reusable(const struct upstream_http1 *u)
{
	const struct conn *c = &u->link.conn;

	return u->state == UPSTREAM_HTTP1_DONE && u->is_persistent && !u->link.is_private &&
	       !c->held && !c->is_ended && !c->is_broken && !conn_pending(c) && u->keepalive &&
	       upstream_conn_is_current(&u->link);
}

static void release(struct upstream *up, bool may_reuse)
{
	struct upstream_http1 *u = of(up);
	struct peer *peer = u->link.peer;

	up->stream = NULL;
	if (!may_reuse || !is_reusable(u)) {
		close_upstream(u);
		return;
	}
	u->state = UPSTREAM_HTTP1_IDLE;
	u->seen = 0;
	u->idle_ms = u->link.w->loop.timers.now_ms;
	u->next = peer->idle;
	if (u->next)
		u->next->prev = u;
	peer->idle = u;
	peer->n_idle++;
	conn_resume(&u->link.conn);
}

static const struct upstream_ops upstream_ops = {
	.head = send_head,
	.data = send_data,
	.end = send_end,
	.is_blocked = is_blocked,
	.is_full = is_full,
	.flush = flush,
	.resume = resume,
	.release = release,
	.reason = reason,
};

// One that has said something since it became idle, or has ended, is of no use: what it said answers nobody. A request that
// must not be sent twice asks the kernel, too.
static struct upstream_http1 *take_idle(struct worker *w, struct peer *peer, bool is_precious)
{
	while (peer->idle) {
		struct upstream_http1 *u = peer->idle;

		if (u->link.epoch == w->epoch && !io_has_input(&u->link.conn.io, is_precious)) {
			leave_idle(u);
			u->state = UPSTREAM_HTTP1_HEAD;
			u->has_begun = false;
			u->up.is_open = u->up.is_reused = true;
			return u;
		}
		close_upstream(u);
	}
	return NULL;
}

static int open_new(struct upstream_http1 **out, struct stream *s, uint16_t pool, struct peer *peer)
{
	static const char *const http1[] = {"http/1.1", NULL};
	static const char *const both[] = {"h2", "http/1.1", NULL};
	const struct conf_pool *conf = &s->view->site->conf->pools[pool];
	struct upstream_http1 *u = calloc(1, sizeof(*u));
	const char *const *alpn = NULL;
	int rc;

	if (!u)
		return -ENOMEM;
	u->up.ops = &upstream_ops;
	u->link.free.run = free_upstream;
	u->is_asking = conf->protocol == HTTP_AUTO && !s->is_websocket &&
	               !upstream_wants_http1(s->w, peer);
	if (upstream_packs(conf))
		alpn = u->is_asking ? both : http1;
	rc = upstream_conn_open(&u->link, s, pool, peer, alpn, &conn_ops);
	if (rc)
		return rc;
	u->state = UPSTREAM_HTTP1_CONNECTING;
	u->keepalive = conf->keepalive;
	u->is_packed = upstream_packs(conf);
	*out = u;
	return 0;
}

int upstream_http1_take(struct upstream **out, struct stream *s, uint16_t pool, struct peer *peer)
{
	struct upstream_http1 *u = take_idle(s->w, peer, !stream_is_idempotent(s));
	int rc = u ? 0 : open_new(&u, s, pool, peer);

	if (rc)
		return rc;
	u->up.stream = s;
	*out = &u->up;
	return 0;
}

// Those beyond `keepalive` are what a burst has left, and the next burst would have to make anew: they stay for some seconds.
void upstream_http1_sweep(struct peer *peer, uint64_t longer_ms)
{
	uint32_t n = 0;

	for (struct upstream_http1 *u = peer->idle, *next; u; u = next) {
		struct worker *w = u->link.w;
		bool is_spare = n++ >= u->keepalive;
		uint64_t most_ms = is_spare && longer_ms > SPARE_MS ? SPARE_MS : longer_ms;

		next = u->next;
		if (u->link.epoch != w->epoch || w->loop.timers.now_ms - u->idle_ms >= most_ms)
			close_upstream(u);
	}
}
