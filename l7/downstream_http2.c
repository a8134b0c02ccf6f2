// SPDX-License-Identifier: BSD-3-Clause
// HTTP/2 towards clients: many streams on one connection, each a request like HTTP/1's (stream.h). Content that a backend does not
// take waits here, within the window that the client was given.
#include <stdlib.h>

#include "l7/answer.h"
#include "l7/downstream.h"
#include "l7/head.h"
#include "l7/stream_count.h"
#include "l7/stream_grpc.h"
#include "l7/stream_note.h"
#include "l7/tunnel.h"
#include "l7/worker_state.h"

enum {
	STREAM_WINDOW = 262144, // bytes that a client may send ahead, of one request
	SHUTDOWN_MS = 1000,     // from the first GOAWAY to the second, if the PING is not answered
	REST_MS = 1000,         // without a request, until memory is given back
};

// A request and its answer.
struct exchange {
	struct http2_stream h2;
	struct downstream *c;
	struct stream *stream; // NULL: not begun, or over
	struct stream_client from;
	struct buf_chain in;          // content that waits for the backend
	struct buf *trailers;         // that follow it, packed; NULL = none
	struct loop_task task;        // gives `in`, or frees
	struct exchange *next, *prev; // downstream_http2->exchanges
	uint64_t given;               // bytes of the answer
	uint64_t moved; // of these had left when a watch looked last, and one; 0 = none looked
	bool has_content;
	bool is_ended;     // all of the request came
	bool is_end_given; // and was given to the stream
	bool is_tunnel;    // WebSocket
	bool is_closed;    // freed by `task`
};

struct downstream_http2 {
	struct http2 *session;
	struct exchange *exchanges;
	struct exchange *begun; // whose head has not come whole; NULL = none
	uint64_t begun_ms;      // when it began
	uint64_t heard_ms;      // when something came last
	uint64_t shutdown_ms;   // when the first GOAWAY was said; 0 = not
	uint64_t
		watch_ms; // when it is looked whether the client takes what waits; 0 = nothing waits
	bool is_shut;     // the second was
	bool is_over;     // closed, or about to be
	bool is_resting;  // http2_rest()
};

static struct exchange *exchange_of(struct http2_stream *s)
{
	return CONTAINER_OF(s, struct exchange, h2);
}

static struct buf_pool *pool_of(const struct exchange *e)
{
	return &e->c->w->loop.bufs;
}

// --- content of requests ---

static bool takes(const struct exchange *e)
{
	return e->stream && stream_takes(e->stream) && (!e->is_tunnel || e->stream->tunnel);
}

// The client sends no more. Browsers say so right behind their Close: then the backend's is awaited, and its end. Without a
// Close it left, and the tunnel's other end is told.
static void end_tunnel(struct exchange *e)
{
	if (e->stream->tunnel && tunnel_is_closing(e->stream->tunnel))
		return;
	stream_abort(e->stream, ACCESS_CLIENT_ABORT, NULL);
	e->stream = NULL;
	http2_end(&e->h2, NULL);
}

static void give_end(struct exchange *e)
{
	struct fields *trailers = NULL;

	if (!e->stream || !e->is_ended || e->is_end_given || e->in.size)
		return;
	if (e->is_tunnel) {
		end_tunnel(e);
		return;
	}
	if (!takes(e))
		return;
	e->is_end_given = true;
	if (e->trailers) {
		trailers = &e->c->w->trailers;
		head_unpack_fields(trailers, buf_slice(e->trailers));
	}
	stream_end(e->stream, trailers);
}

// What waited, as far as the backend takes it.
static void give_waiting(struct exchange *e)
{
	while (e->in.size && takes(e)) {
		struct slice front = buf_chain_front(&e->in);

		if (!stream_data(e->stream, front))
			break;
		stream_is_full(e->stream); // it was lent: it leaves before it is dropped
		buf_chain_drop(pool_of(e), &e->in, front.len);
		http2_consume(&e->h2, front.len);
	}
	give_end(e);
}

static void run_task(struct loop_task *task)
{
	struct exchange *e = CONTAINER_OF(task, struct exchange, task);

	if (e->is_closed)
		slab_put(&e->c->w->loop.slab, e);
	else
		give_waiting(e);
}

