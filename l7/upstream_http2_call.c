// SPDX-License-Identifier: BSD-3-Clause
#include "l7/upstream_http2_call.h"

#include <errno.h>
#include <stdio.h>

#include "l7/head.h"
#include "l7/stream.h"
#include "l7/stream_replay.h"
#include "l7/upstream_http2_window.h"
#include "l7/worker_state.h"

enum { HANGS_MS = 1000 }; // connecting for so long: nobody else should wait for it

static struct upstream_http2_call *of(struct upstream *up)
{
	return CONTAINER_OF(up, struct upstream_http2_call, up);
}

static struct upstream_http2_call *of_stream(struct http2_stream *s)
{
	return CONTAINER_OF(s, struct upstream_http2_call, h2);
}

static void free_call(struct loop_task *task)
{
	struct upstream_http2_call *call = CONTAINER_OF(task, struct upstream_http2_call, free);

	slab_put(call->slab, call);
}

// Neither a stream nor http2 knows it any more.
static void forget(struct upstream_http2_call *call)
{
	loop_defer(&call->on->link.w->loop, &call->free);
}

void upstream_http2_call_leave(struct upstream_http2_call *call)
{
	struct upstream_http2 *c = call->on;
	struct upstream_http2_call **at = &c->waiting;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	if (!*at)
		c->waiting_end = at;
	call->is_waiting = false;
	c->n_waiting--;
}

// --- requests ---

static bool can_send(const struct upstream_http2 *c)
{
	uint32_t n;

	if (!c->http2 || c->is_closing || !http2_room(c->http2))
		return false;
	n = http2_n_streams(c->http2);
	return n < c->conf.streams && (c->has_settings || !n);
}

// A WebSocket needs to know more than that.
static bool can_take(const struct upstream_http2 *c, const struct stream *s)
{
	return can_send(c) && (!s->is_websocket || c->has_settings);
}

static int send_head(struct upstream *up, struct slice head, uint8_t body)
{
	struct upstream_http2_call *call = of(up);
	struct request *r = &call->on->link.w->request;
	int rc;

	head_unpack(r, head);
	rc = http2_request(call->on->http2, &call->h2, r, call->on->link.is_secure);
	if (rc)
		return rc;
	call->on->link.w->counters->http2_upstream_streams++;
	upstream_http2_watch(call->on);
	return 0;
}

static void send_data(struct upstream *up, struct slice bytes)
{
	http2_data(&of(up)->h2, bytes);
}

static void send_end(struct upstream *up, const struct fields *trailers)
{
	http2_end(&of(up)->h2, trailers);
}

static bool is_blocked(struct upstream *up)
{
	return http2_is_blocked(&of(up)->h2);
}

static void flush(struct upstream *up)
{
	http2_flush(of(up)->on->http2);
}

static const char *reason(struct upstream *up)
{
	struct upstream_http2_call *call = of(up);

	if (call->reason[0])
		return call->reason;
	return call->on->reason[0] ? call->on->reason : conn_reason(&call->on->link.conn);
}

// What is left of it is not wanted: the backend is told at once. It may have answered without taking the content, and never give the
// window that the rest waits for.
static void release(struct upstream *up, bool may_reuse)
{
	struct upstream_http2_call *call = of(up);
	struct upstream_http2 *c = call->on;

	upstream_http2_window_narrow(call);
	up->stream = NULL;
	c->n_calls--;
	if (call->is_waiting)
		upstream_http2_call_leave(call);
	if (!call->h2.http2 || call->is_over)
		forget(call); // else on_closed() is still to come, also when h2.id is 0
	else if (!may_reuse || !call->is_ended || call->h2.n_out)
		http2_reset(&call->h2, call->is_ended ? HTTP2_NO_ERROR : HTTP2_CANCEL);
	if (!c->http2 && c->link.w->loop.timers.now_ms - c->begun_ms >= HANGS_MS)
		upstream_http2_unlist(c);
	upstream_http2_close_if_useless(c);
}

static const struct upstream_ops upstream_ops = {
	.head = send_head,
	.data = send_data,
	.end = send_end,
	.is_blocked = is_blocked,
	.is_full = is_blocked,
	.flush = flush,
	.resume = upstream_http2_window_resume,
	.release = release,
	.reason = reason,
};

// --- requests that wait ---

static void begin_waiting(struct upstream_http2_call *call)
{
	struct upstream_http2 *c = call->on;

	call->is_waiting = true;
	call->next = NULL;
	*c->waiting_end = call;
	c->waiting_end = &call->next;
	c->n_waiting++;
}

// Those that this connection cannot serve find another way, the last of them first to leave.
static void send_away(struct upstream_http2 *c)
{
	struct upstream_http2_call *last = c->waiting;

	while (last->next)
		last = last->next;
	stream_again(last->up.stream);
}

void upstream_http2_call_send_waiting(struct upstream_http2 *c)
{
	while (c->waiting && can_take(c, c->waiting->up.stream)) {
		struct upstream_http2_call *call = c->waiting;

		upstream_http2_call_leave(call);
		if (call->up.stream->is_websocket && !http2_takes_websockets(c->http2)) {
			stream_again(call->up.stream);
			continue;
		}
		call->up.is_open = true;
		stream_opened(call->up.stream);
	}
}

// It has room, while others of the same backend have a queue and may not be joined by one more.
static void help_others(struct upstream_http2 *c)
{
	const struct peer *peer = c->link.peer;
	struct upstream_http2 *d = peer->http2;

	if (c->waiting || c->link.is_private || peer->n_http2 < c->conf.connections ||
	    !c->is_listed || !can_send(c))
		return;
	while (d && !(d->waiting && d->has_settings))
		d = d->next;
	if (d)
		stream_again(d->waiting->up.stream);
}

