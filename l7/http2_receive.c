// SPDX-License-Identifier: BSD-3-Clause
// What a peer sends: frames to the ops of the owner.
#include <errno.h>
#include <stdio.h>

#include "l7/http2_session.h"

// In tenths of a reset: what each costs of the allowance.
enum { COST_RESET = 10, COST_SETTINGS = 10, COST_PING = 5, COST_EMPTY = 5, COST_MALFORMED = 20 };

// After this nothing more is taken from the present bytes.
static int stop(struct http2 *h)
{
	return h->is_closed || h->is_broken ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int spend(struct http2 *h, int32_t cost)
{
	http2_spend(h, cost);
	return stop(h);
}

// --- heads ---

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
	struct http2 *h = data;
	struct http2_stream *s;

	http2_head_drop(h);
	h->block.id = frame->hd.stream_id;
	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return stop(h);
	s = h->setup.ops->open(h);
	if (!s)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	http2_enlist(h, s, frame->hd.stream_id);
	nghttp2_session_set_stream_user_data(session, s->id, s);
	return stop(h);
}

// NOLINTNEXTLINE(readability-function-size): nghttp2's type
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *data)
{
	struct http2 *h = data;

	if (!http2_head_add(h, slice_of(name, name_len), slice_of(value, value_len)))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (h->block.size > 4 * (size_t)h->setup.limits.head)
		http2_break(h, HTTP2_ENHANCE_YOUR_CALM, "head far beyond limits.header");
	return stop(h);
}

static void take_request(struct http2 *h, struct http2_stream *s, bool is_end)
{
	const char *reason;
	int status = http2_head_request(h, s, is_end, &reason);

	s->flags |= HTTP2_IN_HEAD;
	s->method = h->setup.request->method;
	if (status) {
		h->setup.ops->refused(s, (uint16_t)status, reason);
		return;
	}
	if (h->setup.request->upgrade.len)
		s->flags |= HTTP2_TUNNEL;
	h->setup.ops->request(s, h->setup.request);
}

static void take_response(struct http2 *h, struct http2_stream *s, bool is_end)
{
	if (!http2_head_response(h, s, is_end)) {
		s->flags |= HTTP2_DEAF;
		nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id,
		                          NGHTTP2_PROTOCOL_ERROR);
		return;
	}
	if (h->setup.response->status >= 200 || h->setup.response->status == 101)
		s->flags |= HTTP2_IN_HEAD;
	h->setup.ops->response(s, h->setup.response);
}

static void take_end(struct http2 *h, struct http2_stream *s, const struct fields *trailers)
{
	// The owner may have closed or reset it when it was told the head.
	if (h->is_closed || s->flags & (HTTP2_RESET | HTTP2_DEAF | HTTP2_IN_ENDED) || !s->id)
		return;
	s->flags |= HTTP2_IN_ENDED;
	h->setup.ops->end(s, trailers);
}

static void take_headers(struct http2 *h, struct http2_stream *s, bool is_end)
{
	const struct fields *trailers = NULL;

	if (s->flags & (HTTP2_RESET | HTTP2_DEAF))
		return;
	if (s->flags & HTTP2_IN_HEAD)
		trailers = http2_head_trailers(h);
	else if (h->setup.is_server)
		take_request(h, s, is_end);
	else
		take_response(h, s, is_end);
	if (is_end)
		take_end(h, s, trailers);
}

// --- the other frames ---

static void take_ping(struct http2 *h, const nghttp2_ping *ping)
{
	static const uint8_t shutdown[8] = HTTP2_SHUTDOWN_PING;

	if (memcmp(ping->opaque_data, shutdown, sizeof(shutdown)) == 0 && h->is_shutting)
		http2_shutdown(h);
	else
		h->is_pinged = false;
}