static void defer(struct exchange *e)
{
	loop_defer(&e->c->w->loop, &e->task);
}

static void drop_waiting(struct exchange *e)
{
	size_t n = e->in.size;

	buf_chain_clear(pool_of(e), &e->in);
	buf_put(pool_of(e), e->trailers);
	e->trailers = NULL;
	http2_consume(&e->h2, n);
}

// --- time ---

static uint64_t idle_ms(const struct downstream *c)
{
	const struct conf_l7 *l7 = downstream_l7(c);

	return l7 ? l7->timeouts.client_idle_ms : 0;
}

static void sooner(uint64_t *at, uint64_t begin, uint64_t delay_ms)
{
	if (delay_ms && begin + delay_ms < *at)
		*at = begin + delay_ms;
}

// The timer fires when the first of these may be due.
static void arm(struct downstream *c)
{
	const struct downstream_http2 *d = c->http2;
	const struct conf_l7 *l7 = downstream_l7(c);
	uint64_t now = c->w->loop.timers.now_ms, at = UINT64_MAX;

	if (d->is_over)
		return;
	if (l7 && !c->n_requests)
		sooner(&at, c->begun_ms, l7->timeouts.header_ms);
	if (l7 && d->begun)
		sooner(&at, d->begun_ms, l7->timeouts.header_ms);
	if (l7 && !d->shutdown_ms)
		sooner(&at, c->begun_ms, l7->timeouts.max_age_ms);
	if (l7 && d->exchanges)
		sooner(&at, d->heard_ms, l7->timeouts.ping_ms);
	if (!d->exchanges)
		sooner(&at, d->heard_ms, idle_ms(c));
	if (!d->exchanges && !d->is_resting)
		sooner(&at, d->heard_ms, REST_MS);
	if (d->shutdown_ms && !d->is_shut)
		sooner(&at, d->shutdown_ms, SHUTDOWN_MS);
	if (d->watch_ms)
		sooner(&at, d->watch_ms, 1);
	loop_timer_stop(&c->w->loop, &c->timer);
	if (at != UINT64_MAX)
		loop_timer_start(&c->w->loop, &c->timer, at > now ? at - now : 1);
}

// Bytes wait for the client, here or in the kernel: it is to take some of them in client_idle_ms.
static void watch(struct downstream *c)
{
	struct downstream_http2 *d = c->http2;

	if (d->watch_ms || !idle_ms(c))
		return;
	d->watch_ms = c->w->loop.timers.now_ms + idle_ms(c);
	c->stalled = io_unsent(&c->conn.io);
	arm(c);
}

static void leave(struct downstream *c)
{
	struct downstream_http2 *d = c->http2;

	if (d->is_over)
		return;
	d->is_over = true;
	http2_flush(d->session);
	http2_close(d->session, HTTP2_CANCEL);
	downstream_linger(c);
}

// For something that it did, and not in a request.
static void give_up(struct downstream *c, const char *reason)
{
	c->w->counters->http2_errors++;
	stream_count_refused(c->w, &c->from, 0);
	stream_note_refused(c->w, &c->from, downstream_l7(c),
	                    &(struct stream_refusal){.reason = reason});
	leave(c);
}

// One that takes nothing of what is there for it, though its window would be the client's to open.
static void cut_if_stuck(struct exchange *e)
{
	uint64_t moved = e->given - e->h2.n_out + 1;
	bool is_stuck = e->h2.n_out && moved == e->moved;

	e->moved = moved;
	if (!is_stuck)
		return;
	if (e->stream)
		stream_abort(e->stream, ACCESS_CLIENT_TIMEOUT, "takes nothing of the answer");
	e->stream = NULL;
	http2_reset(&e->h2, HTTP2_CANCEL);
}

static void check_watched(struct downstream *c)
{
	struct downstream_http2 *d = c->http2;
	size_t queued = io_unsent(&c->conn.io);
	bool is_waiting = queued;

	d->watch_ms = 0;
	if (queued && queued >= c->stalled) {
		downstream_close(c, true);
		return;
	}
	for (struct exchange *e = d->exchanges, *next; e; e = next) {
		next = e->next;
		cut_if_stuck(e);
		is_waiting |= e->h2.n_out > 0;
	}
	if (is_waiting)
		watch(c);
}

