// SPDX-License-Identifier: BSD-3-Clause
#include "l7/exchange.h"

#include "l7/answer.h"
#include "l7/head.h"
#include "l7/stream_count.h"
#include "l7/stream_grpc.h"
#include "l7/stream_note.h"
#include "l7/tunnel.h"
#include "l7/worker_state.h"

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
	downstream_http2_watch(e->c);
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
		downstream_http2_arm(c); // for the PING, which nobody needs between requests
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
	downstream_http2_arm(c);
}

const struct http2_ops exchange_ops = {
	.open = on_open,
	.request = on_request,
	.refused = on_refused,
	.data = on_data,
	.end = on_end,
	.drained = on_stream_drained,
	.closed = on_closed,
	.over = downstream_http2_over,
};

void exchange_cut_if_stuck(struct exchange *e)
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