static int on_control(struct http2 *h, const nghttp2_frame *frame)
{
	struct http2_stream *s = http2_session_stream(h, frame->hd.stream_id);
	bool is_ack = frame->hd.flags & NGHTTP2_FLAG_ACK;

	switch (frame->hd.type) {
	case NGHTTP2_SETTINGS:
		if (is_ack)
			return 0;
		h->has_settings = true;
		if (h->setup.ops->settings)
			h->setup.ops->settings(h);
		return spend(h, COST_SETTINGS);
	case NGHTTP2_PING:
		if (!is_ack)
			return spend(h, COST_PING);
		take_ping(h, &frame->ping);
		return 0;
	case NGHTTP2_GOAWAY:
		h->is_goaway = true;
		if (h->setup.ops->goaway)
			h->setup.ops->goaway(h, (enum http2_error)frame->goaway.error_code);
		return 0;
	case NGHTTP2_RST_STREAM:
		if (s)
			s->flags |= HTTP2_IN_RESET;
		return spend(h, COST_RESET);
	}
	return 0;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
	bool is_end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct http2 *h = data;
	struct http2_stream *s;
	int rc = 0;

	if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) {
		rc = on_control(h, frame);
		return rc ? rc : stop(h);
	}
	s = http2_session_stream(h, frame->hd.stream_id);
	if (!s)
		return stop(h);
	if (frame->hd.type == NGHTTP2_HEADERS) {
		take_headers(h, s, is_end);
		http2_head_drop(h);
	} else if (is_end) {
		take_end(h, s, NULL);
	} else if (!frame->hd.length) {
		rc = spend(h, COST_EMPTY);
	}
	return rc ? rc : stop(h);
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                         size_t len, void *data)
{
	struct http2 *h = data;
	struct http2_stream *s = http2_session_stream(h, id);

	if (!s || s->flags & (HTTP2_RESET | HTTP2_DEAF)) {
		nghttp2_session_consume(session, id, len);
		return stop(h);
	}
	if (h->setup.is_server)
		s->unconsumed += (uint32_t)len;
	else
		nghttp2_session_consume_connection(session, len);
	h->setup.ops->data(s, slice_of(bytes, len));
	return stop(h);
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *data)
{
	struct http2 *h = data;
	struct http2_stream *s = http2_session_stream(h, id);

	if (!s || s->flags & HTTP2_CLOSED)
		return 0;
	if (s->flags & (HTTP2_IN_ENDED | HTTP2_IN_RESET))
		http2_frame_ended(h, id);
	// nghttp2 has reset it for a fault of the client, some of which on_invalid_frame() does not hear of (CVE-2025-8671).
	// It is sending, perhaps: the next http2_receive() draws the conclusion.
	if (error != NGHTTP2_NO_ERROR && !(s->flags & (HTTP2_RESET | HTTP2_IN_RESET)))
		h->allowance -= COST_RESET;
	http2_bury(s, error);
	return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *data)
{
	return spend(data, COST_MALFORMED);
}

// Read before the thread turns to another session.
static _Thread_local char reason_text[96];

// In nghttp2's words: "Invalid HTTP header field was received: ...". What a peer sent is in them: only for the log.
static int on_error(nghttp2_session *session, int error, const char *msg, size_t len, void *data)
{
	struct http2 *h = data;

	snprintf(reason_text, sizeof(reason_text), "%.*s", (int)len, msg);
	for (char *p = reason_text; *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~' || *p == '"')
			*p = '?';
	h->reason = reason_text;
	return 0;
}

void http2_receive_set(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
	nghttp2_session_callbacks_set_error_callback2(callbacks, on_error);
}

static bool is_flood(int error)
{
	return error == NGHTTP2_ERR_FLOODED || error == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
}

// A client's frames are looked at before nghttp2 has them, one by one. Below 0: nghttp2's error.
static ssize_t take_frames(struct http2 *h, struct slice bytes)
{
	while (bytes.len) {
		size_t piece = h->setup.is_server ? http2_frame_next(h, bytes) : bytes.len;
		ssize_t n =
			h->is_broken ? 0 : nghttp2_session_mem_recv(h->session, bytes.ptr, piece);

		if (n < 0 || h->is_broken || h->is_closed)
			return n;
		bytes = slice_of(bytes.ptr + piece, bytes.len - piece);
	}
	return 0;
}

int http2_receive(struct http2 *h, struct slice bytes)
{
	ssize_t n;

	if (h->is_broken)
		return 0;
	h->is_receiving = true;
	http2_spend(h, 0);
	n = take_frames(h, bytes);
	h->is_receiving = false;
	if (h->is_closed)
		return 0;
	if (n == NGHTTP2_ERR_NOMEM)
		return -ENOMEM;
	if (n < 0 && !h->is_broken)
		http2_break(h, is_flood((int)n) ? HTTP2_ENHANCE_YOUR_CALM : HTTP2_PROTOCOL_ERROR,
		            nghttp2_strerror((int)n));
	http2_tell(h);
	if (h->is_closed)
		return 0;
	if (nghttp2_session_want_write(h->session))
		http2_defer(h);
	return h->is_broken ? -EPROTO : 0;
}