static void shut_down(struct downstream *c)
{
	struct downstream_http2 *d = c->http2;

	d->is_shut = d->shutdown_ms;
	if (!d->shutdown_ms)
		d->shutdown_ms = c->w->loop.timers.now_ms;
	http2_shutdown(d->session);
}

static bool is_past(const struct downstream *c, uint64_t begin, uint64_t delay_ms)
{
	return delay_ms && c->w->loop.timers.now_ms >= begin + delay_ms;
}

// The first GOAWAY, or the second.
static bool is_shutdown_due(const struct downstream *c, const struct conf_l7 *l7)
{
	const struct downstream_http2 *d = c->http2;

	if (d->shutdown_ms)
		return !d->is_shut && is_past(c, d->shutdown_ms, SHUTDOWN_MS);
	return !l7 || is_past(c, c->begun_ms, l7->timeouts.max_age_ms);
}

// Nothing was heard for ping_ms while requests run.
static void check_alive(struct downstream *c)
{
	struct downstream_http2 *d = c->http2;

	if (http2_is_pinged(d->session)) {
		downstream_close(c, true);
		return;
	}
	http2_ping(d->session);
	d->heard_ms = c->w->loop.timers.now_ms;
}

void downstream_http2_timer(struct downstream *c)
{
	struct downstream_http2 *d = c->http2;
	const struct conf_l7 *l7 = downstream_l7(c);

	if (d->is_over)
		return;
	if (is_shutdown_due(c, l7))
		shut_down(c);
	if (l7 && d->begun && is_past(c, d->begun_ms, l7->timeouts.header_ms)) {
		shut_down(c);
		shut_down(c);
		give_up(c, "head did not come in time");
		return;
	}
	if ((l7 && !c->n_requests && is_past(c, c->begun_ms, l7->timeouts.header_ms)) ||
	    (!d->exchanges && is_past(c, d->heard_ms, idle_ms(c)))) {
		shut_down(c);
		shut_down(c);
		leave(c);
		return;
	}
	if (d->watch_ms && d->watch_ms <= c->w->loop.timers.now_ms)
		check_watched(c);
	if (!d->exchanges && !d->is_resting && is_past(c, d->heard_ms, REST_MS)) {
		http2_rest(d->session);
		d->is_resting = true;
	}
	if (c->state == DOWNSTREAM_HTTP2 && l7 && d->exchanges &&
	    is_past(c, d->heard_ms, l7->timeouts.ping_ms))
		check_alive(c);
	if (c->state == DOWNSTREAM_HTTP2)
		arm(c);
}

// --- what a stream tells its client ---

static bool respond(void *client, struct response *r)
{
	struct exchange *e = client;

	return http2_respond(&e->h2, r);
}

static bool interim(void *client, struct response *r)
{
	struct exchange *e = client;

	return http2_interim(&e->h2, r);
}

static void send_content(void *client, struct slice bytes)
{
	struct exchange *e = client;

	e->given += bytes.len;
	http2_data(&e->h2, bytes);
}

static void end_content(void *client, const struct fields *trailers)
{
	struct exchange *e = client;

	http2_end(&e->h2, trailers);
}

static size_t pending(void *client)
{
	struct exchange *e = client;

	if (!http2_is_blocked(&e->h2))
		return 0;
	watch(e->c);
	return e->h2.n_out;
}

static size_t unsent(void *client)
{
	struct exchange *e = client;

	return http2_unsent(&e->h2);
}

static size_t untaken(void *client)
{
	struct exchange *e = client;

	return e->h2.n_out + io_unsent(&e->c->conn.io);
}

static void pause_request(void *client, bool is_on)
{
	struct exchange *e = client;

	if (!is_on && (e->in.size || e->is_ended))
		defer(e);
}

static void finished(void *client, bool is_broken)
{
	struct exchange *e = client;

	e->stream = NULL;
	if (is_broken && !e->is_tunnel)
		http2_reset(&e->h2, HTTP2_INTERNAL_ERROR);
	else
		http2_end(&e->h2, NULL);
	drop_waiting(e);
}

static const struct stream_ops stream_ops = {
	.respond = respond,
	.interim = interim,
	.data = send_content,
	.end = end_content,
	.pending = pending,
	.unsent = unsent,
	.untaken = untaken,
	.pause = pause_request,
	.finished = finished,
};

