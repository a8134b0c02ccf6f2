// SPDX-License-Identifier: BSD-3-Clause
#include "l7/http2_session.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ALLOWANCE = 2000,   // events without use, in tenths of a reset stream
	ALLOWANCE_A_MS = 1, // comes back with time
	// Bytes of fields that answers may refer to. There are many clients, and what is kept of a field is as much again.
	SERVER_TABLE = 1024,
	CLIENT_TABLE = 4096, // RFC 9113 section 6.5.2's
};

// --- telling ---

void http2_defer(struct http2 *h)
{
	loop_defer(h->setup.conn->io.loop, &h->task);
}

static void tell_closed(struct http2 *h)
{
	while (h->closing) {
		struct http2_stream *s = h->closing;
		enum http2_error error = (enum http2_error)s->unconsumed;
		bool is_unprocessed = s->flags & HTTP2_BLOCKED;

		h->closing = s->next;
		if (!h->closing)
			h->closing_end = &h->closing;
		s->next = NULL;
		s->http2 = NULL;
		h->setup.ops->closed(s, error, is_unprocessed);
	}
}

static void tell_drained(struct http2 *h)
{
	h->has_drained = false;
	for (struct http2_stream *s = h->streams; s; s = h->told_next) {
		h->told_next = s->next;
		if (!(s->flags & HTTP2_BLOCKED) || s->n_out)
			continue;
		s->flags &= (uint16_t)~HTTP2_BLOCKED;
		h->setup.ops->drained(s);
	}
}

void http2_tell(struct http2 *h)
{
	if (h->closing)
		tell_closed(h);
	if (h->has_drained)
		tell_drained(h);
	if (h->closing)
		tell_closed(h);
	if (!h->is_closed && !h->is_over && !nghttp2_session_want_read(h->session) &&
	    !nghttp2_session_want_write(h->session)) {
		h->is_over = true;
		h->setup.ops->over(h);
	}
}

static void run_task(struct loop_task *task)
{
	struct http2 *h = CONTAINER_OF(task, struct http2, task);

	if (h->is_closed)
		return;
	http2_flush(h);
	http2_tell(h);
}

// --- streams ---

void http2_enlist(struct http2 *h, struct http2_stream *s, int32_t id)
{
	s->http2 = h;
	s->id = id;
	s->prev = NULL;
	s->next = h->streams;
	if (s->next)
		s->next->prev = s;
	h->streams = s;
	h->n_streams++;
}

void http2_drop_out(struct http2_stream *s)
{
	struct buf_pool *pool = &s->http2->setup.conn->io.loop->bufs;

	buf_chain_clear(pool, &s->out);
	buf_put(pool, s->trailers);
	s->trailers = NULL;
	s->lent = (struct slice){0};
	s->n_out = 0;
}

// What the owner is told: a reset with NO_ERROR is an end in order only where all that matters was said (RFC 9113 section 8.1).
static uint32_t told_error(const struct http2_stream *s, uint32_t error)
{
	uint32_t whole =
		s->http2->setup.is_server ? HTTP2_IN_ENDED | HTTP2_OUT_ENDED : HTTP2_IN_ENDED;

	if (s->flags & HTTP2_RESET)
		return HTTP2_NO_ERROR;
	if (error == HTTP2_NO_ERROR && ((s->flags & whole) != whole || s->n_out))
		return s->http2->setup.is_server ? HTTP2_CANCEL : HTTP2_PROTOCOL_ERROR;
	return error;
}

// `unconsumed` and HTTP2_BLOCKED have had their use and carry what ops->closed() is to be told.
void http2_bury(struct http2_stream *s, uint32_t error)
{
	struct http2 *h = s->http2;
	bool is_unprocessed = error == NGHTTP2_REFUSED_STREAM;

	error = told_error(s, error);
	if (h->told_next == s)
		h->told_next = s->next;
	*(s->prev ? &s->prev->next : &h->streams) = s->next;
	if (s->next)
		s->next->prev = s->prev;
	h->n_streams--;
	http2_drop_out(s);
	if (s->unconsumed && !h->is_closed)
		nghttp2_session_consume_connection(h->session, s->unconsumed);
	s->unconsumed = error;
	s->flags = HTTP2_CLOSED | (is_unprocessed ? HTTP2_BLOCKED : 0);
	s->id = 0;
	s->next = s->prev = NULL;
	*h->closing_end = s;
	h->closing_end = &s->next;
	http2_defer(h);
}

void http2_reset(struct http2_stream *s, enum http2_error error)
{
	if (!s->id)
		return;
	nghttp2_submit_rst_stream(s->http2->session, NGHTTP2_FLAG_NONE, s->id, error);
	s->flags |= HTTP2_RESET;
	http2_drop_out(s);
	http2_defer(s->http2);
}

void http2_consume(struct http2_stream *s, size_t n)
{
	if (!s->id || !n)
		return;
	s->unconsumed -= (uint32_t)n;
	nghttp2_session_consume(s->http2->session, s->id, n);
	http2_defer(s->http2);
}

void http2_grant(struct http2_stream *s, uint32_t window)
{
	int32_t left;

	if (!s->id || s->flags & HTTP2_IN_ENDED)
		return;
	left = nghttp2_session_get_stream_local_window_size(s->http2->session, s->id);
	if (left < 0 || (uint32_t)left > window / 2)
		return;
	nghttp2_submit_window_update(s->http2->session, NGHTTP2_FLAG_NONE, s->id,
	                             (int32_t)window - left);
	http2_defer(s->http2);
}

// --- what floods ---

void http2_break(struct http2 *h, enum http2_error error, const char *reason)
{
	if (h->is_broken)
		return;
	h->is_broken = true;
	h->reason = reason;
	nghttp2_session_terminate_session(h->session, error);
	http2_defer(h);
}

