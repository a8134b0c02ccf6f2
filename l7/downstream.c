// SPDX-License-Identifier: BSD-3-Clause
#include "l7/downstream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "l7/proxy_protocol.h"
#include "l7/worker_state.h"

enum {
	LINGER_MS = 5000, // as nginx's lingering_timeout
	// Bytes received at once while a head is awaited: what is pipelined behind it stays with the kernel, but for so many.
	HEAD_MOST = 16384,
};

static struct downstream *downstream_of(struct conn *conn)
{
	return CONTAINER_OF(conn, struct downstream, conn);
}

const struct conf_l7 *downstream_l7(const struct downstream *c)
{
	uint16_t i = c->listener->l7;

	return i == SITE_NONE ? NULL : c->w->view->site->l7[i].conf;
}

static void free_downstream(struct loop_task *task)
{
	struct downstream *c = CONTAINER_OF(task, struct downstream, free);

	free(c->http2);
	free(c);
}

void downstream_close(struct downstream *c, bool is_reset)
{
	struct worker *w = c->w;

	if (c->state == DOWNSTREAM_CLOSED)
		return;
	downstream_http2_close(c);
	c->state = DOWNSTREAM_CLOSED;
	if (is_reset)
		conn_abort(&c->conn);
	else
		conn_close(&c->conn);
	loop_timer_stop(&w->loop, &c->timer);
	*(c->prev ? &c->prev->next : &w->clients) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	w->counters->connections_open--;
	telemetry_leave(c->from.service.counters, c->protocol);
	stats_histogram_record(&c->from.service.times->connection_duration,
	                       w->loop.now_ns - c->accepted_ns);
	listener_put(c->listener);
	loop_defer(&w->loop, &c->free);
}

void downstream_speaks(struct downstream *c, enum telemetry_protocol protocol)
{
	telemetry_leave(c->from.service.counters, c->protocol);
	c->protocol = protocol;
	telemetry_enter(c->from.service.counters, protocol);
}

static uint64_t idle_ms(const struct downstream *c)
{
	const struct conf_l7 *l7 = downstream_l7(c);

	return l7 ? l7->timeouts.client_idle_ms : LINGER_MS;
}

void downstream_watch(struct downstream *c)
{
	c->is_watched = true;
	c->stalled = io_unsent(&c->conn.io);
	loop_timer_stop(&c->w->loop, &c->timer);
	loop_timer_start(&c->w->loop, &c->timer, idle_ms(c) ? idle_ms(c) : LINGER_MS);
}

void downstream_linger(struct downstream *c)
{
	if (c->state == DOWNSTREAM_CLOSED || c->state == DOWNSTREAM_LINGER)
		return;
	c->state = DOWNSTREAM_LINGER;
	conn_end(&c->conn);
	if (c->conn.is_ended && !conn_pending(&c->conn)) {
		downstream_close(c, false);
		return;
	}
	loop_timer_stop(&c->w->loop, &c->timer);
	loop_timer_start(&c->w->loop, &c->timer, LINGER_MS);
	c->stalled = SIZE_MAX;
	conn_resume(&c->conn);
}

// The timer stays where it is while requests come: it looks at the state when it fires.
void downstream_next(struct downstream *c)
{
	c->state = DOWNSTREAM_HEAD;
	c->seen = 0;
	c->from.started_ns = 0;
	c->conn.io.most = HEAD_MOST;
	c->conn.io.may_starve = true;
	if (c->w->is_draining || !downstream_l7(c)) {
		downstream_linger(c);
		return;
	}
	if (conn_pending(&c->conn))
		downstream_watch(c);
	else if (idle_ms(c))
		loop_timer_start(&c->w->loop, &c->timer, idle_ms(c));
	conn_resume(&c->conn);
}

void downstream_close_if_idle(struct downstream *c)
{
	if (c->state == DOWNSTREAM_HTTP2) {
		downstream_http2_shutdown(c);
		return;
	}
	if (c->state != DOWNSTREAM_HEAD || c->seen || !c->n_requests)
		return;
	if (io_has_input(&c->conn.io, true) || conn_pending(&c->conn))
		return;
	conn_end(&c->conn);
	downstream_close(c, false);
}

// --- time ---

