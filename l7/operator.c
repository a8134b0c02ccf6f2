// SPDX-License-Identifier: BSD-3-Clause
#include "l7/operator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l4/base/log.h"
#include "l4/model/ctl.h"
#include "l4/model/server_socket.h"
#include "l7/io.h"
#include "l7/operator_client.h"
#include "l7/operator_method.h"

enum { MAX_CLIENTS = 64 };

// How often clients that keep us waiting are looked for, and how long accepting rests after an error such
// as EMFILE, which would come back at once.
enum { PATIENCE_MS = 1000 };

struct operator
{
	struct io listener;
	struct manager *manager;
	struct server_socket socket;
	struct timer patience;
	struct operator_client *clients[MAX_CLIENTS];
	unsigned n_clients;
	bool is_resting;
};

static void on_gone(struct operator_client *client, void *data)
{
	struct operator* o = data;

	for (unsigned i = 0; i < o->n_clients; i++) {
		if (o->clients[i] != client)
			continue;
		o->clients[i] = o->clients[--o->n_clients];
		return;
	}
}

// Makes room by ending the client that has been idle for longest. False if all are busy.
static bool make_room(struct operator* o)
{
	struct operator_client *idlest = NULL;

	for (unsigned i = 0; i < o->n_clients; i++)
		if (operator_client_is_idle(o->clients[i]) &&
		    (!idlest ||
		     operator_client_active_ns(o->clients[i]) < operator_client_active_ns(idlest)))
			idlest = o->clients[i];
	if (!idlest)
		return false;
	LOG_WARN("control client ended reason=\"room for a new one\" clients=%u", o->n_clients);
	operator_client_close(idlest);
	return true;
}

static void on_accepted(struct io *io, int fd, const union io_address *from)
{
	struct operator* o = CONTAINER_OF(io, struct operator, listener);
	struct operator_client_setup setup = {.fd = fd,
	                                      .loop = o->manager->loop,
	                                      .manager = o->manager,
	                                      .gone = on_gone,
	                                      .data = o};

	if (o->n_clients == MAX_CLIENTS && !make_room(o)) {
		LOG_WARN("control client refused reason=\"too many\" clients=%u", o->n_clients);
		close(fd);
		return;
	}
	if (operator_client_open(&o->clients[o->n_clients], &setup))
		close(fd);
	else
		o->n_clients++;
}

static void on_failed(struct io *io, int error)
{
	LOG_WARN("control socket rests reason=\"%s\"", strerror(-error));
	CONTAINER_OF(io, struct operator, listener)->is_resting = true;
}

static const struct io_ops ops = {.accepted = on_accepted, .failed = on_failed};

static void on_patience(struct timer *t)
{
	struct operator* o = CONTAINER_OF(t, struct operator, patience);

	// Backwards: closing moves the last one into the place.
	for (unsigned i = o->n_clients; i-- > 0;)
		if (operator_client_is_late(o->clients[i]))
			operator_client_close(o->clients[i]);
	if (o->is_resting)
		io_listen(&o->listener);
	o->is_resting = false;
	loop_timer_start(o->manager->loop, t, PATIENCE_MS);
}

int operator_open(struct operator** out, struct manager *m, const char *path, struct err *err)
{
	struct operator* o = calloc(1, sizeof(*o));
	int rc;

	if (!o)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	o->manager = m;
	o->patience.fire = on_patience;
	rc = server_socket_open(&o->socket, path, err);
	if (rc)
		goto err_free;
	rc = io_open(&o->listener, m->loop, o->socket.fd, &ops);
	if (rc) {
		err_set(err, rc, "%s: %s", path, strerror(-rc));
		server_socket_close(&o->socket);
		goto err_free;
	}
	io_listen(&o->listener);
	loop_timer_start(m->loop, &o->patience, PATIENCE_MS);
	*out = o;
	return 0;
err_free:
	free(o);
	return rc;
}

void operator_close(struct operator* o)
{
	if (!o)
		return;
	loop_timer_stop(o->manager->loop, &o->patience);
	while (o->n_clients > 0)
		operator_client_close(o->clients[0]);
	io_close(&o->listener);
	o->socket.fd = -1;
	server_socket_close(&o->socket);
	free(o);
}

void operator_tell_health(struct operator* o, const struct probe *p)
{
	struct ctl_request notice = {.method = CTL_HEALTH_CHANGED};
	size_t len = 0;
	char *line;

	operator_method_fill_health(&notice.params.health_change, p);
	line = ctl_request_encode(&notice, &len);
	if (!line) {
		LOG_ERROR("health not told reason=\"out of memory\"");
		return;
	}
	for (unsigned i = o->n_clients; i-- > 0;)
		if (operator_client_is_watching(o->clients[i]))
			operator_client_tell(o->clients[i], line, len);
	free(line);
}
