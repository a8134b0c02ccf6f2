// SPDX-License-Identifier: BSD-3-Clause
#include "l7/admin_client.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "l4/base/log.h"
#include "l7/http1.h"

enum {
	BUSY_MS = 10000,
	PAGE_MS = 300000, // for who takes some of a page every now and then
	IDLE_MS = 60000,
	HEAD_SIZE = 512,
};

static const struct http1_limits limits = {
	.line = ADMIN_CLIENT_LINE, .head = ADMIN_CLIENT_HEAD, .fields = ADMIN_CLIENT_FIELDS};

struct admin_client {
	struct conn conn;
	struct admin_client_setup setup;
	struct timer timer;
	size_t seen;            // bytes of an incomplete head that were looked at
	bool is_busy;           // a head is incomplete, or an answer is on its way
	bool is_ending;         // what still comes is of no interest
	bool is_reader;         // counted among those who take a page
	bool closes;            // with the end of the answer that is on its way
	struct admin_page page; // of metrics
	struct timer total;     // runs while an answer with a page is on its way
	int unread;             // of it by the peer, when it was seen to get on
	struct loop_task grave;
};

struct answer_of_admin {
	uint16_t status;
	const char *type;
	const char *allow; // 405
	const char *retry; // 503; seconds
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
	if (a->retry)
		add_field(t, "Retry-After", a->retry);
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

// --- readers of pages ---

static void begin_reading(struct admin_client *c)
{
	c->is_reader = true;
	c->setup.turns->n_readers++;
	loop_timer_start(c->setup.loop, &c->total, PAGE_MS);
}

static void end_reading(struct admin_client *c)
{
	struct admin_page_turns *turns = c->setup.turns;

	loop_timer_stop(c->setup.loop, &c->total);
	if (!c->is_reader)
		return;
	c->is_reader = false;
	if (--turns->n_readers <= ADMIN_READERS / 2)
		turns->is_full = false;
}

static struct answer_of_admin refuse_page(struct admin_page_turns *turns)
{
	struct answer_of_admin a = say(503, "too many read /metrics now\n");

	if (!turns->is_full)
		LOG_WARN("metrics refused reason=\"so many read them, and slowly\" readers=%u",
		         turns->n_readers);
	turns->is_full = true;
	a.retry = "10"; // BUSY_MS: by then who takes nothing is gone
	return a;
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
	if (r->method == METHOD_GET && c->setup.turns->n_readers >= ADMIN_READERS)
		return refuse_page(c->setup.turns);
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
	end_reading(c);
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
	if (a.is_page && !is_head && admin_page_open(&c->page, a.is_chunked))
		a = say(503, "no memory\n");
	send_answer(c, &a, is_head, c->closes);
	if (c->page.page)
		begin_reading(c);
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
	return c->page.page || conn_pending(&c->conn);
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

	if (c->page.page)
		c->closes = true;
	else if (conn_pending(conn) && !c->is_ending)
		end(c);
	else if (!conn_pending(conn))
		admin_client_close(c);
}

// Bytes that the kernel holds for the peer; tcp(7), unix(7).
static int unread(const struct admin_client *c)
{
	int n = 0;

	return ioctl(c->conn.io.fd, SIOCOUTQ, &n) ? 0 : n;
}

// The kernel has taken some of the answer. Only a page may take long.
static void note_progress(struct admin_client *c)
{
	if (!timer_is_running(&c->total))
		return;
	c->unread = unread(c);
	loop_timer_start(c->setup.loop, &c->timer, BUSY_MS);
}

static void on_moved(struct conn *conn)
{
	note_progress(client_of(conn));
}

// All that was sent may be with the kernel.
static void look_for_end(struct admin_client *c)
{
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
	struct admin_client *c = client_of(conn);

	note_progress(c);
	if (c->page.page)
		admin_page_go_on(&c->page);
	else
		look_for_end(c);
}

static void on_piece_sent(struct admin_page *page)
{
	struct admin_client *c = CONTAINER_OF(page, struct admin_client, page);

	if (!conn_pending(&c->conn))
		note_progress(c);
	look_for_end(c);
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
	.moved = on_moved,
	.failed = on_failed,
};

// A peer may have taken less than what makes the kernel ask for more.
static void on_timer(struct timer *t)
{
	struct admin_client *c = CONTAINER_OF(t, struct admin_client, timer);

	if (timer_is_running(&c->total) && unread(c) < c->unread)
		note_progress(c);
	else
		admin_client_close(c);
}

static void on_total(struct timer *t)
{
	admin_client_close(CONTAINER_OF(t, struct admin_client, total));
}

// --- life ---

bool admin_client_is_idle(const struct admin_client *c)
{
	return !c->is_busy || (c->is_ending && !is_answering(c));
}

static void bury(struct loop_task *task)
{
	free(CONTAINER_OF(task, struct admin_client, grave));
}

// An answer that is cut ends with a reset: a page to HTTP/1.0 has no other mark of its end than that of the connection.
void admin_client_close(struct admin_client *c)
{
	loop_timer_stop(c->setup.loop, &c->timer);
	end_reading(c);
	if (is_answering(c))
		conn_abort(&c->conn);
	admin_page_close(&c->page);
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
	c->total.fire = on_total;
	c->page = (struct admin_page){.turns = setup->turns,
	                              .source = setup->source,
	                              .conn = &c->conn,
	                              .sent = on_piece_sent};
	rc = conn_accept(&c->conn, setup->loop, setup->fd, &ops);
	if (rc) {
		free(c);
		return rc;
	}
	set_busy(c, false);
	*out = c;
	return 0;
}