// --- what the connection tells ---

static struct downstream *connection_of(struct http2 *h)
{
	return http2_owner(h);
}

static struct http2_stream *on_open(struct http2 *h)
{
	struct downstream *c = connection_of(h);
	struct exchange *e = slab_get_zero(&c->w->loop.slab, sizeof(*e));

	if (!e)
		return NULL;
	e->c = c;
	e->task.run = run_task;
	e->from = c->from;
	e->from.ops = &stream_ops;
	e->from.client = e;
	e->from.minor = MESSAGE_HTTP2;
	e->from.started_ns = c->w->loop.now_ns;
	e->next = c->http2->exchanges;
	if (e->next)
		e->next->prev = e;
	c->http2->exchanges = e;
	c->http2->begun = e;
	c->http2->begun_ms = c->w->loop.timers.now_ms;
	c->n_requests++;
	c->conn.io.may_starve = false;
	c->w->counters->http2_streams++;
	c->http2->is_resting = false;
	if (!e->next && !c->http2->is_over)
		arm(c); // for the PING, which nobody needs between requests
	return &e->h2;
}

static void on_request(struct http2_stream *s, struct request *r)
{
	struct exchange *e = exchange_of(s);
	struct downstream *c = e->c;

	c->http2->begun = NULL;
	if (!downstream_l7(c)) {
		http2_reset(s, HTTP2_REFUSED_STREAM);
		return;
	}
	e->is_tunnel = r->upgrade.len > 0;
	e->has_content = r->body != BODY_NONE && (r->body != BODY_LENGTH || r->content_length);
	stream_new(&e->stream, c->w, &e->from, c->listener->l7, r);
}

static void on_refused(struct http2_stream *s, uint16_t status, const char *reason)
{
	struct exchange *e = exchange_of(s);
	struct worker *w = e->c->w;
	char space[256], date[ANSWER_DATE_SIZE], more[1024];
	struct text content = text_of(space, sizeof(space)), scratch = text_of(more, sizeof(more));
	struct answer a = answer_error(status, reason, &content);
	struct stream_refusal refusal = {.status = status, .reason = reason};

	e->c->http2->begun = NULL;
	stream_count_refused(w, &e->from, status);
	if (stream_grpc_refuse(w, &refusal, &scratch))
		a.body.len = 0;
	else
		answer_response(&w->response, &a, date);
	if (http2_respond(s, &w->response))
		http2_data(s, a.body);
	http2_end(s, NULL);
	refusal.bytes_out = a.body.len;
	stream_note_refused(w, &e->from, downstream_l7(e->c), &refusal);
}

static void on_data(struct http2_stream *s, struct slice bytes)
{
	struct exchange *e = exchange_of(s);

	if (!e->stream) {
		http2_consume(s, bytes.len);
		return;
	}
	if (e->in.size || !takes(e)) {
		if (buf_is_full(pool_of(e)) || !buf_chain_add(pool_of(e), &e->in, bytes))
			stream_refuse(e->stream, 503, "no memory for the request's content");
		return;
	}
	http2_consume(
		s,
		bytes.len); // it leaves when this callback returns, or waits for the backend's connection
	if (!stream_data(e->stream, bytes))
		return; // refused, and answered
}

// Kept until what came before them is given.
static void keep_trailers(struct exchange *e, const struct fields *trailers)
{
	struct text t;

	e->trailers = buf_get(pool_of(e), BUF_HUGE_SIZE);
	if (!e->trailers)
		return;
	t = text_of(e->trailers->data, e->trailers->size);
	head_pack_fields(&t, trailers);
	e->trailers->end = (uint32_t)t.len; // it fits: limits.header is half of that
}

static void on_end(struct http2_stream *s, const struct fields *trailers)
{
	struct exchange *e = exchange_of(s);

	if (!e->stream || !(e->has_content || e->is_tunnel))
		return;
	e->is_ended = true;
	if (trailers && !e->is_tunnel)
		keep_trailers(e, trailers);
	give_end(e);
}

static void on_stream_drained(struct http2_stream *s)
{
	struct exchange *e = exchange_of(s);

	if (e->stream)
		stream_drained(e->stream);
}

