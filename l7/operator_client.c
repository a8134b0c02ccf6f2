// SPDX-License-Identifier: BSD-3-Clause
#include "l7/operator_client.h"

#include <errno.h>
#include <stdlib.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"
#include "l4/model/ctl.h"
#include "l4/model/ctl_line.h"
#include "l7/io.h"
#include "l7/operator_method.h"

enum { BEHIND_MAX = 8 << 20 }; // bytes of notifications that a client may leave lying

// A client that stops in the middle of a line, or of taking an answer, is given up after this.
static const uint64_t PATIENCE_NS = 30 * CLOCK_NS_PER_S;

struct operator_client {
	struct io io;
	struct operator_client_setup setup;
	struct ctl_line in;
	struct timer turn; // the next request, in another turn of the loop
	uint64_t active_ns;
	bool is_eof;     // it will send no more
	bool is_ending;  // what is left of the answer is sent, then the end
	bool is_waiting; // for an answer to be taken
	bool is_watching;
	uint32_t uid; // of the process at the other end, for the log
	int32_t pid;
	struct loop_task grave;
};

static void bury(struct loop_task *task)
{
	free(CONTAINER_OF(task, struct operator_client, grave));
}

void operator_client_close(struct operator_client *c)
{
	io_close(&c->io);
	loop_timer_stop(c->setup.loop, &c->turn);
	ctl_line_fini(&c->in);
	c->setup.gone(c, c->setup.data);
	c->grave.run = bury;
	loop_defer(c->setup.loop, &c->grave);
}

bool operator_client_is_watching(const struct operator_client *c)
{
	return c->is_watching;
}

bool operator_client_is_idle(const struct operator_client *c)
{
	return !c->is_watching && !c->io.n_out && !ctl_line_waiting(&c->in);
}

uint64_t operator_client_active_ns(const struct operator_client *c)
{
	return c->active_ns;
}

bool operator_client_is_late(const struct operator_client *c)
{
	return (c->io.n_out || ctl_line_waiting(&c->in)) &&
	       c->setup.loop->now_ns - c->active_ns > PATIENCE_NS;
}

// --- out ---

static void send_line(struct operator_client *c, const char *line, size_t len)
{
	struct iovec iov = {(void *)(uintptr_t)line, len};

	io_send(&c->io, &iov, 1);
}

// What comes after the present answer, or line without one: the next request, or the end.
static void go_on(struct operator_client *c)
{
	c->is_waiting = c->io.n_out > 0;
	if (c->is_waiting)
		return;
	if (c->is_ending)
		operator_client_close(c);
	else
		loop_timer_start(c->setup.loop, &c->turn, 0);
}

// Takes over `line`; NULL stands for no memory, which ends the connection.
static void answer(struct operator_client *c, char *line, size_t len)
{
	if (!line) {
		operator_client_close(c);
		return;
	}
	send_line(c, line, len);
	free(line);
	go_on(c);
}

static void answer_error(struct operator_client *c, const struct ctl_id *id,
                         const struct err *error)
{
	size_t len = 0;
	char *line = ctl_error_encode(id, error, &len);

	answer(c, line, len);
}

void operator_client_tell(struct operator_client *c, const char *line, size_t len)
{
	if (c->io.n_out > BEHIND_MAX) {
		LOG_WARN("control client ended reason=\"does not take notifications\" pid=%d",
		         c->pid);
		operator_client_close(c);
		return;
	}
	send_line(c, line, len);
}

// --- calls ---

static void log_change(const struct operator_client *c, enum ctl_method method, int rc)
{
	if (operator_method_is_change(method))
		LOG_INFO("operator method=%s uid=%u pid=%d done=%s", ctl_method_types[method].name,
		         c->uid, c->pid, rc ? "no" : "yes");
}

static void answer_call(struct operator_client *c, const struct ctl_request *request,
                        const union ctl_result *result, int rc, struct err *err)
{
	size_t len = 0;
	char *line;

	if (request->id.kind == CTL_ID_NONE) { // a notification: done, not answered
		go_on(c);
		return;
	}
	if (rc) {
		err->code = rc == CTL_BAD_METHOD ? rc : CTL_REFUSED;
		answer_error(c, &request->id, err);
		return;
	}
	line = ctl_result_encode(&request->id, request->method, result, &len);
	answer(c, line, len);
}