void http2_spend(struct http2 *h, int32_t cost)
{
	uint64_t now_ns = h->setup.conn->io.loop->now_ns;
	uint64_t ms = (now_ns - h->refilled_ns) / CLOCK_NS_PER_MS;

	if (!h->setup.is_server)
		return;
	if (ms) {
		h->refilled_ns = now_ns;
		h->allowance = ms >= ALLOWANCE / ALLOWANCE_A_MS
		                       ? ALLOWANCE
		                       : h->allowance + (int32_t)ms * ALLOWANCE_A_MS;
	}
	if (h->allowance > ALLOWANCE)
		h->allowance = ALLOWANCE;
	h->allowance -= cost;
	if (h->allowance < 0)
		http2_break(h, HTTP2_ENHANCE_YOUR_CALM, "flood of frames that serve nothing");
}

void http2_refund(struct http2 *h, int32_t n)
{
	if (h->allowance < ALLOWANCE)
		h->allowance += n;
}

// --- life ---

static int submit_settings(struct http2 *h)
{
	const struct http2_setup *setup = &h->setup;
	nghttp2_settings_entry entries[6];
	size_t n = 0;
	int rc;

	entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
	                                        setup->stream_window};
	entries[n++] =
		(nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, setup->limits.head};
	if (setup->is_server) {
		entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		                                        setup->n_streams};
		entries[n++] =
			(nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
		entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
	} else {
		entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
	}
	rc = nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, entries, n);
	if (!rc)
		rc = nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
		                                           (int32_t)setup->connection_window);
	return rc;
}

static int open_session(struct http2 *h)
{
	nghttp2_mem mem = http2_memory(h);
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	int rc;

	if (nghttp2_session_callbacks_new(&callbacks))
		return -ENOMEM;
	if (nghttp2_option_new(&option)) {
		nghttp2_session_callbacks_del(callbacks);
		return -ENOMEM;
	}
	http2_receive_set(callbacks);
	http2_send_set(callbacks);
	nghttp2_option_set_no_auto_window_update(option, 1);
	// Closed streams are remembered for priorities, which we do not speak.
	nghttp2_option_set_no_closed_streams(option, 1);
	// The allowance judges; nghttp2's own would cut off who cancels a lot of what he asks.
	nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX / 2, UINT64_MAX / 2);
	if (h->setup.is_server) {
		nghttp2_option_set_max_deflate_dynamic_table_size(option, SERVER_TABLE);
		rc = nghttp2_session_server_new3(&h->session, callbacks, h, option, &mem);
	} else {
		nghttp2_option_set_max_deflate_dynamic_table_size(option, CLIENT_TABLE);
		rc = nghttp2_session_client_new3(&h->session, callbacks, h, option, &mem);
	}
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	return rc ? -ENOMEM : 0;
}

static void free_http2(struct loop_task *task)
{
	struct http2 *h = CONTAINER_OF(task, struct http2, freed);

	nghttp2_session_del(h->session);
	free(h);
}

int http2_new(struct http2 **out, const struct http2_setup *setup)
{
	struct http2 *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return -ENOMEM;
	h->setup = *setup;
	h->task.run = run_task;
	h->freed.run = free_http2;
	h->closing_end = &h->closing;
	h->allowance = ALLOWANCE;
	http2_frame_init(h);
	h->refilled_ns = setup->conn->io.loop->now_ns;
	rc = open_session(h);
	if (rc) {
		free(h);
		return rc;
	}
	if (submit_settings(h)) {
		nghttp2_session_del(h->session);
		free(h);
		return -ENOMEM;
	}
	http2_defer(h);
	*out = h;
	return 0;
}

void http2_close(struct http2 *h, enum http2_error error)
{
	if (!h || h->is_closed)
		return;
	h->is_closed = h->is_broken = true;
	while (h->streams)
		http2_bury(h->streams, error);
	tell_closed(h);
	http2_head_drop(h);
	// Behind `task`, if that is deferred: it was before.
	loop_defer(h->setup.conn->io.loop, &h->freed);
}

// --- questions ---

const char *http2_error_text(enum http2_error error)
{
	return nghttp2_http2_strerror(error);
}

void *http2_owner(const struct http2 *h)
{
	return h->setup.owner;
}

const char *http2_reason(const struct http2 *h)
{
	return h->reason;
}

uint32_t http2_n_streams(const struct http2 *h)
{
	return h->n_streams;
}

uint32_t http2_room(const struct http2 *h)
{
	uint32_t most = nghttp2_session_get_remote_settings(
		h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	if (h->is_goaway || h->is_broken || !nghttp2_session_check_request_allowed(h->session))
		return 0;
	return most > h->n_streams ? most - h->n_streams : 0;
}

bool http2_takes_websockets(const struct http2 *h)
{
	return nghttp2_session_get_remote_settings(h->session,
	                                           NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

bool http2_has_settings(const struct http2 *h)
{
	return h->has_settings;
}

// --- the end, in steps ---

void http2_shutdown(struct http2 *h)
{
	if (h->is_shut || h->is_broken)
		return;
	if (!h->is_shutting) {
		h->is_shutting = true;
		nghttp2_submit_shutdown_notice(h->session);
	} else {
		h->is_shut = true;
		nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
		                      nghttp2_session_get_last_proc_stream_id(h->session),
		                      NGHTTP2_NO_ERROR, NULL, 0);
	}
	http2_defer(h);
}

void http2_ping(struct http2 *h)
{
	h->is_pinged = true;
	nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
	http2_defer(h);
}

bool http2_is_pinged(const struct http2 *h)
{
	return h->is_pinged;
}
