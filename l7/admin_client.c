// SPDX-License-Identifier: BSD-3-Clause
#include "l7/admin_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "l7/http1.h"

enum {
	BUSY_MS = 10000,
	IDLE_MS = 60000,
	TURN_MS = 1, // of the loop, that pages may take up
	HEAD_SIZE = 512,
	CHUNK_HEAD = 10, // the length in eight digits, CR LF
	CHUNK_END = 7,   // CR LF, and behind the last one "0", CR LF, CR LF
};

static const struct http1_limits limits = {
	.line = ADMIN_CLIENT_LINE, .head = ADMIN_CLIENT_HEAD, .fields = ADMIN_CLIENT_FIELDS};

struct admin_client {
	struct conn conn;
	struct admin_client_setup setup;
	struct timer timer;
	size_t seen;        // bytes of an incomplete head that were looked at
	bool is_busy;       // a head is incomplete, or an answer is on its way
	bool is_ending;     // what still comes is of no interest
	void *page;         // on its way: the source's; NULL = none
	bool is_chunked;    // it goes in chunks
	bool closes;        // with the end of the answer that is on its way
	struct timer again; // the next piece
	struct loop_task grave;
};

struct answer_of_admin {
	uint16_t status;
	const char *type;
	const char *allow; // 405
	struct slice body;
	bool is_page;    // of metrics; the body is empty, and its length not known
	bool is_chunked; // it comes in chunks
};

static struct admin_client *client_of(struct conn *c)
{
	return CONTAINER_OF(c, struct admin_client, conn);
}

// --- out ---

static const char plain[] = "text/plain; charset=utf-8";

static struct answer_of_admin say(uint16_t status, const char *words)
{
	return (struct answer_of_admin){
		.status = status, .type = plain, .body = slice_of(words, strlen(words))};
}

static void add_field(struct text *t, const char *name, const char *value)
{
	text_add_z(t, name);
	TEXT_ADD_LITERAL(t, ": ");
	text_add_z(t, value);
	TEXT_ADD_LITERAL(t, "\r\n");
}

static void write_head(struct text *t, const struct answer_of_admin *a, bool closes)
{
	TEXT_ADD_LITERAL(t, "HTTP/1.1 ");
	text_add_number(t, a->status);
	TEXT_ADD_LITERAL(t, " ");
	text_add_z(t, http1_reason(a->status));
	TEXT_ADD_LITERAL(t, "\r\n");
	add_field(t, "Content-Type", a->type);
	add_field(t, "Cache-Control", "no-store");
	if (a->allow)
		add_field(t, "Allow", a->allow);
	if (closes)
		add_field(t, "Connection", "close");
	if (a->is_chunked)
		add_field(t, "Transfer-Encoding", "chunked");
	if (!a->is_page) {
		TEXT_ADD_LITERAL(t, "Content-Length: ");
		text_add_number(t, a->body.len);
		TEXT_ADD_LITERAL(t, "\r\n");
	}
	TEXT_ADD_LITERAL(t, "\r\n");
}

static void end(struct admin_client *c)
{
	c->is_ending = true;
	conn_end(&c->conn);
}

static void send_answer(struct admin_client *c, const struct answer_of_admin *a, bool is_head,
                        bool closes)
{
	struct text t = conn_scratch(&c->conn, HEAD_SIZE);

	write_head(&t, a, closes);
	conn_scratch_keep(&c->conn, &t);
	conn_send(&c->conn, text_slice(&t));
	if (!is_head)
		conn_send(&c->conn, a->body);
	conn_flush(&c->conn); // what waits is known from here on
}

static void set_busy(struct admin_client *c, bool is_busy)
{
	if (is_busy == c->is_busy && timer_is_running(&c->timer) && is_busy)
		return; // the time of a head begins with its first byte
	c->is_busy = is_busy;
	loop_timer_start(c->setup.loop, &c->timer, is_busy ? BUSY_MS : IDLE_MS);
}

// --- pages of metrics ---

static void close_page(struct admin_client *c)
{
	loop_timer_stop(c->setup.loop, &c->again);
	if (c->page)
		c->setup.source->close(c->page);
	c->page = NULL;
}