static void call(struct operator_client *c, const struct ctl_request *request)
{
	union ctl_result result;
	struct err err = {0};
	int rc = operator_method_run(c->setup.manager, request->method, &request->params, &result,
	                             &err);

	log_change(c, request->method, rc);
	if (!rc && request->method == CTL_HEALTH_WATCH)
		c->is_watching = true;
	answer_call(c, request, &result, rc, &err);
	if (!rc)
		ctl_method_free_result(request->method, &result);
}

static void serve_line(struct operator_client *c, const char *line, size_t len)
{
	struct ctl_request request;
	struct err err;

	if (ctl_request_decode(&request, line, len, &err)) {
		answer_error(c, &request.id, &err);
		return;
	}
	call(c, &request);
	ctl_request_free(&request);
}

// --- in ---

static void refuse_long_line(struct operator_client *c)
{
	static const struct ctl_id null = {.kind = CTL_ID_NULL};
	struct err err;

	err_set(&err, CTL_BAD_REQUEST, "a line has at most %d bytes", CTL_REQUEST_L7_MAX);
	c->is_ending = true;
	ctl_line_fini(&c->in);
	answer_error(c, &null, &err);
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r' && line[i] != '\n')
			return false;
	return true;
}

// No whole line is there: waits for more, or ends.
static void wait_for_more(struct operator_client *c)
{
	if (ctl_line_waiting(&c->in) >= CTL_REQUEST_L7_MAX)
		refuse_long_line(c);
	else if (c->is_eof)
		operator_client_close(c);
	else
		io_receive(&c->io, true);
}

// Serves the next line, if there is a whole one.
static void take_turn(struct operator_client *c)
{
	size_t len = 0;
	const char *line = ctl_line_next(&c->in, &len);

	if (!line && c->is_eof) // the end of the stream ends a line, too
		line = ctl_line_last(&c->in, &len);
	if (!line)
		wait_for_more(c);
	else if (len > CTL_REQUEST_L7_MAX)
		refuse_long_line(c);
	else if (is_blank(line, len))
		go_on(c);
	else
		serve_line(c, line, len);
}

static void on_turn(struct timer *t)
{
	take_turn(CONTAINER_OF(t, struct operator_client, turn));
}

static struct operator_client *client_of(struct io *io)
{
	return CONTAINER_OF(io, struct operator_client, io);
}

static void on_received(struct io *io, struct slice bytes)
{
	struct operator_client *c = client_of(io);

	c->is_eof = bytes.len == 0;
	c->active_ns = c->setup.loop->now_ns;
	if (ctl_line_add(&c->in, bytes.ptr, bytes.len)) {
		operator_client_close(c);
		return;
	}
	io_receive(io, false);
	take_turn(c);
}

static void on_sent(struct io *io)
{
	struct operator_client *c = client_of(io);

	c->active_ns = c->setup.loop->now_ns;
	if (c->is_waiting)
		go_on(c);
}

static void on_failed(struct io *io, int error)
{
	operator_client_close(client_of(io));
}

static const struct io_ops ops = {.received = on_received, .sent = on_sent, .failed = on_failed};

int operator_client_open(struct operator_client **out, const struct operator_client_setup *setup)
{
	struct operator_client *c = calloc(1, sizeof(*c));
	struct ucred peer = {.pid = 0};
	socklen_t len = sizeof(peer);
	int rc;

	if (!c)
		return -ENOMEM;
	c->setup = *setup;
	c->turn.fire = on_turn;
	c->active_ns = setup->loop->now_ns;
	rc = io_open(&c->io, setup->loop, setup->fd, &ops);
	if (rc) {
		free(c);
		return rc;
	}
	if (getsockopt(setup->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0) {
		c->uid = peer.uid;
		c->pid = peer.pid;
	}
	io_receive(&c->io, true);
	*out = c;
	return 0;
}