void upstream_http2_call_settle(struct upstream_http2 *c)
{
	struct peer *peer = c->link.peer;

	c->has_new_settings = false;
	c->has_settings = true;
	peer->http2_streams = http2_n_streams(c->http2) + http2_room(c->http2);
	peer->websockets = http2_takes_websockets(c->http2) ? PEER_YES : PEER_NO;
	upstream_http2_call_send_waiting(c);
	while (c->waiting && peer->n_http2 < c->conf.connections && !c->is_closing)
		send_away(c);
}

// --- what http2 tells ---

static void on_response(struct http2_stream *h, struct response *r)
{
	struct upstream_http2_call *call = of_stream(h);

	call->on->is_quiet = false;
	call->on->has_served = call->has_begun = true;
	if (!call->up.stream)
		return;
	if (r->status < 200 && r->status != 101)
		stream_interim(call->up.stream, r);
	else
		stream_response(call->up.stream, r);
}

static void on_data(struct http2_stream *h, struct slice bytes)
{
	struct upstream_http2_call *call = of_stream(h);
	struct upstream_http2 *c = call->on;

	c->is_quiet = false;
	if (!call->up.stream)
		return;
	upstream_http2_window_note(call, bytes.len);
	stream_body(call->up.stream, bytes);
}

static void on_end(struct http2_stream *h, const struct fields *trailers)
{
	struct upstream_http2_call *call = of_stream(h);

	call->is_ended = true;
	if (call->up.stream)
		stream_body_end(call->up.stream, trailers);
}

static void on_stream_drained(struct http2_stream *h)
{
	struct upstream_http2_call *call = of_stream(h);

	if (call->up.stream)
		stream_upstream_drained(call->up.stream);
}

static void ask_by_http1(struct upstream_http2 *c)
{
	if (c->protocol == HTTP_AUTO)
		c->link.peer->http1_until_ms = c->link.w->loop.timers.now_ms + UPSTREAM_HTTP1_MS;
}

// It was refused because the backend wants HTTP/1.1 for it, and that is possible. A call of gRPC knows no other protocol.
static bool is_for_http1(const struct upstream_http2_call *call)
{
	const struct upstream_http2 *c = call->on;
	const struct stream *s = call->up.stream;

	return c->protocol == HTTP_AUTO && upstream_wants_http1(c->link.w, c->link.peer) &&
	       !call->has_begun && !s->grpc && stream_replay_is_possible(s);
}

static void tell_failed(struct upstream_http2_call *call, enum http2_error error,
                        bool is_unprocessed)
{
	struct upstream_http2 *c = call->on;
	struct stream *s = call->up.stream;

	if (c->is_closing) {
		stream_failed(s, c->error, call->has_begun ? STREAM_BEGUN : STREAM_SILENT);
		return;
	}
	if (error == HTTP2_HTTP_1_1_REQUIRED)
		ask_by_http1(c);
	if ((error == HTTP2_HTTP_1_1_REQUIRED || is_unprocessed) && is_for_http1(call)) {
		stream_again(s);
		return;
	}
	stream_was_reset(s, error);
	snprintf(call->reason, sizeof(call->reason), "reset by the backend: %s",
	         http2_error_text(error));
	if (is_unprocessed && !call->has_begun) {
		c->link.w->counters->http2_upstream_refused++;
		stream_failed(s, -ECONNRESET, STREAM_UNPROCESSED);
		return;
	}
	stream_failed(s, -ECONNRESET, STREAM_BEGUN);
}

static void on_closed(struct http2_stream *h, enum http2_error error, bool is_unprocessed)
{
	struct upstream_http2_call *call = of_stream(h);
	struct upstream_http2 *c = call->on;

	call->is_over = true;
	if (call->up.stream)
		tell_failed(call, error, is_unprocessed);
	else
		forget(call);
	if (c->is_closing)
		return;
	upstream_http2_call_send_waiting(c);
	help_others(c);
	upstream_http2_close_if_useless(c);
}

static void on_settings(struct http2 *h)
{
	struct upstream_http2 *c = http2_owner(h);

	c->has_new_settings = true;
}

static void on_goaway(struct http2 *h, enum http2_error error)
{
	struct upstream_http2 *c = http2_owner(h);

	if (error == HTTP2_HTTP_1_1_REQUIRED)
		ask_by_http1(c);
	c->link.w->counters->http2_upstream_goaways++;
	c->has_goaway = true;
	upstream_http2_unlist(c);
}

static void on_over(struct http2 *h)
{
	upstream_http2_break(http2_owner(h), -ECONNRESET);
}

const struct http2_ops upstream_http2_call_ops = {
	.response = on_response,
	.data = on_data,
	.end = on_end,
	.drained = on_stream_drained,
	.closed = on_closed,
	.settings = on_settings,
	.goaway = on_goaway,
	.over = on_over,
};

int upstream_http2_call_new(struct upstream **out, struct upstream_http2 *c, struct stream *s)
{
	struct slab *slab = &s->w->loop.slab;
	struct upstream_http2_call *call = slab_get_zero(slab, sizeof(*call));

	if (!call)
		return -ENOMEM;
	call->slab = slab;
	call->up = (struct upstream){
		.ops = &upstream_ops, .stream = s, .is_reused = c->has_served, .is_http2 = true};
	call->on = c;
	call->free.run = free_call;
	c->n_calls++;
	call->up.is_open = !c->waiting && can_take(c, s);
	if (!call->up.is_open)
		begin_waiting(call);
	*out = &call->up;
	return 0;
}