// Leading zeros are allowed (RFC 9112 7.1).
static void write_chunk_head(uint8_t out[CHUNK_HEAD], size_t len)
{
	for (size_t i = CHUNK_HEAD - 2; i--; len >>= 4)
		out[i] = (uint8_t) "0123456789abcdef"[len & 15];
	out[CHUNK_HEAD - 2] = '\r';
	out[CHUNK_HEAD - 1] = '\n';
}

// A piece of the page as it goes over the wire, in `room` of CHUNK_HEAD + ADMIN_PIECE + CHUNK_END bytes. True: there is more to
// come.
static bool make_piece(const struct admin_client *c, uint8_t *room, struct slice *out)
{
	struct text t = text_of(room + CHUNK_HEAD, ADMIN_PIECE);
	bool has_more = c->setup.source->next(c->page, &t);
	bool is_chunk = c->is_chunked && t.len; // one without content would be the last

	t.size += CHUNK_END;
	if (is_chunk) {
		write_chunk_head(room, t.len);
		TEXT_ADD_LITERAL(&t, "\r\n");
	}
	if (c->is_chunked && !has_more)
		TEXT_ADD_LITERAL(&t, "0\r\n\r\n");
	*out = is_chunk ? slice_of(room, CHUNK_HEAD + t.len) : text_slice(&t);
	return has_more;
}

static void send_piece(struct admin_client *c)
{
	struct text scratch = conn_scratch(&c->conn, CHUNK_HEAD + ADMIN_PIECE + CHUNK_END);
	struct slice piece;
	bool has_more = make_piece(c, (uint8_t *)scratch.ptr, &piece);

	conn_send(&c->conn, piece);
	conn_flush(&c->conn);
	if (!has_more)
		close_page(c);
}

static bool is_turn_long(const struct loop *loop)
{
	return clock_now_ns() - loop->now_ns >= TURN_MS * CLOCK_NS_PER_MS;
}

// At least one piece, so that each of many readers gets on, and no more in a turn that has lasted long enough. What the kernel
// does not take of one waits, and the next one for that.
static void send_pieces(struct admin_client *c)
{
	do
		send_piece(c);
	while (c->page && !conn_pending(&c->conn) && !is_turn_long(c->setup.loop));
	if (c->page && !conn_pending(&c->conn))
		loop_timer_start(c->setup.loop, &c->again, TURN_MS);
}

// --- requests ---

static bool is_path(const struct request *r, const char *path)
{
	return slice_eq(r->path, slice_of(path, strlen(path)));
}

static struct answer_of_admin readiness(const struct admin_source *source)
{
	const char *unready = source->unready(source->data);

	return unready ? say(503, unready) : say(200, "ready\n");
}

static struct answer_of_admin answer(const struct admin_client *c, const struct request *r)
{
	const struct admin_source *source = c->setup.source;
	struct answer_of_admin a;
	bool is_metrics = is_path(r, "/metrics");

	if (!is_metrics && !is_path(r, "/healthz") && !is_path(r, "/readyz"))
		return say(404, "there are /healthz, /readyz and /metrics\n");
	if (r->method != METHOD_GET && r->method != METHOD_HEAD) {
		a = say(405, "GET and HEAD only\n");
		a.allow = "GET, HEAD";
		return a;
	}
	if (!is_metrics)
		return is_path(r, "/healthz") ? say(200, "ok\n") : readiness(source);
	return (struct answer_of_admin){.status = 200,
	                                .type = "text/plain; version=0.0.4; charset=utf-8",
	                                .is_page = true,
	                                .is_chunked = r->minor > 0};
}

// Content is not read: whoever sends some is answered and let go.
static bool is_last(const struct request *r)
{
	return !r->is_persistent || r->minor == 0 || r->body == BODY_CHUNKED ||
	       (r->body == BODY_LENGTH && r->content_length);
}

// The answer is with the kernel.
static void finish(struct admin_client *c)
{
	if (c->closes)
		end(c);
	else
		set_busy(c, false);
}

