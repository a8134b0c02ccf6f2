// SPDX-License-Identifier: BSD-3-Clause
#include "l7/upstream.h"

#include <errno.h>
#include <stdlib.h>

#include "l7/proxy_protocol.h"
#include "l7/stream.h"
#include "l7/worker_state.h"

// Of a backend's answer: generous, as backends are ours.
static const struct http1_limits limits = {.line = 16384, .head = 65536, .fields = 256};

static struct upstream *upstream_of(struct conn *c)
{
	return CONTAINER_OF(c, struct upstream, conn);
}

static void free_upstream(struct loop_task *task)
{
	free(CONTAINER_OF(task, struct upstream, free));
}

static void leave_idle(struct upstream *u)
{
	*(u->prev ? &u->prev->next : &u->peer->idle) = u->next;
	if (u->next)
		u->next->prev = u->prev;
	u->next = u->prev = NULL;
	u->peer->n_idle--;
}

static void close_upstream(struct upstream *u)
{
	if (u->state == UPSTREAM_CLOSED)
		return;
	if (u->state == UPSTREAM_IDLE)
		leave_idle(u);
	u->state = UPSTREAM_CLOSED;
	u->w->counters.upstream_open--;
	conn_close(&u->conn);
	view_peer_put(u->w, u->peer);
	loop_defer(&u->w->loop, &u->free);
}

// --- the answer ---

static void finish_answer(struct upstream *u, const struct fields *trailers)
{
	u->state = UPSTREAM_DONE;
	stream_body_end(u->stream, trailers);
}

static void begin_content(struct upstream *u, const struct response *r)
{
	static const uint8_t states[BODY_COUNT] = {
		[BODY_NONE] = UPSTREAM_DONE,     [BODY_LENGTH] = UPSTREAM_BODY,
		[BODY_CHUNKED] = UPSTREAM_BODY,  [BODY_UNTIL_CLOSE] = UPSTREAM_BODY,
		[BODY_TUNNEL] = UPSTREAM_TUNNEL,
	};

	u->body = r->body;
	u->left = r->content_length;
	u->is_persistent = r->is_persistent && r->body != BODY_UNTIL_CLOSE;
	u->chunked = (struct http1_chunked){0};
	u->state = states[r->body];
	if (u->body == BODY_LENGTH && !u->left)
		u->state = UPSTREAM_DONE;
}

// Returns the bytes consumed; 0 for more.
static size_t take_head(struct upstream *u, struct slice in)
{
	struct response *r = &u->w->response;
	struct stream *s = u->stream;
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
	if (u->stream && u->state == UPSTREAM_DONE)
		stream_body_end(s, NULL);
	return (size_t)n;
}

static size_t take_length(struct upstream *u, struct slice in)
{
	size_t n = in.len < u->left ? in.len : (size_t)u->left;

	u->left -= n;
	stream_body(u->stream, slice_of(in.ptr, n));
	if (u->stream && !u->left)
		finish_answer(u, NULL);
	return n;
}

static size_t take_chunks(struct upstream *u, struct slice in)
{
	struct slice data;
	ssize_t n = http1_decode_chunks(&u->chunked, in, &data);

	if (n < 0) {
		stream_malformed(u->stream, http1_error_text[-n]);
		return in.len;
	}
	if (data.len)
		stream_body(u->stream, data);
	if (u->stream && u->chunked.is_at_trailers)
		u->state = UPSTREAM_TRAILERS;
	return (size_t)n;
}

static size_t take_trailers(struct upstream *u, struct slice in)
{
	struct fields *trailers = &u->w->trailers;
	ssize_t n = http1_parse_trailers(trailers, in, u->seen, &limits);

	if (n < 0) {
		stream_malformed(u->stream, http1_error_text[-n]);
		return in.len;
	}
	u->seen = n ? 0 : (uint32_t)in.len;
	if (n)
		finish_answer(u, trailers->n ? trailers : NULL);
	return (size_t)n;
}

