// SPDX-License-Identifier: BSD-3-Clause
#include "l7/admin_client.h"

#include <errno.h>
#include <stdlib.h>

#include "l7/http1.h"

enum { BUSY_MS = 10000, IDLE_MS = 60000, HEAD_SIZE = 512 };

static const struct http1_limits limits = {
	.line = ADMIN_CLIENT_LINE, .head = ADMIN_CLIENT_HEAD, .fields = ADMIN_CLIENT_FIELDS};

struct admin_client {
	struct conn conn;
	struct admin_client_setup setup;
	struct timer timer;
	size_t seen;    // bytes of an incomplete head that were looked at
	bool is_busy;   // a head is incomplete, or an answer is on its way
	bool is_ending; // what still comes is of no interest
	struct loop_task grave;
};

struct answer_of_admin {
	uint16_t status;
	const char *type;
	const char *allow; // 405
	struct slice body;
	bool is_unmade; // nobody has made the body, and its length is not told
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
	if (!a->is_unmade) {
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
	conn_flush(&c->conn); // the body is the caller's
	if (closes)
		end(c);
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

// *metrics is to be freed when the answer was sent.
static struct answer_of_admin answer(const struct admin_client *c, const struct request *r,
                                     char **metrics)
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
	a = (struct answer_of_admin){.status = 200,
	                             .type = "text/plain; version=0.0.4; charset=utf-8"};
	// A page takes long to make, and hundreds of these come in one read.
	a.is_unmade = r->method == METHOD_HEAD;
	if (a.is_unmade)
		return a;
	// Of large nodes it is many megabytes, and waits for whoever does not read it.
	if (buf_is_full(&c->setup.loop->bufs))
		return say(503, "too many pages wait for their readers\n");
	*metrics = source->metrics(source->data, &a.body.len);
	a.body.ptr = (const uint8_t *)*metrics;
	return *metrics ? a : say(503, "no memory\n");
}

// Content is not read: whoever sends some is answered and let go.
static bool is_last(const struct request *r)
{
	return !r->is_persistent || r->minor == 0 || r->body == BODY_CHUNKED ||
	       (r->body == BODY_LENGTH && r->content_length);
}

static void serve(struct admin_client *c, const struct request *r)
{
	char *metrics = NULL;
	struct answer_of_admin a = answer(c, r, &metrics);

	send_answer(c, &a, r->method == METHOD_HEAD, is_last(r));
	free(metrics);
}

static void refuse(struct admin_client *c, enum http1_error error)
{
	struct answer_of_admin a = say(http1_error_status[error], http1_error_text[error]);

	send_answer(c, &a, false, true);
}

static void set_busy(struct admin_client *c, bool is_busy)
{
	if (is_busy == c->is_busy && timer_is_running(&c->timer) && is_busy)
		return; // the time of a head begins with its first byte
	c->is_busy = is_busy;
	loop_timer_start(c->setup.loop, &c->timer, is_busy ? BUSY_MS : IDLE_MS);
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

static size_t on_received(struct conn *conn, struct slice bytes)
{
	struct admin_client *c = client_of(conn);
	size_t used = 0, n = 1;

	while (n && used < bytes.len && !c->is_ending && !conn_pending(conn)) {
		n = take(c, slice_of(bytes.ptr + used, bytes.len - used));
		used += n;
		if (n)
			set_busy(c, false);
	}
	if (c->is_ending)
		used = bytes.len;
	if (conn_pending(conn) && !c->is_ending)
		conn_pause(conn);
	set_busy(c, used < bytes.len || conn_pending(conn) || c->is_ending);
	return used;
}

static void on_opened(struct conn *conn)
{
}

static void on_ended(struct conn *conn)
{
	struct admin_client *c = client_of(conn);

	if (conn_pending(conn) && !c->is_ending)
		end(c);
	else if (!conn_pending(conn))
		admin_client_close(c);
}

static void on_drained(struct conn *conn)
{
	struct admin_client *c = client_of(conn);

	if (conn->is_ended) {
		admin_client_close(c);
	} else if (!c->is_ending) {
		set_busy(c, false);
		conn_resume(conn);
	}
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

void admin_client_close(struct admin_client *c)
{
	loop_timer_stop(c->setup.loop, &c->timer);
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
	rc = conn_accept(&c->conn, setup->loop, setup->fd, &ops);
	if (rc) {
		free(c);
		return rc;
	}
	set_busy(c, false);
	*out = c;
	return 0;
}
