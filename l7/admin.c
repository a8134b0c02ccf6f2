// SPDX-License-Identifier: BSD-3-Clause
#include "l7/admin.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l4/base/log.h"
#include "l7/admin_client.h"

// What the kernel takes of a page beyond what the peer has room for: else a reader that does not read costs megabytes of its memory.
enum { BACKLOG = 64, REST_MS = 100, UNSENT_MOST = 131072 };

struct admin {
	struct io listener;
	struct loop *loop;
	struct conf_admin at;
	struct admin_source source;
	struct admin_page_turns turns;
	struct admin_client *clients[ADMIN_CLIENTS]; // in the order of their coming
	unsigned n_clients;
	struct timer rest; // after a failure of accept(2)
	struct loop_task grave;
};

static void on_gone(struct admin_client *client, void *data)
{
	struct admin *a = data;
	unsigned i = 0;

	while (a->clients[i] != client)
		i++;
	a->n_clients--;
	memmove(&a->clients[i], &a->clients[i + 1],
	        (a->n_clients - i) * sizeof(struct admin_client *));
}

// False if all are busy.
static bool make_room(struct admin *a)
{
	for (unsigned i = 0; i < a->n_clients; i++) {
		if (!admin_client_is_idle(a->clients[i]))
			continue;
		admin_client_close(a->clients[i]);
		return true;
	}
	return false;
}

// Where it fails, all works as before.
static void limit_unsent(int fd)
{
	int most = UNSENT_MOST;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof(most)) < 0)
		LOG_DEBUG("admin takes more memory for slow readers reason=\"%s\"",
		          strerror(errno));
}

static void on_accepted(struct io *io, int fd, const union io_address *from)
{
	struct admin *a = CONTAINER_OF(io, struct admin, listener);
	struct admin_client_setup setup = {.loop = a->loop,
	                                   .fd = fd,
	                                   .source = &a->source,
	                                   .turns = &a->turns,
	                                   .gone = on_gone,
	                                   .data = a};

	limit_unsent(fd);
	if ((a->n_clients == ADMIN_CLIENTS && !make_room(a)) ||
	    admin_client_open(&a->clients[a->n_clients], &setup)) {
		close(fd);
		return;
	}
	a->n_clients++;
}

static void on_rested(struct timer *t)
{
	io_listen(&CONTAINER_OF(t, struct admin, rest)->listener);
}

static void on_failed(struct io *io, int error)
{
	struct admin *a = CONTAINER_OF(io, struct admin, listener);

	LOG_WARN("admin rests reason=\"%s\"", strerror(-error));
	loop_timer_start(a->loop, &a->rest, REST_MS);
}

static const struct io_ops ops = {.accepted = on_accepted, .failed = on_failed};

static int open_socket(const struct conf_admin *at)
{
	union io_address address;
	socklen_t len = io_address_set(&address, &at->address, at->port);
	int fd = socket(address.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, rc;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    bind(fd, &address.sa, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

int admin_open(struct admin **out, struct loop *loop, const struct conf_admin *at,
               const struct admin_source *source, struct err *err)
{
	struct admin *a = calloc(1, sizeof(*a));
	char text[ADDR_PORT_TEXT_SIZE];
	int fd, rc;

	if (!a)
		return err_set(err, -ENOMEM, "admin: out of memory");
	a->loop = loop;
	a->at = *at;
	a->source = *source;
	a->rest.fire = on_rested;
	admin_page_turns_init(&a->turns, loop);
	fd = open_socket(at);
	rc = fd < 0 ? fd : io_open(&a->listener, loop, fd, &ops);
	if (rc) {
		if (fd >= 0)
			close(fd);
		free(a);
		return err_set(err, rc, "admin: %s: %s",
		               addr_port_text(&at->address, at->port, text), strerror(-rc));
	}
	io_listen(&a->listener);
	*out = a;
	return 0;
}

static void bury(struct loop_task *task)
{
	free(CONTAINER_OF(task, struct admin, grave));
}

void admin_close(struct admin *a)
{
	if (!a)
		return;
	loop_timer_stop(a->loop, &a->rest);
	io_close(&a->listener);
	while (a->n_clients)
		admin_client_close(a->clients[0]);
	admin_page_turns_fini(&a->turns);
	a->grave.run = bury;
	loop_defer(a->loop, &a->grave);
}

bool admin_is_at(const struct admin *a, const struct conf_admin *at)
{
	return a && addr_eq(&a->at.address, &at->address) && a->at.port == at->port;
}
