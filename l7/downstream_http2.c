// SPDX-License-Identifier: BSD-3-Clause
#include "l7/downstream_http2.h"

#include <stdlib.h>

#include "l7/exchange.h"
#include "l7/stream_count.h"
#include "l7/stream_note.h"
#include "l7/worker_state.h"

enum {
	STREAM_WINDOW = 262144, // bytes that a client may send ahead, of one request
	SHUTDOWN_MS = 1000,     // from the first GOAWAY to the second, if the PING is not answered
	REST_MS = 1000,         // without a request, until memory is given back
};

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

void downstream_http2_arm(struct downstream *c)
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

void downstream_http2_watch(struct downstream *c)
{
	struct downstream_http2 *d = c->http2;

	if (d->watch_ms || !idle_ms(c))
		return;
	d->watch_ms = c->w->loop.timers.now_ms + idle_ms(c);
	c->stalled = io_unsent(&c->conn.io);
	downstream_http2_arm(c);
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

void downstream_http2_over(struct http2 *h)
{
	leave(http2_owner(h));
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
		exchange_cut_if_stuck(e);
		is_waiting |= e->h2.n_out > 0;
	}
	if (is_waiting)
		downstream_http2_watch(c);
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
		downstream_http2_arm(c);
}

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
		.ops = &exchange_ops,
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
	downstream_http2_arm(c);
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
		downstream_http2_arm(c);
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
	downstream_http2_arm(c);
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