// Bytes wait for the client, here or in the kernel. As long as their number falls it takes them, however slowly.
static void check_stalled(struct downstream *c, size_t unsent)
{
	bool is_moving = unsent < c->stalled;

	c->stalled = unsent;
	if (is_moving || !idle_ms(c)) {
		loop_timer_start(&c->w->loop, &c->timer, idle_ms(c) ? idle_ms(c) : LINGER_MS);
		return;
	}
	if (c->stream)
		stream_abort(c->stream, ACCESS_CLIENT_TIMEOUT, "takes nothing of the answer");
	c->stream = NULL;
	downstream_close(c, true);
}

static void on_timer(struct timer *t)
{
	struct downstream *c = CONTAINER_OF(t, struct downstream, timer);
	size_t unsent;

	if (c->state == DOWNSTREAM_HTTP2) {
		downstream_http2_timer(c);
		return;
	}
	if (c->stream && !c->is_watched)
		return; // from before the request
	unsent = io_unsent(&c->conn.io);
	if (unsent) {
		check_stalled(c, unsent);
		return;
	}
	c->is_watched = false;
	if (c->stream || (c->state == DOWNSTREAM_HEAD && c->n_requests && !c->seen && !idle_ms(c)))
		return;
	if (c->state == DOWNSTREAM_HEAD && c->seen)
		downstream_http1_refuse(c, 408, "head did not come in time");
	else
		downstream_close(c, false);
}

// --- the connection's events ---

static int start_tls(struct downstream *c)
{
	c->state = DOWNSTREAM_HANDSHAKE;
	c->from.is_secure = true;
	return conn_start_tls_server(&c->conn, c->w->view->kit->servers[c->listener->l7]);
}

static void begin(struct downstream *c)
{
	c->state = DOWNSTREAM_HEAD;
	if (c->listener->l7 != SITE_NONE && c->w->view->kit->servers[c->listener->l7] &&
	    start_tls(c))
		downstream_close(c, true);
}

// Who the client is, by the proxy before us.
static size_t take_proxy_header(struct downstream *c, struct slice bytes)
{
	struct proxy_protocol p;
	ssize_t n = proxy_protocol_parse(&p, bytes);

	if (n < 0) {
		c->w->counters->connections_refused++;
		c->from.service.counters->connections_refused++;
		downstream_close(c, true);
		return bytes.len;
	}
	if (n == 0)
		return 0;
	if (!p.is_local && p.source.family != ADDR_NONE) {
		c->from.address = p.source;
		c->from.port = p.source_port;
		c->from.local = p.destination;
		c->from.local_port = p.destination_port;
	}
	begin(c);
	return (size_t)n;
}

// In clear a client that knows begins with HTTP/2's preface (RFC 9113 section 3.3). True: it may be that, see c->state.
static bool take_preface(struct downstream *c, struct slice bytes)
{
	static const char preface[] = HTTP2_PREFACE;
	size_t n = bytes.len < sizeof(preface) - 1 ? bytes.len : sizeof(preface) - 1;
	const struct conf_l7 *l7 = downstream_l7(c);

	if (c->from.is_secure || c->n_requests || !l7 || !l7->http2 ||
	    memcmp(bytes.ptr, preface, n) != 0)
		return false;
	if (n == sizeof(preface) - 1)
		downstream_http2_begin(c);
	return true;
}

static size_t take_request(struct downstream *c, struct slice bytes)
{
	if (c->state == DOWNSTREAM_HEAD && take_preface(c, bytes) && c->state == DOWNSTREAM_HEAD)
		return 0; // the rest of it is awaited
	if (c->http2)
		return downstream_http2_received(c, bytes);
	if (c->protocol == TELEMETRY_HANDSHAKE)
		downstream_speaks(c, TELEMETRY_HTTP1);
	return downstream_http1_received(c, bytes);
}

static size_t on_received(struct conn *conn, struct slice bytes)
{
	struct downstream *c = downstream_of(conn);
	size_t n = 0;

	if (c->state == DOWNSTREAM_PROXY)
		n = take_proxy_header(c, bytes);
	if (c->state == DOWNSTREAM_PROXY || c->state == DOWNSTREAM_HANDSHAKE || n == bytes.len)
		return n;
	return n + take_request(c, slice_of(bytes.ptr + n, bytes.len - n));
}

