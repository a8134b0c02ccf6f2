// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/server.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "l4/base/log.h"
#include "l4/ctrl/client.h"
#include "l4/ctrl/control.h"
#include "l4/ctrl/methods.h"
#include "l4/model/server_socket.h"

enum { MAX_CLIENTS = 64 };

// How often clients that keep us waiting are looked for, and how long accepting rests after an
// error such as EMFILE, which would come back at once.
static const double PATIENCE_INTERVAL_S = 1.;

struct server {
	struct control *control;
	struct methods *methods;
	struct server_socket socket;
	struct ev_io listener;
	struct ev_timer patience;
	struct client *clients[MAX_CLIENTS];
	unsigned n_clients;
};

static void on_gone(struct client *client, void *data)
{
	struct server *s = data;

	for (unsigned i = 0; i < s->n_clients; i++) {
		if (s->clients[i] != client)
			continue;
		s->clients[i] = s->clients[--s->n_clients];
		return;
	}
}

// Makes room by ending the client that has been idle for longest. False if all are busy.
static bool make_room(struct server *s)
{
	struct client *idlest = NULL;

	for (unsigned i = 0; i < s->n_clients; i++)
		if (client_is_idle(s->clients[i]) &&
		    (!idlest || client_last_active(s->clients[i]) < client_last_active(idlest)))
			idlest = s->clients[i];
	if (!idlest)
		return false;
	LOG_WARN("control client ended reason=\"room for a new one\" clients=%u", s->n_clients);
	client_close(idlest);
	return true;
}

static void welcome(struct server *s, int fd)
{
	struct client_setup setup = {
		.fd = fd,
		.control = s->control,
		.methods = s->methods,
		.gone = on_gone,
		.data = s,
	};
	struct client *client;

	if (s->n_clients == MAX_CLIENTS && !make_room(s)) {
		LOG_WARN("control client refused reason=\"too many\" clients=%u", s->n_clients);
		close(fd);
		return;
	}
	if (client_open(&client, &setup)) {
		close(fd);
		return;
	}
	s->clients[s->n_clients++] = client;
}

static void on_listener(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct server *s = w->data;
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		welcome(s, fd);
		return;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	LOG_WARN("control socket rests error=%d", errno);
	ev_io_stop(loop, w);
}

static void on_patience(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct server *s = w->data;

	// Backwards: closing moves the last one into the place.
	for (unsigned i = s->n_clients; i-- > 0;)
		if (client_is_late(s->clients[i]))
			client_close(s->clients[i]);
	ev_io_start(loop, &s->listener);
}

static void watch(struct server *s)
{
	ev_io_init(&s->listener, on_listener, s->socket.fd, EV_READ);
	s->listener.data = s;
	ev_io_start(s->control->loop, &s->listener);
	ev_timer_init(&s->patience, on_patience, PATIENCE_INTERVAL_S, PATIENCE_INTERVAL_S);
	s->patience.data = s;
	ev_timer_start(s->control->loop, &s->patience);
}

int server_open(struct server **out, struct control *c, const char *path, struct err *err)
{
	struct server *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	s->control = c;
	rc = methods_open(&s->methods, c);
	if (rc) {
		err_set(err, rc, "%s: out of memory", path);
		goto err_free;
	}
	rc = server_socket_open(&s->socket, path, err);
	if (rc)
		goto err_methods;
	watch(s);
	*out = s;
	return 0;
err_methods:
	methods_close(s->methods);
err_free:
	free(s);
	return rc;
}

void server_close(struct server *s)
{
	if (!s)
		return;
	ev_timer_stop(s->control->loop, &s->patience);
	ev_io_stop(s->control->loop, &s->listener);
	while (s->n_clients > 0)
		client_close(s->clients[0]);
	methods_close(s->methods);
	server_socket_close(&s->socket);
	free(s);
}