// Nobody makes a page for HEAD: hundreds of those come in one read.
static void serve(struct admin_client *c, const struct request *r)
{
	struct answer_of_admin a = answer(c, r);
	bool is_head = r->method == METHOD_HEAD;

	c->closes = is_last(r);
	if (a.is_page && !is_head) {
		c->page = c->setup.source->open(c->setup.source->data);
		c->is_chunked = a.is_chunked;
		if (!c->page)
			a = say(503, "no memory\n");
	}
	send_answer(c, &a, is_head, c->closes);
	if (c->page)
		loop_timer_start(c->setup.loop, &c->again, TURN_MS);
	else
		finish(c);
}

static void refuse(struct admin_client *c, enum http1_error error)
{
	struct answer_of_admin a = say(http1_error_status[error], http1_error_text[error]);

	send_answer(c, &a, false, true);
	end(c);
}

// One request; bytes it used, 0 if there is none yet.
static size_t take(struct admin_client *c, struct slice bytes)
{
	struct request r;
	ssize_t n = http1_parse_request(&r, bytes, c->seen, &limits);

	c->seen = n ? 0 : bytes.len;
	if (n > 0)
		serve(c, &r);
	else if (n < 0)
		refuse(c, (enum http1_error) - n);
	return n > 0 ? (size_t)n : 0;
}

static bool is_answering(const struct admin_client *c)
{
	return c->page || conn_pending(&c->conn);
}

static size_t on_received(struct conn *conn, struct slice bytes)
{
	struct admin_client *c = client_of(conn);
	size_t used = 0, n = 1;

	while (n && used < bytes.len && !c->is_ending && !is_answering(c)) {
		n = take(c, slice_of(bytes.ptr + used, bytes.len - used));
		used += n;
	}
	if (c->is_ending)
		used = bytes.len;
	if (is_answering(c) && !c->is_ending)
		conn_pause(conn);
	set_busy(c, used < bytes.len || is_answering(c) || c->is_ending);
	return used;
}

static void on_opened(struct conn *conn)
{
}

// It may have asked all that it wants to know, and wait for the answer.
static void on_ended(struct conn *conn)
{
	struct admin_client *c = client_of(conn);

	if (c->page)
		c->closes = true;
	else if (conn_pending(conn) && !c->is_ending)
		end(c);
	else if (!conn_pending(conn))
		admin_client_close(c);
}

// All that was sent is with the kernel.
static void go_on(struct admin_client *c)
{
	if (c->page)
		send_pieces(c);
	if (is_answering(c))
		return;
	if (c->conn.is_ended) {
		admin_client_close(c);
	} else if (!c->is_ending) {
		finish(c);
		conn_resume(&c->conn); // also to see the end
	}
}

static void on_drained(struct conn *conn)
{
	go_on(client_of(conn));
}

static void on_again(struct timer *t)
{
	go_on(CONTAINER_OF(t, struct admin_client, again));
}

static void on_failed(struct conn *conn, int error)
{
	admin_client_close(client_of(conn));
}

static const struct conn_ops ops = {
	.received = on_received,
	.opened = on_opened,
	.ended = on_ended,
	.drained = on_drained,
	.failed = on_failed,
};

static void on_timer(struct timer *t)
{
	admin_client_close(CONTAINER_OF(t, struct admin_client, timer));
}

// --- life ---

bool admin_client_is_idle(const struct admin_client *c)
{
	return !c->is_busy;
}

static void bury(struct loop_task *task)
{
	free(CONTAINER_OF(task, struct admin_client, grave));
}

// An answer that is cut ends with a reset: a page to HTTP/1.0 has no other mark of its end than that of the connection.
void admin_client_close(struct admin_client *c)
{
	loop_timer_stop(c->setup.loop, &c->timer);
	if (is_answering(c))
		conn_abort(&c->conn);
	close_page(c);
	conn_close(&c->conn);
	c->setup.gone(c, c->setup.data);
	c->grave.run = bury;
	loop_defer(c->setup.loop, &c->grave);
}

int admin_client_open(struct admin_client **out, const struct admin_client_setup *setup)
{
	struct admin_client *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->setup = *setup;
	c->timer.fire = on_timer;
	c->again.fire = on_again;
	rc = conn_accept(&c->conn, setup->loop, setup->fd, &ops);
	if (rc) {
		free(c);
		return rc;
	}
	set_busy(c, false);
	*out = c;
	return 0;
}
