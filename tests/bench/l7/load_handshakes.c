// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/l7/load_handshakes.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "l4/base/clock.h"
#include "tests/bench/l7/load_wire.h"

enum { THREADS_MAX = 64 };

struct client {
	pthread_t thread;
	SSL_CTX *tls;
	uint64_t until_ns;
	uint16_t port;
	uint8_t host;
	size_t n_done, n_errors;
};

static bool get(struct client *c)
{
	static const char request[] =
		"GET / HTTP/1.1\r\nHost: bench.example\r\nConnection: close\r\n\r\n";
	char answer[2048] = "";
	size_t len = 0;
	struct load_wire w;
	ssize_t n = -1;

	if (load_wire_open(&w, c->tls, c->port, c->host))
		return false;
	if (!load_wire_write(&w, request, sizeof(request) - 1)) {
		while (len < sizeof(answer) - 1 &&
		       (n = load_wire_read(&w, answer + len, sizeof(answer) - 1 - len)) > 0)
			len += (size_t)n;
	}
	load_wire_close(&w);
	return !n && !strncmp(answer, "HTTP/1.1 200 ", 13);
}

static void *run(void *arg)
{
	struct client *c = arg;

	while (clock_now_ns() < c->until_ns) {
		if (get(c))
			c->n_done++;
		else
			c->n_errors++;
	}
	return NULL;
}

int load_handshakes_run(uint16_t port, uint64_t duration_ns, size_t n_threads)
{
	struct client clients[THREADS_MAX] = {0};
	SSL_CTX *tls = load_wire_context();
	size_t n_started, n_done = 0, n_errors = 0;

	for (n_started = 0; n_started < n_threads && n_started < THREADS_MAX; n_started++) {
		struct client *c = &clients[n_started];

		*c = (struct client){.tls = tls,
		                     .until_ns = clock_now_ns() + duration_ns,
		                     .port = port,
		                     .host = (uint8_t)(2 + n_started)};
		if (pthread_create(&c->thread, NULL, run, c))
			break;
	}
	for (size_t i = 0; i < n_started; i++) {
		pthread_join(clients[i].thread, NULL);
		n_done += clients[i].n_done;
		n_errors += clients[i].n_errors;
	}
	SSL_CTX_free(tls);
	printf("requests=%zu errors=%zu\n", n_done, n_errors);
	return 0;
}