static void on_closed(struct http2_stream *s, enum http2_error error, bool is_unprocessed)
{
	struct exchange *e = exchange_of(s);
	struct downstream *c = e->c;

	if (e->stream)
		stream_abort(e->stream, ACCESS_CLIENT_ABORT, http2_error_text(error));
	e->stream = NULL;
	c->w->counters->http2_resets += error != HTTP2_NO_ERROR;
	drop_waiting(e);
	if (c->http2->begun == e)
		c->http2->begun = NULL;
	*(e->prev ? &e->prev->next : &c->http2->exchanges) = e->next;
	if (e->next)
		e->next->prev = e->prev;
	e->is_closed = true;
	defer(e);
	if (c->http2->is_over || c->http2->exchanges)
		return;
	c->conn.io.may_starve = true;
	c->http2->heard_ms = c->w->loop.timers.now_ms;
	arm(c);
}

static void on_over(struct http2 *h)
{
	struct downstream *c = connection_of(h);

	leave(c);
}

static const struct http2_ops ops = {
	.open = on_open,
	.request = on_request,
	.refused = on_refused,
	.data = on_data,
	.end = on_end,
	.drained = on_stream_drained,
	.closed = on_closed,
	.over = on_over,
};

// --- the connection ---

// Room for what each stream may hold: those whose backends take nothing are not to stop the others. Twice: nghttp2 gives back when half of
// it was used up.
static uint32_t connection_window(uint32_t n_streams)
{
	uint64_t window = UINT64_C(2) * STREAM_WINDOW * n_streams;

	return window < INT32_MAX ? (uint32_t)window : INT32_MAX;
}

void downstream_http2_begin(struct downstream *c)
{
	const struct conf_l7 *l7 = downstream_l7(c);
	struct downstream_http2 *d = l7 ? calloc(1, sizeof(*d)) : NULL;
	struct http2_setup setup;

	c->state = DOWNSTREAM_HTTP2;
	if (!d) {
		downstream_linger(c);
		return;
	}
	setup = (struct http2_setup){
		.conn = &c->conn,
		.ops = &ops,
		.owner = c,
		.request = &c->w->request,
		.response = &c->w->response,
		.trailers = &c->w->trailers,
		.limits = {.line = l7->limits.line,
	                   .head = l7->limits.header,
	                   .fields = l7->limits.headers},
		.n_streams = l7->limits.streams,
		.stream_window = STREAM_WINDOW,
		.connection_window = connection_window(l7->limits.streams),
		.is_server = true,
	};
	if (http2_new(&d->session, &setup)) {
		free(d);
		downstream_close(c, true);
		return;
	}
	c->from.minor = MESSAGE_HTTP2;
	c->http2 = d;
	c->conn.io.most = LOOP_RECEIVE_SIZE;
	c->w->counters->http2_connections++;
	downstream_speaks(c, TELEMETRY_HTTP2);
	d->heard_ms = c->w->loop.timers.now_ms;
	if (c->w->is_draining)
		shut_down(c); // it was connecting when the others were told
	arm(c);
}

size_t downstream_http2_received(struct downstream *c, struct slice bytes)
{
	struct downstream_http2 *d = c->http2;
	struct exchange *begun = d->begun;
	int rc;

	if (d->is_over)
		return bytes.len;
	d->heard_ms = c->w->loop.timers.now_ms;
	rc = http2_receive(d->session, bytes);
	if (d->is_over)
		return bytes.len;
	if (rc)
		give_up(c, http2_reason(d->session));
	else if (d->begun && d->begun != begun)
		arm(c);
	return bytes.len;
}

void downstream_http2_drained(struct downstream *c)
{
	if (!c->http2->is_over)
		http2_drained(c->http2->session);
}

void downstream_http2_shutdown(struct downstream *c)
{
	if (c->http2->is_over || c->http2->shutdown_ms)
		return;
	shut_down(c);
	arm(c);
}

void downstream_http2_close(struct downstream *c)
{
	struct downstream_http2 *d = c->http2;

	if (!d || d->is_over)
		return;
	d->is_over = true;
	if (io_is_open(&c->conn.io))
		http2_flush(d->session);
	http2_close(d->session, HTTP2_CANCEL);
}
