// SPDX-License-Identifier: BSD-3-Clause
#include "l7/upstream_http2_window.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "l7/stream.h"
#include "l7/worker_state.h"

enum {
	CONNECTION_WINDOW = 16777216, // of all: each is bounded by its own
	PRIVATE_IDLE_MS = 5000,       // of a connection that serves one client
	// gRPC's servers take PINGs of a client that waits for them for abuse if they come more often than this ("too_many_pings").
	PING_AGAIN_MS = 330000,
};

// Of a backend's answer, as with HTTP/1.
static const struct http1_limits limits = {.line = 16384, .head = 65536, .fields = 256};

static struct upstream_http2 *of_conn(struct conn *c)
{
	return CONTAINER_OF(c, struct upstream_http2, link.conn);
}

static uint64_t now_ms(const struct upstream_http2 *c)
{
	return c->link.w->loop.timers.now_ms;
}

// --- among the connections of a backend ---

static void enlist(struct upstream_http2 *c)
{
	struct upstream_http2 **at = &c->link.peer->http2;

	while (*at) {
		c->prev = *at;
		at = &(*at)->next;
	}
	*at = c;
	c->is_listed = true;
	c->link.peer->n_http2++;
}

void upstream_http2_unlist(struct upstream_http2 *c)
{
	if (!c->is_listed)
		return;
	*(c->prev ? &c->prev->next : &c->link.peer->http2) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->next = c->prev = NULL;
	c->is_listed = false;
	c->link.peer->n_http2--;
}

// Requests that it may carry at once, as far as known.
static uint32_t capacity(const struct upstream_http2 *c)
{
	uint32_t theirs = c->link.peer->http2_streams;

	if (c->http2 && c->has_settings)
		theirs = http2_n_streams(c->http2) + http2_room(c->http2);
	else if (!theirs)
		return c->conf.streams;
	return theirs < c->conf.streams ? theirs : c->conf.streams;
}

static uint32_t load(const struct upstream_http2 *c)
{
	return c->n_waiting + (c->http2 ? http2_n_streams(c->http2) : 0);
}

static bool is_for(const struct upstream_http2 *c, const struct stream *s, bool is_private)
{
	if (c->link.epoch != s->w->epoch || c->link.is_private != is_private)
		return false;
	return !is_private ||
	       (be16_raw(c->client_port) == be16_raw(s->from->port) &&
	        be16_raw(c->local_port) == be16_raw(s->from->local_port) &&
	        addr_eq(&c->client, &s->from->address) && addr_eq(&c->local, &s->from->local));
}

// --- closing ---

static void free_connection(struct loop_task *task)
{
	free(CONTAINER_OF(task, struct upstream_http2, link.free));
}

void upstream_http2_close(struct upstream_http2 *c, int error)
{
	if (c->is_closing)
		return;
	c->is_closing = true;
	c->error = error;
	upstream_http2_unlist(c);
	loop_timer_stop(&c->link.w->loop, &c->timer);
	if (c->http2)
		http2_close(c->http2, HTTP2_CANCEL);
	while (c->waiting) {
		struct stream *s = c->waiting->up.stream;

		upstream_http2_call_leave(c->waiting);
		if (c->http2) // it had begun, and these had not
			stream_again(s);
		else
			stream_failed(s, error, STREAM_UNPROCESSED);
	}
	upstream_conn_close(&c->link);
}

static void close_quietly(struct upstream_http2 *c)
{
	if (c->http2)
		http2_flush(c->http2);
	upstream_http2_close(c, 0);
}

static uint32_t n_idle(const struct peer *peer)
{
	uint32_t n = 0;

	for (const struct upstream_http2 *c = peer->http2; c; c = c->next)
		n += !c->n_calls;
	return n;
}

void upstream_http2_close_if_useless(struct upstream_http2 *c)
{
	if (c->n_calls || c->is_closing)
		return;
	c->idle_ms = now_ms(c);
	if (!c->is_listed || !upstream_conn_is_current(&c->link) ||
	    n_idle(c->link.peer) > c->keepalive)
		close_quietly(c);
}

void upstream_http2_break(struct upstream_http2 *c, int error)
{
	const char *why = http2_reason(c->http2);

	if (why)
		snprintf(c->reason, sizeof(c->reason), "HTTP/2: %s", why);
	upstream_http2_close(c, why ? -EBADMSG : error);
}

static size_t on_received(struct conn *conn, struct slice bytes)
{
	struct upstream_http2 *c = of_conn(conn);
	int rc;

	if (c->is_closing)
		return bytes.len;
	c->heard_ms = now_ms(c);
	rc = http2_receive(c->http2, bytes);
	if (c->is_closing)
		return bytes.len;
	upstream_http2_window_give(c);
	if (c->has_new_settings)
		upstream_http2_call_settle(c);
	while (c->waiting && c->has_goaway)
		stream_again(c->waiting->up.stream);
	if (!rc || c->is_closing)
		return bytes.len;
	http2_flush(c->http2);
	upstream_http2_break(c, rc);
	return bytes.len;
}

static int begin_session(struct upstream_http2 *c)
{
	struct worker *w = c->link.w;
	struct http2_setup setup = {
		.conn = &c->link.conn,
		.ops = &upstream_http2_call_ops,
		.owner = c,
		.request = &w->request,
		.response = &w->response,
		.trailers = &w->trailers,
		.limits = limits,
		.stream_window = UPSTREAM_HTTP2_WINDOW,
		.connection_window = CONNECTION_WINDOW,
	};

	return http2_new(&c->http2, &setup);
}