static size_t take(struct upstream *u, struct slice in)
{
	switch (u->state) {
	case UPSTREAM_HEAD:
		return take_head(u, in);
	case UPSTREAM_TRAILERS:
		return take_trailers(u, in);
	case UPSTREAM_BODY:
		if (u->body == BODY_LENGTH)
			return take_length(u, in);
		if (u->body == BODY_CHUNKED)
			return take_chunks(u, in);
		break;
	}
	stream_body(u->stream, in);
	return in.len;
}

// A stream may end, and let go of the connection, in each of these steps.
static size_t on_received(struct conn *c, struct slice bytes)
{
	struct upstream *u = upstream_of(c);
	size_t used = 0;

	while (used < bytes.len && u->stream && u->state != UPSTREAM_DONE) {
		size_t n = take(u, slice_of(bytes.ptr + used, bytes.len - used));

		if (!n)
			break;
		used += n;
	}
	if (!u->stream) {
		// Idle, and yet it speaks: who knows whose answer that would become.
		if (used < bytes.len)
			close_upstream(u);
		return bytes.len;
	}
	if (stream_is_blocked(u->stream))
		conn_pause(c);
	return used;
}

static bool has_answered(const struct upstream *u)
{
	return u->state != UPSTREAM_HEAD || u->has_begun;
}

static void on_ended(struct conn *c)
{
	struct upstream *u = upstream_of(c);
	struct stream *s = u->stream;

	if (!s)
		close_upstream(u);
	else if (u->state == UPSTREAM_TUNNEL ||
	         (u->state == UPSTREAM_BODY && u->body == BODY_UNTIL_CLOSE && !c->is_truncated))
		finish_answer(u, NULL);
	else
		stream_failed(s, -ECONNRESET, !has_answered(u));
}

static void on_failed(struct conn *c, int error)
{
	struct upstream *u = upstream_of(c);

	if (u->stream)
		stream_failed(u->stream, error,
		              u->state != UPSTREAM_CONNECTING && !has_answered(u));
	else
		close_upstream(u);
}

static void on_opened(struct conn *c)
{
	struct upstream *u = upstream_of(c);

	u->state = UPSTREAM_HEAD;
	stream_opened(u->stream);
}

static void on_drained(struct conn *c)
{
	struct upstream *u = upstream_of(c);

	if (u->stream)
		stream_upstream_drained(u->stream);
}

// While paused, for a client that is slow: what it sent is still to be received.
static void on_hung_up(struct conn *c)
{
}

static const struct conn_ops ops = {
	.received = on_received,
	.opened = on_opened,
	.ended = on_ended,
	.drained = on_drained,
	.hung_up = on_hung_up,
	.failed = on_failed,
};

// --- taking and giving back ---

// One that has said something since it became idle, or has ended, is of no use: what it said answers nobody. A request that
// must not be sent twice asks the kernel, too.
static struct upstream *take_idle(struct worker *w, struct peer *peer, bool is_precious)
{
	while (peer->idle) {
		struct upstream *u = peer->idle;

		if (u->epoch == w->epoch && !io_has_input(&u->conn.io, is_precious)) {
			leave_idle(u);
			u->state = UPSTREAM_HEAD;
			u->has_begun = false;
			return u;
		}
		close_upstream(u);
	}
	return NULL;
}

// Says on whose behalf the connection is made; before TLS.
static void send_proxy_header(struct upstream *u, const struct stream_client *from)
{
	struct proxy_protocol p = {
		.source = from->address,
		.destination = from->local,
		.source_port = from->port,
		.destination_port = from->local_port,
	};
	uint8_t header[PROXY_PROTOCOL_WRITE_MAX];

	conn_send(&u->conn, slice_of(header, proxy_protocol_write(header, &p)));
	conn_flush(&u->conn);
	u->is_private = true;
}

static int start_tls(struct upstream *u, struct tls_client *tls, const struct conf_pool *pool)
{
	char address[ADDR_TEXT_SIZE];
	const char *name = pool->tls.server_name;

	u->is_secure = true;
	return conn_start_tls_client(&u->conn, tls,
	                             name ? name : addr_text(&u->peer->address, address));
}

