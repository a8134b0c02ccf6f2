// SPDX-License-Identifier: BSD-3-Clause
// What we send: heads and content to frames, and frames to the connection, as many in one call as there are.
#include <errno.h>

#include "l7/head.h"
#include "l7/http2_session.h"

enum {
	FLUSH_SIZE = 65000,     // bytes of frames given to the connection at once
	FRAME_HEAD = 9,         // RFC 9113 section 4.1
	FRAME_ROOM = 16400,     // for any frame but DATA that nghttp2 gives at once
	LEND_LEAST = 8192,      // shorter content is copied, and leaves with that of others
	BLOCKED_BEYOND = 65536, // content that waits for the turn's end only
	HEAD_MOST = 60000,      // nghttp2's own limit is 64 KiB
	QUEUED_MOST = 64,       // frames that wait, beyond which interim answers are left out
	// Comes back to the peer's allowance, in tenths of a reset.
	REFUND_ANSWER = 10,
	REFUND_DATA =
		2, // it may answer each with a WINDOW_UPDATE, of the stream and of the connection
};

static const uint8_t shutdown_ping[8] = HTTP2_SHUTDOWN_PING;

// --- frames to the connection ---

static void take_lent(struct http2_stream *s, struct text *t, size_t n)
{
	text_add(t, s->lent.ptr, n);
	s->lent = slice_of(s->lent.ptr + n, s->lent.len - n);
}

// The next n bytes of the stream's content, to t.
static void take_out(struct http2_stream *s, struct text *t, size_t n)
{
	s->n_out -= n;
	while (s->out.size && n) {
		struct slice front = buf_chain_front(&s->out);
		size_t take = n < front.len ? n : front.len;

		text_add(t, front.ptr, take);
		buf_chain_drop(&s->http2->setup.conn->io.loop->bufs, &s->out, take);
		n -= take;
	}
	if (n)
		take_lent(s, t, n);
}

// nghttp2's own lies in memory that other sessions write to, while this one has to wait (http2_memory.c).
static void add_head(struct text *t, const nghttp2_frame_hd *hd)
{
	uint32_t id = (uint32_t)hd->stream_id;
	uint8_t head[FRAME_HEAD] = {
		(uint8_t)(hd->length >> 16),
		(uint8_t)(hd->length >> 8),
		(uint8_t)hd->length,
		hd->type,
		hd->flags,
		(uint8_t)(id >> 24),
		(uint8_t)(id >> 16),
		(uint8_t)(id >> 8),
		(uint8_t)id,
	};

	text_add(t, head, sizeof(head));
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t len, nghttp2_data_source *source, void *data)
{
	struct http2 *h = data;
	struct http2_stream *s = source->ptr;

	if (h->text->size - h->text->len < FRAME_HEAD + len + FRAME_ROOM)
		return NGHTTP2_ERR_WOULDBLOCK;
	http2_refund(h, REFUND_DATA);
	add_head(h->text, &frame->hd);
	take_out(s, h->text, len);
	if (!s->n_out && s->flags & HTTP2_BLOCKED)
		h->has_drained = true;
	return 0;
}

static void submit_trailers(struct http2_stream *s)
{
	struct fields fields;
	struct http2_head head;

	head_unpack_fields(&fields, buf_slice(s->trailers));
	http2_head_of_trailers(&head, &fields);
	nghttp2_submit_trailer(s->http2->session, s->id, head.at, head.n);
}

static void end_content(struct http2_stream *s, uint32_t *flags)
{
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (!s->trailers)
		return;
	*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	submit_trailers(s);
}

