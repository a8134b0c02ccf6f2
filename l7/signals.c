// SPDX-License-Identifier: BSD-3-Clause
#include "l7/signals.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static const int watched[] = {SIGTERM, SIGINT, SIGHUP};

static int to_loop = -1; // the handler's end

static void on_signal(int number)
{
	uint8_t byte = (uint8_t)number;
	int saved = errno;

	ssize_t sent = send(to_loop, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);

	errno = sent < 0 ? saved : errno; // full: thousands wait already
}

static void on_received(struct io *io, struct slice bytes)
{
	struct signals *s = CONTAINER_OF(io, struct signals, io);

	for (size_t i = 0; i < bytes.len; i++)
		s->came(s->data, bytes.ptr[i]);
}

static void on_sent(struct io *io)
{
}

static void on_failed(struct io *io, int error)
{
	io_close(io);
}

static const struct io_ops ops = {.received = on_received, .sent = on_sent, .failed = on_failed};

int signals_open(struct signals *s, struct loop *loop, void (*came)(void *data, int number),
                 void *data)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	int fds[2], rc;

	s->came = came;
	s->data = data;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		return -errno;
	rc = io_open(&s->io, loop, fds[0], &ops);
	if (rc) {
		close(fds[0]);
		close(fds[1]);
		return rc;
	}
	to_loop = fds[1];
	io_receive(&s->io, true);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		sigaction(watched[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

void signals_close(struct signals *s)
{
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		signal(watched[i], SIG_DFL);
	close(to_loop);
	to_loop = -1;
	io_close(&s->io);
}
