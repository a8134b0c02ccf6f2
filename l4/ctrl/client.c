// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/client.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "l4/base/log.h"
#include "l4/ctrl/captures.h"
#include "l4/ctrl/control.h"
#include "l4/ctrl/methods.h"
#include "l4/model/ctl.h"

enum { FIRST_ROOM = 4096 };

// A client that stops in the middle of a line, or of reading an answer, is given up after this.
static const double PATIENCE_S = 30.;

struct client {
	struct client_setup setup;
	struct ev_io reader;
	struct ev_io writer;
	struct ev_timer turn; // the next request, in the next turn of the loop
	double last_active;
	bool is_eof;     // it will send no more
	bool is_ending;  // what is left of the answer is sent, then the end
	bool is_calling; // a method has the request and will answer later

	char *in; // [in_room]: a part of a line, or lines not served yet
	size_t in_len, in_room;
	size_t in_used; // bytes of served lines at the front

	char *out; // the answer, NULL = none
	size_t out_len, out_sent;
	int out_fd;          // goes with its first byte; -1 = none
	uint32_t capture_id; // that ends with us; 0 = none

	struct ctl_request request;
	struct methods_call call;
	uint32_t uid; // of the process at the other end, for the log
	int32_t pid;
};

static struct ev_loop *loop_of(const struct client *c)
{
	return c->setup.control->loop;
}

void client_close(struct client *c)
{
	if (c->is_calling) {
		methods_cancel(&c->call);
		ctl_request_free(&c->request);
	}
	ev_io_stop(loop_of(c), &c->reader);
	ev_io_stop(loop_of(c), &c->writer);
	ev_timer_stop(loop_of(c), &c->turn);
	if (c->capture_id && c->setup.control->captures)
		captures_end(c->setup.control->captures, c->capture_id);
	if (c->out_fd >= 0)
		close(c->out_fd);
	c->setup.gone(c, c->setup.data);
	close(c->setup.fd);
	free(c->in);
	free(c->out);
	free(c);
}

bool client_is_idle(const struct client *c)
{
	return !c->is_calling && !c->capture_id && !c->out && c->in_len == c->in_used;
}

double client_last_active(const struct client *c)
{
	return c->last_active;
}

bool client_is_late(const struct client *c)
{
	bool owes = c->out || c->in_len != c->in_used;

	return !c->is_calling && owes && ev_now(loop_of(c)) - c->last_active > PATIENCE_S;
}

// --- out ---

static void next_turn(struct client *c)
{
	ev_timer_set(&c->turn, 0., 0.);
	ev_timer_start(loop_of(c), &c->turn);
}

// With the descriptor, if there is one.
static ssize_t send_out(const struct client *c)
{
	struct iovec part = {.iov_base = c->out + c->out_sent, .iov_len = c->out_len - c->out_sent};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (c->out_fd >= 0) {
		control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
		                                  .cmsg_level = SOL_SOCKET,
		                                  .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.header), &c->out_fd, sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.bytes);
	}
	return sendmsg(c->setup.fd, &message, MSG_NOSIGNAL);
}

// False if the client is gone.
static bool write_some(struct client *c)
{
	ssize_t n = send_out(c);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (c->out_fd >= 0)
		close(c->out_fd);
	c->out_fd = -1;
	c->last_active = ev_now(loop_of(c));
	c->out_sent += (size_t)n;
	return true;
}

static void flush(struct client *c)
{
	if (!write_some(c)) {
		client_close(c);
		return;
	}
	if (c->out_sent < c->out_len) {
		ev_io_start(loop_of(c), &c->writer);
		return;
	}
	ev_io_stop(loop_of(c), &c->writer);
	free(c->out);
	c->out = NULL;
	if (c->is_ending)
		client_close(c);
	else
		next_turn(c);
}

static void on_writable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	flush(w->data);
}

// Takes over `line`; NULL stands for no memory, which ends the connection.
static void answer(struct client *c, char *line, size_t len)
{
	if (!line) {
		client_close(c);
		return;
	}
	c->out = line;
	c->out_len = len;
	c->out_sent = 0;
	flush(c);
}

static void answer_error(struct client *c, const struct err *error)
{
	size_t len = 0;
	char *line = ctl_error_encode(&c->request.id, error, &len);

	answer(c, line, len);
}

// --- calls ---

static void log_change(const struct client *c, int rc)
{
	if (!methods_is_change(c->request.method))
		return;
	LOG_INFO("operator method=%s uid=%u pid=%d done=%s",
	         ctl_method_types[c->request.method].name, c->uid, c->pid, rc < 0 ? "no" : "yes");
}

static void answer_result(struct client *c)
{
	size_t len = 0;
	char *line = ctl_result_encode(&c->request.id, c->request.method, &c->call.result, &len);

	ctl_method_free_result(c->request.method, &c->call.result);
	answer(c, line, len);
}

