// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/l7_client.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_ROOM = 16 << 10, WHY_SIZE = 256 };

struct l7_client {
	struct l7_client_setup setup;
	struct ev_io reader, writer;
	struct ev_timer patience; // of the oldest question
	struct l7_ask *first, **last;
	int64_t n_asked;

	char *in; // [in_room]; a part of a line
	size_t in_len, in_room;

	char *out; // lines on their way, NULL = none
	size_t out_len, out_sent;

	bool is_busy;   // in a callback: not freed before it returns
	bool is_closed; // by its owner
	bool is_ended;  // has said so
};

int l7_client_connect(const char *path, pid_t *pid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {.pid = 0};
	socklen_t len = sizeof(peer);
	int fd, rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	*pid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
	return fd;
}

static void destroy(struct l7_client *c)
{
	free(c->in);
	free(c->out);
	free(c);
}

void l7_client_close(struct l7_client *c)
{
	if (!c)
		return;
	ev_io_stop(c->setup.loop, &c->reader);
	ev_io_stop(c->setup.loop, &c->writer);
	ev_timer_stop(c->setup.loop, &c->patience);
	close(c->setup.fd);
	c->is_closed = true;
	if (!c->is_busy)
		destroy(c);
}

// --- callbacks: the owner may close the client in any of them ---

static void leave(struct l7_client *c)
{
	c->is_busy = false;
	if (c->is_closed)
		destroy(c);
}

// Within is_busy.
static void end(struct l7_client *c, const char *why)
{
	if (c->is_ended || c->is_closed)
		return;
	c->is_ended = true;
	ev_io_stop(c->setup.loop, &c->reader);
	ev_io_stop(c->setup.loop, &c->writer);
	ev_timer_stop(c->setup.loop, &c->patience);
	c->setup.ended(c->setup.data, why);
}

static bool is_over(const struct l7_client *c)
{
	return c->is_closed || c->is_ended;
}

static void watch_patience(struct l7_client *c)
{
	double left;

	ev_timer_stop(c->setup.loop, &c->patience);
	if (!c->first)
		return;
	left = c->first->deadline - ev_now(c->setup.loop);
	ev_timer_set(&c->patience, left > 0. ? left : 0., 0.);
	ev_timer_start(c->setup.loop, &c->patience);
}

static void on_patience(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct l7_client *c = w->data;
	char why[WHY_SIZE];

	snprintf(why, sizeof(why), "no answer to %s within %.0f s",
	         ctl_method_types[c->first->method].name, c->first->patience_s);
	c->is_busy = true;
	end(c, why);
	leave(c);
}

// --- in ---

static void take_answer(struct l7_client *c, const char *line, size_t len)
{
	struct l7_ask *ask = c->first;
	union ctl_result result;
	struct err err = {0};
	enum ctl_method method;
	int rc;

	if (!ask)
		return end(c, "it answered what nobody had asked");
	c->first = ask->next;
	if (!c->first)
		c->last = &c->first;
	watch_patience(c);
	method = ask->method; // its owner may free it when told
	rc = ctl_answer_decode(&result, method, line, len, &err);
	ask->done(ask, rc, &result, &err);
	if (!rc)
		ctl_method_free_result(method, &result);
}

static void take_line(struct l7_client *c, const char *line, size_t len)
{
	struct ctl_request notice;
	struct err err = {0};
	char why[WHY_SIZE + sizeof(err.msg)];
	int rc = ctl_notice_decode(&notice, line, len, &err);

	if (rc == -ENOMSG)
		return take_answer(c, line, len);
	if (rc) {
		snprintf(why, sizeof(why), "it does not speak our protocol: %s", err.msg);
		return end(c, why);
	}
	c->setup.notice(c->setup.data, &notice);
	ctl_request_free(&notice);
}

// Takes the whole lines; `from` is where a newline may first stand. What is left moves to the front.
static void take_lines(struct l7_client *c, size_t from)
{
	size_t used = 0;

	while (!is_over(c)) {
		const char *newline = memchr(c->in + from, '\n', c->in_len - from);
		size_t next;

		if (!newline)
			break;
		next = (size_t)(newline - c->in) + 1;
		take_line(c, c->in + used, next - used);
		from = used = next;
	}
	memmove(c->in, c->in + used, c->in_len - used);
	c->in_len -= used;
	if (!is_over(c) && c->in_len >= CTL_ANSWER_MAX)
		end(c, "it sent a line without an end");
}

static bool make_room(struct l7_client *c)
{
	size_t room = c->in_room ? c->in_room * 2 : FIRST_ROOM;
	char *grown;

	if (c->in_room - c->in_len >= FIRST_ROOM / 2)
		return true;
	grown = realloc(c->in, room);
	if (!grown)
		return false;
	c->in = grown;
	c->in_room = room;
	return true;
}

static void receive(struct l7_client *c)
{
	ssize_t n;

	if (!make_room(c))
		return end(c, "no memory for what it sends");
	n = recv(c->setup.fd, c->in + c->in_len, c->in_room - c->in_len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		return end(c, n < 0 ? strerror(errno) : "it closed the connection");
	c->in_len += (size_t)n;
	take_lines(c, c->in_len - (size_t)n);
}

static void on_readable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct l7_client *c = w->data;

	c->is_busy = true;
	receive(c);
	leave(c);
}

// --- out ---

static void on_writable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct l7_client *c = w->data;
	ssize_t n = send(c->setup.fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);

	// The reader finds out why, and what the other side had to say before.
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		ev_io_stop(loop, w);
	if (n <= 0)
		return;
	c->out_sent += (size_t)n;
	if (c->out_sent < c->out_len)
		return;
	ev_io_stop(loop, w);
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_sent = 0;
}

// Appends `line`, which it takes over.
static int put(struct l7_client *c, char *line, size_t len)
{
	char *grown;

	if (!line)
		return -ENOMEM;
	if (!c->out) {
		c->out = line;
		c->out_len = len;
	} else {
		grown = realloc(c->out, c->out_len + len);
		if (!grown) {
			free(line);
			return -ENOMEM;
		}
		memcpy(grown + c->out_len, line, len);
		free(line);
		c->out = grown;
		c->out_len += len;
	}
	ev_io_start(c->setup.loop, &c->writer);
	return 0;
}

int l7_client_ask(struct l7_client *c, struct l7_ask *ask, const union ctl_params *params)
{
	struct ctl_request request = {.method = ask->method,
	                              .id = {.kind = CTL_ID_NUMBER, .number = ++c->n_asked}};
	size_t len = 0;
	char *line;
	int rc;

	if (params)
		request.params = *params;
	line = ctl_request_encode(&request, &len);
	rc = put(c, line, len);
	if (rc)
		return rc;
	ev_now_update(c->setup.loop);
	ask->deadline = ev_now(c->setup.loop) + ask->patience_s;
	ask->next = NULL;
	*c->last = ask;
	c->last = &ask->next;
	if (c->first == ask)
		watch_patience(c);
	return 0;
}

int l7_client_open(struct l7_client **out, const struct l7_client_setup *setup)
{
	struct l7_client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->setup = *setup;
	c->last = &c->first;
	ev_io_init(&c->reader, on_readable, setup->fd, EV_READ);
	c->reader.data = c;
	ev_io_init(&c->writer, on_writable, setup->fd, EV_WRITE);
	c->writer.data = c;
	ev_init(&c->patience, on_patience);
	c->patience.data = c;
	ev_io_start(setup->loop, &c->reader);
	*out = c;
	return 0;
}