// NOLINTNEXTLINE(readability-function-size): nghttp2's type
static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t most,
                       uint32_t *flags, nghttp2_data_source *source, void *data)
{
	struct http2_stream *s = source->ptr;
	bool is_all = s->n_out <= most;
	size_t n = is_all ? s->n_out : most;

	if (!s->n_out && !(s->flags & HTTP2_OUT_ENDED)) {
		s->flags |= HTTP2_OUT_DEFERRED;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (n)
		*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (is_all && s->flags & HTTP2_OUT_ENDED)
		end_content(s, flags);
	return (ssize_t)n;
}

// A server that has said all does not want the rest of the request (section 8.1).
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
	struct http2 *h = data;
	struct http2_stream *s;

	// Not before: the PING's answer is to say that the GOAWAY was seen.
	if (frame->hd.type == NGHTTP2_GOAWAY && h->is_shutting && !h->is_shut)
		nghttp2_submit_ping(session, NGHTTP2_FLAG_NONE, shutdown_ping);
	if (!h->setup.is_server || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
	    (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS))
		return 0;
	s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (s && !(s->flags & HTTP2_IN_ENDED)) {
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
		s->flags |= HTTP2_RESET;
	}
	http2_refund(h, REFUND_ANSWER);
	return 0;
}

void http2_send_set(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
}

// Fills t. What nghttp2 gives has to be taken, hence the room for a frame that is kept.
static void write_frames(struct http2 *h, struct text *t)
{
	const uint8_t *bytes;
	ssize_t n;

	h->text = t;
	while (t->size - t->len >= FRAME_ROOM) {
		n = nghttp2_session_mem_send(h->session, &bytes);
		if (n <= 0)
			break;
		text_add(t, bytes, (size_t)n);
	}
	h->text = NULL;
}

void http2_flush(struct http2 *h)
{
	struct conn *conn = h->setup.conn;

	if (h->is_receiving || h->is_closed || h->text) {
		http2_defer(h);
		return;
	}
	while (io_is_open(&conn->io) && conn_pending(conn) == 0) {
		struct text t = conn_scratch(conn, FLUSH_SIZE + FRAME_ROOM);

		write_frames(h, &t);
		if (!t.len)
			break;
		conn_scratch_keep(conn, &t);
		conn_send(conn, text_slice(&t));
		conn_flush(conn);
	}
	if (h->has_drained || h->closing)
		http2_defer(h);
}

void http2_drained(struct http2 *h)
{
	http2_flush(h);
	http2_tell(h);
}

// --- heads ---

static int submit(struct http2_stream *s, const struct http2_head *head, bool is_end)
{
	nghttp2_data_provider source = {.source.ptr = s, .read_callback = on_read};

	return nghttp2_submit_response(s->http2->session, s->id, head->at, head->n,
	                               is_end ? NULL : &source);
}

bool http2_respond(struct http2_stream *s, const struct response *r)
{
	bool is_end = r->body == BODY_NONE || (r->body == BODY_LENGTH && !r->content_length);
	struct http2_head head;

	if (!s->id)
		return true; // nobody is there any more
	http2_head_of_response(&head, r, s->flags & HTTP2_TUNNEL);
	if (head.size > HEAD_MOST)
		return false;
	if (s->method == METHOD_HEAD)
		is_end = true;
	s->flags |= HTTP2_RESPONDED;
	if (is_end)
		s->flags |= HTTP2_OUT_ENDED;
	if (submit(s, &head, is_end))
		http2_reset(s, HTTP2_INTERNAL_ERROR);
	http2_defer(s->http2);
	return true;
}

// Heads know no window: a backend may bring more of them than the client takes.
static bool has_room_for_interim(const struct http2 *h)
{
	return !conn_pending(h->setup.conn) &&
	       nghttp2_session_get_outbound_queue_size(h->session) < QUEUED_MOST;
}

bool http2_interim(struct http2_stream *s, const struct response *r)
{
	struct http2_head head;

	if (!s->id || s->flags & HTTP2_RESPONDED || !has_room_for_interim(s->http2))
		return false;
	http2_head_of_response(&head, r, false);
	if (head.size > HEAD_MOST)
		return false;
	nghttp2_submit_headers(s->http2->session, NGHTTP2_FLAG_NONE, s->id, NULL, head.at, head.n,
	                       NULL);
	http2_defer(s->http2);
	return true;
}

