// SPDX-License-Identifier: BSD-3-Clause
// HTTP/1.1 towards clients: requests are taken from the connection, answers are written to it.
#include "l7/answer.h"
#include "l7/downstream.h"
#include "l7/stream_count.h"
#include "l7/stream_note.h"
#include "l7/worker_state.h"

// While an answer is on its way bytes are received to notice the client's end; what is pipelined stays with the kernel.
enum { WAIT_MOST = 1024 };

// --- requests ---

void downstream_http1_refuse(struct downstream *c, uint16_t status, const char *reason)
{
	struct text t = conn_scratch(&c->conn, CONN_SCRATCH);
	char space[256];
	struct text content = text_of(space, sizeof(space));
	struct answer a = answer_error(status, reason, &content);
	struct stream_refusal refusal = {
		.status = status, .bytes_out = a.body.len, .reason = reason};

	stream_count_refused(c->w, &c->from, status);
	if (answer_write(&t, &a, 1, false, true)) {
		conn_scratch_keep(&c->conn, &t);
		conn_send(&c->conn, text_slice(&t));
	}
	stream_note_refused(c->w, &c->from, downstream_l7(c), &refusal);
	downstream_linger(c);
}

static struct http1_limits limits_of(const struct conf_l7 *l7)
{
	return (struct http1_limits){
		.line = l7->limits.line, .head = l7->limits.header, .fields = l7->limits.headers};
}

static bool is_aged(const struct downstream *c)
{
	uint32_t max_age_ms = downstream_l7(c)->timeouts.max_age_ms;

	return max_age_ms && c->w->loop.timers.now_ms >= c->begun_ms + max_age_ms;
}

static void begin_request(struct downstream *c, struct request *r)
{
	static const uint8_t states[BODY_COUNT] = {
		[BODY_NONE] = DOWNSTREAM_WAIT,
		[BODY_LENGTH] = DOWNSTREAM_BODY,
		[BODY_CHUNKED] = DOWNSTREAM_BODY,
	};

	c->n_requests++;
	c->seen = 0;
	c->body = r->body;
	c->left = r->content_length;
	c->chunked = (struct http1_chunked){0};
	c->state = r->body == BODY_LENGTH && !c->left ? DOWNSTREAM_WAIT : states[r->body];
	c->is_persistent = r->is_persistent && !c->w->is_draining && !is_aged(c);
	c->from.minor = r->minor;
	c->is_chunked = c->is_until_close = false;
	c->conn.io.most = c->state == DOWNSTREAM_WAIT ? WAIT_MOST : LOOP_RECEIVE_SIZE;
	c->conn.io.may_starve = false;
	stream_new(&c->stream, c->w, &c->from, c->listener->l7, r);
}

static size_t take_head(struct downstream *c, struct slice in)
{
	const struct conf_l7 *l7 = downstream_l7(c);
	struct http1_limits limits;
	ssize_t n;

	if (!l7) {
		downstream_linger(c);
		return in.len;
	}
	// It asks again and again and takes no answer: those that wait are enough.
	if (conn_pending(&c->conn)) {
		conn_pause(&c->conn);
		return 0;
	}
	if (!c->from.started_ns)
		c->from.started_ns = c->w->loop.now_ns;
	limits = limits_of(l7);
	n = http1_parse_request(&c->w->request, in, c->seen, &limits);
	if (n < 0) {
		downstream_http1_refuse(c, http1_error_status[-n], http1_error_text[-n]);
		return in.len;
	}
	if (n == 0) {
		if (!c->seen && c->n_requests)
			loop_timer_start(&c->w->loop, &c->timer, l7->timeouts.header_ms);
		c->seen = (uint32_t)in.len;
		return 0;
	}
	begin_request(c, &c->w->request);
	return (size_t)n;
}

static void end_request(struct downstream *c, const struct fields *trailers)
{
	c->state = DOWNSTREAM_WAIT;
	if (c->stream)
		stream_end(c->stream, trailers);
}

static size_t take_length(struct downstream *c, struct slice in)
{
	size_t n = in.len < c->left ? in.len : (size_t)c->left;

	c->left -= n;
	if (stream_data(c->stream, slice_of(in.ptr, n)) && !c->left)
		end_request(c, NULL);
	return n;
}

static void refuse_content(struct downstream *c, enum http1_error error)
{
	if (c->stream)
		stream_refuse(c->stream, http1_error_status[error], http1_error_text[error]);
}

static size_t take_chunks(struct downstream *c, struct slice in)
{
	struct slice data;
	ssize_t n = http1_decode_chunks(&c->chunked, in, &data);

	if (n < 0) {
		refuse_content(c, (enum http1_error) - n);
		return in.len;
	}
	if (data.len && !stream_data(c->stream, data))
		return in.len;
	if (c->chunked.is_at_trailers)
		c->state = DOWNSTREAM_TRAILERS;
	return (size_t)n;
}

static size_t take_trailers(struct downstream *c, struct slice in)
{
	struct http1_limits limits = limits_of(c->stream->l7);
	struct fields *trailers = &c->w->trailers;
	ssize_t n = http1_parse_trailers(trailers, in, c->seen, &limits);

	if (n < 0) {
		refuse_content(c, (enum http1_error) - n);
		return in.len;
	}
	c->seen = n ? 0 : (uint32_t)in.len;
	if (n)
		end_request(c, trailers->n ? trailers : NULL);
	return (size_t)n;
}