static int open_new(struct upstream **out, struct stream *s, uint16_t pool, struct peer *peer)
{
	const struct conf_pool *conf = &s->view->site->conf->pools[pool];
	struct tls_client *tls = s->view->kit->clients[pool];
	struct worker *w = s->w;
	struct upstream *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return -ENOMEM;
	rc = conn_connect(&u->conn, &w->loop, &peer->address, peer->port, &ops);
	if (rc) {
		free(u);
		return rc;
	}
	u->w = w;
	u->peer = view_peer_get(peer);
	u->state = UPSTREAM_CONNECTING;
	u->keepalive = conf->keepalive;
	u->epoch = w->epoch;
	u->free.run = free_upstream;
	w->counters.upstream_open++;
	if (conf->proxy_protocol)
		send_proxy_header(u, s->from);
	if (tls && start_tls(u, tls, conf)) {
		close_upstream(u);
		return -ENOMEM;
	}
	*out = u;
	return 0;
}

int upstream_take(struct upstream **out, struct stream *s, uint16_t pool, uint16_t backend)
{
	struct peer *peer = view_peer(s->view, pool, backend);
	struct upstream *u = take_idle(s->w, peer, !stream_is_idempotent(s));
	int rc = 0;

	if (u)
		s->w->counters.upstream_reuses++;
	else
		rc = open_new(&u, s, pool, peer);
	if (rc) {
		s->w->counters.upstream_failures++;
		return rc;
	}
	if (u->state == UPSTREAM_CONNECTING)
		s->w->counters.upstream_connects++;
	u->stream = s;
	*out = u;
	return 0;
}

static bool is_reusable(const struct upstream *u)
{
	return u->state == UPSTREAM_DONE && u->is_persistent && !u->is_private && !u->conn.held &&
	       !u->conn.is_ended && !u->conn.is_broken && !conn_pending(&u->conn) &&
	       u->peer->n_idle < u->keepalive && u->peer->n_views && u->epoch == u->w->epoch &&
	       !u->w->is_draining;
}

void upstream_release(struct upstream *u, bool may_reuse)
{
	u->stream = NULL;
	if (!may_reuse || !is_reusable(u)) {
		close_upstream(u);
		return;
	}
	u->state = UPSTREAM_IDLE;
	u->seen = 0;
	u->n_requests++;
	u->idle_ms = u->w->loop.timers.now_ms;
	u->next = u->peer->idle;
	if (u->next)
		u->next->prev = u;
	u->peer->idle = u;
	u->peer->n_idle++;
	conn_resume(&u->conn);
}

void upstream_sweep(struct worker *w, uint64_t longer_ms)
{
	for (struct peer *p = w->peers, *next_peer; p; p = next_peer) {
		next_peer = p->next; // closing may free the peer
		for (struct upstream *u = p->idle, *next; u; u = next) {
			next = u->next;
			if (u->epoch != w->epoch || w->loop.timers.now_ms - u->idle_ms >= longer_ms)
				close_upstream(u);
		}
	}
}

// --- the request ---

void upstream_head(struct upstream *u, struct slice head, uint8_t request_body)
{
	u->request_body = request_body;
	conn_send(&u->conn, head);
}

void upstream_data(struct upstream *u, struct slice bytes)
{
	struct text size;

	if (!bytes.len)
		return;
	if (u->request_body != BODY_CHUNKED || u->state == UPSTREAM_TUNNEL) {
		conn_send(&u->conn, bytes);
		return;
	}
	size = conn_scratch(&u->conn, 32);
	http1_write_chunk_size(&size, bytes.len);
	conn_scratch_keep(&u->conn, &size);
	conn_send(&u->conn, text_slice(&size));
	conn_send(&u->conn, bytes);
	conn_send(&u->conn, slice_of("\r\n", 2));
}

void upstream_end(struct upstream *u, const struct fields *trailers)
{
	struct text end;

	if (u->request_body != BODY_CHUNKED)
		return;
	end = conn_scratch(&u->conn, CONN_SCRATCH);
	http1_write_last_chunk(&end, trailers);
	conn_scratch_keep(&u->conn, &end);
	conn_send(&u->conn, text_slice(&end));
}