static void on_opened(struct conn *conn)
{
	struct downstream *c = downstream_of(conn);

	c->w->counters->tls_handshakes++;
	c->w->counters->tls_resumed += tls_is_resumed(conn->tls);
	c->from.service.counters->tls_handshakes++;
	c->from.service.counters->tls_resumed += tls_is_resumed(conn->tls);
	c->from.tls_version = tls_version(conn->tls);
	c->from.server_name = tls_server_name(conn->tls);
	c->state = DOWNSTREAM_HEAD;
	if (slice_eq(tls_alpn(conn->tls), slice_of("h2", 2)))
		downstream_http2_begin(c);
	else
		downstream_speaks(c, TELEMETRY_HTTP1);
}

static void leave(struct downstream *c, const char *reason)
{
	if (c->stream)
		stream_abort(c->stream, ACCESS_CLIENT_ABORT, reason);
	c->stream = NULL;
	downstream_close(c, false);
}

static void on_ended(struct conn *conn)
{
	struct downstream *c = downstream_of(conn);

	// Its last bytes of the answer may still be on their way.
	if (c->state == DOWNSTREAM_LINGER && conn_pending(conn))
		return;
	leave(c, NULL);
}

static void on_hung_up(struct conn *conn)
{
	struct downstream *c = downstream_of(conn);

	// In the middle of content, what came before the end is still to be passed on.
	if (c->state != DOWNSTREAM_BODY && c->state != DOWNSTREAM_TUNNEL)
		leave(c, NULL);
}

static void on_drained(struct conn *conn)
{
	struct downstream *c = downstream_of(conn);

	c->is_watched = false;
	if (c->state == DOWNSTREAM_HTTP2)
		downstream_http2_drained(c);
	else if (c->stream)
		stream_drained(c->stream);
	else if (c->state == DOWNSTREAM_HEAD)
		conn_resume(conn); // the next of the requests that were sent at once
	else if (c->state == DOWNSTREAM_LINGER && conn->is_ended)
		downstream_close(c, false);
	else if (c->state == DOWNSTREAM_LINGER)
		loop_timer_start(&c->w->loop, &c->timer, LINGER_MS);
}

static void on_failed(struct conn *conn, int error)
{
	struct downstream *c = downstream_of(conn);

	if (c->state == DOWNSTREAM_HANDSHAKE) {
		c->w->counters->tls_failures++;
		c->from.service.counters->tls_failures++;
	}
	leave(c, error == -EPROTO ? conn_reason(conn) : strerror(-error));
}

static void on_moved(struct conn *conn)
{
	struct downstream *c = downstream_of(conn);

	if (c->stream)
		stream_moved(c->stream);
}

static const struct conn_ops ops = {
	.received = on_received,
	.opened = on_opened,
	.ended = on_ended,
	.drained = on_drained,
	.moved = on_moved,
	.hung_up = on_hung_up,
	.failed = on_failed,
};

static void admit(struct worker *w, struct downstream *c, struct listener *l)
{
	c->w = w;
	c->listener = l;
	l->n_refs++;
	c->timer.fire = on_timer;
	c->begun_ms = w->loop.timers.now_ms;
	c->free.run = free_downstream;
	c->next = w->clients;
	if (c->next)
		c->next->prev = c;
	w->clients = c;
	w->counters->connections++;
	w->counters->connections_open++;
	c->accepted_ns = w->loop.now_ns;
	c->from.service = l->service;
	c->from.service.counters->connections++;
	telemetry_enter(c->from.service.counters, TELEMETRY_HANDSHAKE);
}

void downstream_accept(struct listener *l, int fd, const union io_address *from)
{
	struct worker *w = l->w;
	bool has_room = w->counters->connections_open < w->n_conns && l->l7 != SITE_NONE;
	struct downstream *c = has_room ? calloc(1, sizeof(*c)) : NULL;

	if (!c || conn_accept(&c->conn, &w->loop, fd, &ops)) {
		w->counters->connections_refused++;
		l->service.counters->connections_refused++;
		close(fd);
		free(c);
		return;
	}
	admit(w, c, l);
	io_address_get(from, &c->from.address, &c->from.port);
	c->from.ops = &downstream_http1_ops;
	c->from.client = c;
	c->from.local = l->address;
	c->from.local_port = l->port;
	c->conn.io.most = HEAD_MOST;
	c->conn.io.may_starve = true;
	loop_timer_start(&w->loop, &c->timer, downstream_l7(c)->timeouts.header_ms);
	if (downstream_l7(c)->proxy_protocol)
		c->state = DOWNSTREAM_PROXY;
	else
		begin(c);
}