static size_t take_tunnel(struct downstream *c, struct slice in)
{
	if (!stream_data(c->stream, in))
		return 0;
	return in.len;
}

static size_t take_content(struct downstream *c, struct slice in)
{
	if (!c->stream)
		return in.len;
	if (!stream_takes(c->stream)) {
		conn_pause(&c->conn);
		return 0;
	}
	if (c->state == DOWNSTREAM_TUNNEL)
		return take_tunnel(c, in);
	if (c->state == DOWNSTREAM_TRAILERS)
		return take_trailers(c, in);
	return c->body == BODY_LENGTH ? take_length(c, in) : take_chunks(c, in);
}

static size_t take(struct downstream *c, struct slice in)
{
	switch (c->state) {
	case DOWNSTREAM_HEAD:
		return take_head(c, in);
	case DOWNSTREAM_BODY:
	case DOWNSTREAM_TRAILERS:
	case DOWNSTREAM_TUNNEL:
		return take_content(c, in);
	case DOWNSTREAM_WAIT: // the next request, before this one is answered
		conn_pause(&c->conn);
		return 0;
	default:
		return in.len;
	}
}

size_t downstream_http1_received(struct downstream *c, struct slice bytes)
{
	size_t used = 0;

	while (used < bytes.len) {
		size_t n = take(c, slice_of(bytes.ptr + used, bytes.len - used));

		if (!n)
			break;
		used += n;
	}
	if (c->stream && c->state != DOWNSTREAM_WAIT && stream_is_full(c->stream))
		conn_pause(&c->conn);
	return used;
}

// --- answers ---

static struct downstream *downstream_of(void *client)
{
	return client;
}

// False if it does not fit: nothing is sent.
static bool write_head(struct downstream *c, struct response *r)
{
	struct text t = conn_scratch(&c->conn, CONN_SCRATCH);

	http1_write_response(&t, r, c->from.minor);
	if (t.is_cut)
		return false;
	conn_scratch_keep(&c->conn, &t);
	conn_send(&c->conn, text_slice(&t));
	return true;
}

static bool respond(void *client, struct response *r)
{
	struct downstream *c = downstream_of(client);
	bool is_endless = r->body == BODY_CHUNKED || r->body == BODY_UNTIL_CLOSE;

	c->is_chunked = is_endless && c->from.minor;
	c->is_until_close = is_endless && !c->from.minor;
	if (is_endless)
		r->body = c->is_chunked ? BODY_CHUNKED : BODY_UNTIL_CLOSE;
	// What is left of the request when the answer ends is not read.
	if (c->is_until_close || c->w->is_draining || c->state != DOWNSTREAM_WAIT)
		c->is_persistent = false;
	r->is_persistent = c->is_persistent;
	if (!write_head(c, r))
		return false;
	if (r->body == BODY_TUNNEL) {
		c->state = DOWNSTREAM_TUNNEL;
		downstream_speaks(c, TELEMETRY_WEBSOCKET);
		c->conn.io.most = LOOP_RECEIVE_SIZE;
	}
	return true;
}

static bool interim(void *client, struct response *r)
{
	struct downstream *c = downstream_of(client);

	r->is_persistent = true;
	return !conn_pending(&c->conn) && write_head(c, r);
}

static void send_content(void *client, struct slice bytes)
{
	struct downstream *c = downstream_of(client);
	struct text size;

	if (!c->is_chunked) {
		conn_send(&c->conn, bytes);
		return;
	}
	size = conn_scratch(&c->conn, 32);
	http1_write_chunk_size(&size, bytes.len);
	conn_scratch_keep(&c->conn, &size);
	conn_send(&c->conn, text_slice(&size));
	conn_send(&c->conn, bytes);
	conn_send(&c->conn, slice_of("\r\n", 2));
}

static void end_content(void *client, const struct fields *trailers)
{
	struct downstream *c = downstream_of(client);
	struct text t;

	if (!c->is_chunked)
		return;
	t = conn_scratch(&c->conn, CONN_SCRATCH);
	http1_write_last_chunk(&t, trailers);
	conn_scratch_keep(&c->conn, &t);
	conn_send(&c->conn, text_slice(&t));
}

// A client that takes nothing for client_idle_ms is given up: downstream.c looks when the timer fires.
static size_t pending(void *client)
{
	struct downstream *c = downstream_of(client);
	size_t n;

	conn_flush(&c->conn);
	n = conn_pending(&c->conn);
	if (n && !c->is_watched)
		downstream_watch(c);
	return n;
}

static size_t unsent(void *client)
{
	return conn_pending(&downstream_of(client)->conn);
}

static size_t untaken(void *client)
{
	return io_unsent(&downstream_of(client)->conn.io);
}

static void pause_request(void *client, bool is_on)
{
	struct downstream *c = downstream_of(client);

	if (is_on)
		conn_pause(&c->conn);
	else
		conn_resume(&c->conn);
}

static void finished(void *client, bool is_broken)
{
	struct downstream *c = downstream_of(client);
	bool is_whole = c->state == DOWNSTREAM_WAIT;

	c->stream = NULL;
	if (is_broken && c->state != DOWNSTREAM_TUNNEL)
		downstream_close(c, c->is_until_close);
	else if (is_whole && c->is_persistent)
		downstream_next(c);
	else
		downstream_linger(c);
}

const struct stream_ops downstream_http1_ops = {
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