// The backend has chosen HTTP/1.1. Its streams go there by that.
static void turn_to_http1(struct upstream_http2 *c)
{
	c->link.peer->speaks = HTTP_1;
	upstream_http2_unlist(c);
	while (c->waiting)
		stream_again(c->waiting->up.stream);
	upstream_http2_close(c, 0);
}

static void on_opened(struct conn *conn)
{
	struct upstream_http2 *c = of_conn(conn);
	bool is_agreed = !conn->tls || slice_eq(tls_alpn(conn->tls), slice_of("h2", 2));

	if (!is_agreed && c->protocol == HTTP_AUTO) {
		turn_to_http1(c);
		return;
	}
	if (!is_agreed) {
		snprintf(c->reason, sizeof(c->reason), "ALPN: no HTTP/2");
		upstream_http2_close(c, -EPROTO);
		return;
	}
	c->link.peer->speaks = HTTP_2;
	if (begin_session(c)) {
		upstream_http2_close(c, -ENOMEM);
		return;
	}
	c->link.w->counters->http2_upstream_connections++;
	upstream_http2_call_send_waiting(c);
}

static void on_ended(struct conn *conn)
{
	upstream_http2_close(of_conn(conn), -ECONNRESET);
}

static void on_failed(struct conn *conn, int error)
{
	upstream_http2_close(of_conn(conn), error);
}

static void on_drained(struct conn *conn)
{
	struct upstream_http2 *c = of_conn(conn);

	if (c->http2 && !c->is_closing)
		http2_drained(c->http2);
}

static const struct conn_ops conn_ops = {
	.received = on_received,
	.opened = on_opened,
	.ended = on_ended,
	.drained = on_drained,
	.failed = on_failed,
};

// --- a backend that is gone without a word ---

void upstream_http2_watch(struct upstream_http2 *c)
{
	if (c->conf.ping_ms && !timer_is_running(&c->timer)) {
		c->heard_ms = now_ms(c);
		loop_timer_start(&c->link.w->loop, &c->timer, c->conf.ping_ms);
	}
}

static void ping(struct upstream_http2 *c)
{
	http2_ping(c->http2);
	c->is_quiet = true;
	c->heard_ms = now_ms(c);
	loop_timer_start(&c->link.w->loop, &c->timer, c->conf.ping_ms);
}

static void on_timer(struct timer *t)
{
	struct upstream_http2 *c = CONTAINER_OF(t, struct upstream_http2, timer);
	uint64_t silent = now_ms(c) - c->heard_ms, wait = c->conf.ping_ms;
	bool is_pinged = http2_is_pinged(c->http2);

	if (!c->n_calls)
		return; // it begins anew with the next request
	if (c->is_quiet && !is_pinged && wait < PING_AGAIN_MS)
		wait = PING_AGAIN_MS;
	if (silent < wait)
		loop_timer_start(&c->link.w->loop, t, wait - silent);
	else if (is_pinged)
		upstream_http2_close(c, -ETIMEDOUT);
	else
		ping(c);
}

// --- taking ---

static int open_new(struct upstream_http2 **out, struct stream *s, uint16_t pool, struct peer *peer)
{
	static const char *const h2[] = {"h2", NULL};
	static const char *const both[] = {"h2", "http/1.1", NULL};
	const struct conf_pool *conf = &s->view->site->conf->pools[pool];
	struct upstream_http2 *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->link.free.run = free_connection;
	rc = upstream_conn_open(&c->link, s, pool, peer, conf->protocol == HTTP_AUTO ? both : h2,
	                        &conn_ops);
	if (rc)
		return rc;
	c->waiting_end = &c->waiting;
	c->timer.fire = on_timer;
	c->begun_ms = c->idle_ms = now_ms(c);
	c->client = s->from->address;
	c->client_port = s->from->port;
	c->local = s->from->local;
	c->local_port = s->from->local_port;
	c->keepalive = conf->keepalive;
	c->conf = conf->http2;
	c->protocol = conf->protocol;
	enlist(c);
	*out = c;
	return 0;
}

// The first with room; if there is none, and may not be one more, that with the fewest. NULL: make one.
static struct upstream_http2 *find(const struct stream *s, const struct conf_pool *conf,
                                   const struct peer *peer)
{
	struct upstream_http2 *least = NULL;
	uint32_t n = 0;

	for (struct upstream_http2 *c = peer->http2; c; c = c->next) {
		if (!is_for(c, s, conf->proxy_protocol))
			continue;
		n++;
		// What it has said while nobody asked is most likely its end.
		if (!c->n_calls && io_has_input(&c->link.conn.io, !stream_is_idempotent(s)))
			continue;
		if (load(c) < capacity(c))
			return c;
		if (!least || load(c) < load(least))
			least = c;
	}
	return n < conf->http2.connections ? NULL : least;
}

int upstream_http2_take(struct upstream **out, struct stream *s, uint16_t pool, struct peer *peer)
{
	struct upstream_http2 *c = find(s, &s->view->site->conf->pools[pool], peer);
	int rc = c ? 0 : open_new(&c, s, pool, peer);

	if (rc)
		return rc;
	if (s->is_websocket && c->has_settings && !http2_takes_websockets(c->http2))
		return -EPROTONOSUPPORT;
	return upstream_http2_call_new(out, c, s);
}

void upstream_http2_sweep(struct peer *peer, uint64_t longer_ms)
{
	for (struct upstream_http2 *c = peer->http2, *next; c; c = next) {
		uint64_t most = longer_ms;

		next = c->next;
		if (c->link.is_private && most > PRIVATE_IDLE_MS)
			most = PRIVATE_IDLE_MS;
		if (c->link.epoch != c->link.w->epoch)
			upstream_http2_unlist(c);
		if (!c->n_calls && (!c->is_listed || now_ms(c) - c->idle_ms >= most))
			close_quietly(c);
	}
}