int http2_request(struct http2 *h, struct http2_stream *s, const struct request *r, bool is_secure)
{
	nghttp2_data_provider source = {.source.ptr = s, .read_callback = on_read};
	bool has_content = r->body != BODY_NONE && (r->body != BODY_LENGTH || r->content_length);
	bool is_end = !has_content && !r->upgrade.len;
	struct buf_pool *pool = &h->setup.conn->io.loop->bufs;
	struct http2_head head;
	int32_t id;

	if (!http2_room(h))
		return -EAGAIN;
	http2_head_of_request(&head, r, pool, is_secure);
	if (head.size > HEAD_MOST) {
		buf_put(pool, head.path);
		return -EMSGSIZE;
	}
	id = nghttp2_submit_request(h->session, NULL, head.at, head.n, is_end ? NULL : &source, s);
	buf_put(pool, head.path);
	if (id < 0)
		return id == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EAGAIN;
	http2_enlist(h, s, id);
	s->method = r->method;
	s->flags = (is_end ? HTTP2_OUT_ENDED : 0) | (r->upgrade.len ? HTTP2_TUNNEL : 0);
	http2_defer(h);
	return 0;
}

// --- content ---

static bool append(struct http2_stream *s, struct slice bytes)
{
	return buf_chain_add(&s->http2->setup.conn->io.loop->bufs, &s->out, bytes);
}

static void resume(struct http2_stream *s)
{
	if (s->flags & HTTP2_OUT_DEFERRED) {
		s->flags &= (uint16_t)~HTTP2_OUT_DEFERRED;
		nghttp2_session_resume_data(s->http2->session, s->id);
	}
	http2_defer(s->http2);
}

static bool is_writable(const struct http2_stream *s)
{
	return s->id && !(s->flags & (HTTP2_OUT_ENDED | HTTP2_RESET));
}

void http2_data(struct http2_stream *s, struct slice bytes)
{
	if (!is_writable(s) || !bytes.len)
		return;
	s->n_out += bytes.len;
	if (bytes.len < LEND_LEAST) {
		if (!append(s, bytes)) {
			http2_reset(s, HTTP2_INTERNAL_ERROR);
			return;
		}
		resume(s);
		return;
	}
	s->lent = bytes;
	resume(s);
	http2_flush(s->http2);
	bytes = s->lent;
	s->lent = (struct slice){0};
	if (bytes.len && s->id && !append(s, bytes))
		http2_reset(s, HTTP2_INTERNAL_ERROR);
}

static void keep_trailers(struct http2_stream *s, const struct fields *trailers)
{
	static const size_t sizes[] = {BUF_SMALL_SIZE, BUF_HUGE_SIZE};
	struct buf_pool *pool = &s->http2->setup.conn->io.loop->bufs;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct buf *b = buf_get(pool, sizes[i]);
		struct text t;

		if (!b)
			return;
		t = text_of(b->data, b->size);
		head_pack_fields(&t, trailers);
		b->end = (uint32_t)t.len;
		if (!t.is_cut) {
			s->trailers = b;
			return;
		}
		buf_put(pool, b);
	}
}

void http2_end(struct http2_stream *s, const struct fields *trailers)
{
	if (!is_writable(s))
		return;
	if (trailers && trailers->n)
		keep_trailers(s, trailers);
	s->flags |= HTTP2_OUT_ENDED;
	resume(s);
}

bool http2_is_blocked(struct http2_stream *s)
{
	bool is_stuck;

	if (!s->id || !s->n_out)
		return false;
	is_stuck = conn_pending(s->http2->setup.conn) || s->n_out >= BLOCKED_BEYOND ||
	           nghttp2_session_get_remote_window_size(s->http2->session) <= 0 ||
	           nghttp2_session_get_stream_remote_window_size(s->http2->session, s->id) <= 0;
	if (is_stuck)
		s->flags |= HTTP2_BLOCKED;
	return is_stuck;
}

size_t http2_unsent(struct http2_stream *s)
{
	if (!s->id || !s->n_out)
		return 0;
	s->flags |= HTTP2_BLOCKED;
	return s->n_out;
}