static void finish_call(struct client *c, int rc)
{
	log_change(c, rc);
	c->capture_id = c->call.capture_id;
	c->out_fd = c->call.fd;
	ctl_request_free(&c->request);
	if (c->request.id.kind == CTL_ID_NONE) { // a notification: done, not answered
		if (rc >= 0)
			ctl_method_free_result(c->request.method, &c->call.result);
		if (c->out_fd >= 0) // a capture that nobody could read
			client_close(c);
		else
			next_turn(c);
		return;
	}
	if (rc >= 0) {
		answer_result(c);
		return;
	}
	c->call.err.code = CTL_REFUSED;
	answer_error(c, &c->call.err);
}

static void on_done(struct methods_call *call, int rc)
{
	struct client *c = call->data;

	c->is_calling = false;
	finish_call(c, rc);
}

static void call(struct client *c)
{
	int rc;

	c->call = (struct methods_call){.method = c->request.method,
	                                .params = &c->request.params,
	                                .capture_id = c->capture_id,
	                                .fd = -1,
	                                .done = on_done,
	                                .data = c};
	rc = methods_run(c->setup.methods, &c->call);
	if (rc == METHODS_LATER)
		c->is_calling = true;
	else
		finish_call(c, rc);
}

static void serve_line(struct client *c, const char *line, size_t len)
{
	struct err err;

	if (ctl_request_decode(&c->request, line, len, &err)) {
		answer_error(c, &err);
	} else if (!methods_serves(c->request.method)) {
		ctl_request_free(&c->request);
		err_set(&err, CTL_BAD_METHOD, "method: \"%s\" is served by lb7d",
		        ctl_method_types[c->request.method].name);
		answer_error(c, &err);
	} else {
		call(c);
	}
}

// --- in ---

static void refuse_long_line(struct client *c)
{
	struct err err;

	err_set(&err, CTL_BAD_REQUEST, "a line has at most %d bytes", CTL_REQUEST_MAX);
	c->request.id = (struct ctl_id){.kind = CTL_ID_NULL};
	c->is_ending = true;
	answer_error(c, &err);
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", line[i]) || !line[i])
			return false;
	return true;
}

// Drops the served lines and makes room for more. False if there is no memory.
static bool make_room(struct client *c)
{
	size_t room = c->in_room ? c->in_room : FIRST_ROOM;
	char *grown;

	if (c->in_used > 0)
		memmove(c->in, c->in + c->in_used, c->in_len - c->in_used);
	c->in_len -= c->in_used;
	c->in_used = 0;
	while (room - c->in_len < FIRST_ROOM / 2)
		room *= 2;
	grown = realloc(c->in, room);
	if (!grown)
		return false;
	c->in = grown;
	c->in_room = room;
	return true;
}

// An idle connection owns no buffer.
static void drop_buffer(struct client *c)
{
	free(c->in);
	c->in = NULL;
	c->in_len = c->in_used = c->in_room = 0;
}

// No whole line is there: waits for more, or ends.
static void wait_for_more(struct client *c)
{
	if (c->in_len - c->in_used >= CTL_REQUEST_MAX) {
		refuse_long_line(c);
		return;
	}
	if (c->is_eof) {
		client_close(c);
		return;
	}
	if (c->in_len == c->in_used)
		drop_buffer(c);
	ev_io_start(loop_of(c), &c->reader);
}

// Serves the next line, if there is a whole one.
static void take_turn(struct client *c)
{
	const char *line = c->in ? c->in + c->in_used : "";
	size_t left = c->in_len - c->in_used;
	const char *end = memchr(line, '\n', left);
	size_t len = end ? (size_t)(end - line) + 1 : c->is_eof ? left : 0;

	if (len == 0) { // the end of the stream ends a line, too
		wait_for_more(c);
		return;
	}
	c->in_used += len;
	if (len > CTL_REQUEST_MAX)
		refuse_long_line(c);
	else if (is_blank(line, len))
		next_turn(c);
	else
		serve_line(c, line, len);
}

static void on_turn(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	take_turn(w->data);
}

static void on_readable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct client *c = w->data;
	ssize_t n;

	if (!make_room(c)) {
		client_close(c);
		return;
	}
	n = recv(c->setup.fd, c->in + c->in_len, c->in_room - c->in_len, 0);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			client_close(c);
		return;
	}
	c->is_eof = n == 0;
	c->in_len += (size_t)n;
	c->last_active = ev_now(loop);
	ev_io_stop(loop, w);
	take_turn(c);
}

int client_open(struct client **out, const struct client_setup *setup)
{
	struct client *c = calloc(1, sizeof(*c));
	struct ucred peer = {.pid = 0};
	socklen_t len = sizeof(peer);

	if (!c)
		return -ENOMEM;
	c->setup = *setup;
	c->out_fd = -1;
	c->last_active = ev_now(loop_of(c));
	if (getsockopt(setup->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0) {
		c->uid = peer.uid;
		c->pid = peer.pid;
	}
	ev_io_init(&c->reader, on_readable, setup->fd, EV_READ);
	c->reader.data = c;
	ev_io_init(&c->writer, on_writable, setup->fd, EV_WRITE);
	c->writer.data = c;
	ev_timer_init(&c->turn, on_turn, 0., 0.);
	c->turn.data = c;
	ev_io_start(loop_of(c), &c->reader);
	*out = c;
	return 0;
}
