// SPDX-License-Identifier: BSD-3-Clause
#include "l7/listener.h"

#include <stdlib.h>
#include <unistd.h>

#include "l4/base/log.h"
#include "l7/downstream.h"
#include "l7/worker_state.h"

enum { RETRY_MS = 100 };

static void free_listener(struct loop_task *task)
{
	free(CONTAINER_OF(task, struct listener, free));
}

void listener_put(struct listener *l)
{
	if (--l->n_refs == 0)
		loop_defer(&l->w->loop, &l->free);
}

static void on_accepted(struct io *io, int fd, const union io_address *from)
{
	struct listener *l = CONTAINER_OF(io, struct listener, io);

	downstream_accept(l, fd, from);
}

static void on_failed(struct io *io, int error)
{
	struct listener *l = CONTAINER_OF(io, struct listener, io);

	LOG_WARN("cannot accept port=%u reason=\"%s\" retry_ms=%d", be16_to(l->port),
	         strerror(-error), RETRY_MS);
	loop_timer_start(&l->w->loop, &l->retry, RETRY_MS);
}

static const struct io_ops ops = {.accepted = on_accepted, .failed = on_failed};

static void on_retry(struct timer *t)
{
	io_listen(&CONTAINER_OF(t, struct listener, retry)->io);
}

static void open_listener(struct worker *w, const struct conf_service *service, int fd)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l || io_open(&l->io, &w->loop, fd, &ops)) {
		LOG_ERROR("cannot listen port=%u reason=\"out of memory\"", be16_to(service->port));
		close(fd);
		free(l);
		return;
	}
	l->w = w;
	l->address = service->address;
	l->port = service->port;
	l->l7 = SITE_NONE;
	l->n_refs = 1;
	l->retry.fire = on_retry;
	l->free.run = free_listener;
	l->next = w->listeners;
	w->listeners = l;
	io_listen(&l->io);
}

static void close_listener(struct listener *l)
{
	l->l7 = SITE_NONE;
	loop_timer_stop(&l->w->loop, &l->retry);
	io_close(&l->io);
	listener_put(l);
}

static void find_l7(struct listener *l, const struct site *site, const struct kit *kit)
{
	const uint16_t *ids = site->shared->service_ids;

	l->l7 = SITE_NONE;
	for (uint16_t i = 0; i < kit->n_sockets; i++) {
		const struct conf_service *s = &site->conf->services[kit->sockets[i].service];

		if (s->port != l->port || !addr_eq(&s->address, &l->address))
			continue;
		l->l7 = site_l7_find(site, s->l7);
		l->service = telemetry_service(l->w->telemetry, l->w->index,
		                               ids[kit->sockets[i].service]);
	}
}

void listener_update(struct worker *w)
{
	struct kit *kit = w->view->kit;
	struct listener **at = &w->listeners;

	for (uint16_t i = 0; i < kit->n_sockets; i++) {
		int fd = kit->sockets[i].fd;

		kit->sockets[i].fd = -1;
		if (fd >= 0)
			open_listener(w, &w->view->site->conf->services[kit->sockets[i].service],
			              fd);
	}
	while (*at) {
		struct listener *l = *at;

		find_l7(l, w->view->site, kit);
		if (l->l7 != SITE_NONE) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		close_listener(l);
	}
}

static void accept_rest(struct listener *l)
{
	union io_address from;
	socklen_t len = sizeof(from);
	int fd;

	while ((fd = accept4(l->io.fd, &from.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		downstream_accept(l, fd, &from);
		len = sizeof(from);
	}
}

void listener_close_all(struct worker *w)
{
	while (w->listeners) {
		struct listener *l = w->listeners;

		accept_rest(l);
		w->listeners = l->next;
		loop_timer_stop(&w->loop, &l->retry);
		io_close(&l->io);
		listener_put(l);
	}
}
