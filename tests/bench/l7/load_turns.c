// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/l7/load_turns.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "l4/base/hash.h"
#include "tests/bench/l7/load_paced.h"
#include "tests/bench/l7/load_talk.h"
#include "tests/bench/l7/load_wire.h"

enum {
	THREADS_MAX = 16,
	BATCH = 64,
	SILENCE_MS = 10000,
};

struct proxy {
	const char *name;
	uint16_t port;
	int threads[THREADS_MAX]; // their schedstat
	uint32_t n_threads;
	struct client *clients;
};

struct client {
	struct load_turns_end end; // first, as epoll's data
	struct load_wire wire;
	struct load_talk talk;
	struct proxy *proxy;
};

static struct {
	const struct load_talk_shape *shape;
	enum load_talk_kind kind;
	struct proxy proxies[TURNS_PROXIES];
	uint32_t n_proxies;
	int epoll_fd;
	uint64_t n_awaited;
	uint64_t seed;
} t;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "l7_load: turns: %s\n", what);
	exit(1);
}

// --- CPU time ---

static void open_threads(struct proxy *p, const char *pid)
{
	char pattern[64];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "/proc/%.16s/task/*/schedstat", pid);
	must(!glob(pattern, 0, NULL, &found), "no such process");
	must(found.gl_pathc <= THREADS_MAX, "too many threads");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		p->threads[i] = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);
		must(p->threads[i] >= 0, "no schedstat");
	}
	p->n_threads = (uint32_t)found.gl_pathc;
	globfree(&found);
}

static uint64_t cpu_ns(const struct proxy *p)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < p->n_threads; i++) {
		char text[64] = "";

		must(pread(p->threads[i], text, sizeof(text) - 1, 0) > 0, "a proxy is gone");
		sum += strtoull(text, NULL, 10);
	}
	return sum;
}

// --- connections ---

static void answered(struct load_turns_end *end)
{
	struct client *c = CONTAINER_OF(end, struct client, end);
	uint8_t bytes[16384];
	const ssize_t n = recv(c->wire.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	int done;

	if (n < 0 && errno == EAGAIN)
		return;
	must(n > 0, "a proxy closed a connection");
	done = load_talk_take(&c->talk, bytes, (size_t)n);
	must(done >= 0, "an answer was not 200");
	must((uint64_t)done <= t.n_awaited, "more answers than requests");
	t.n_awaited -= (uint64_t)done;
}

static void say(struct client *c, const char *bytes, size_t len)
{
	must(!len || !load_wire_write(&c->wire, bytes, len), "a proxy does not take requests");
}

// Until all that is awaited has come.
static void settle(void)
{
	struct epoll_event events[BATCH];

	while (t.n_awaited) {
		const int n = epoll_wait(t.epoll_fd, events, BATCH, SILENCE_MS);

		must(n > 0, "answers are missing");
		for (int i = 0; i < n; i++) {
			struct load_turns_end *end = events[i].data.ptr;

			end->ready(end);
		}
	}
}

static void open_clients(struct proxy *p)
{
	char bytes[TALK_MAX];

	p->clients = calloc(t.shape->n_connections, sizeof(*p->clients));
	must(p->clients, "no memory");
	for (uint32_t i = 0; i < t.shape->n_connections; i++) {
		struct client *c = &p->clients[i];
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &c->end};

		*c = (struct client){.end.ready = answered, .proxy = p, .talk.kind = t.kind};
		must(!load_wire_open(&c->wire, NULL, p->port, 2), "a proxy cannot be connected to");
		must(!epoll_ctl(t.epoll_fd, EPOLL_CTL_ADD, c->wire.fd, &event), "epoll_ctl");
		say(c, bytes, load_talk_hello(&c->talk, bytes, (uint32_t)(p - t.proxies)));
		if (t.kind != TALK_EVENT)
			continue;
		t.n_awaited = 1; // the first event comes by itself
		settle();
	}
}

// --- windows ---

static void run_round(struct proxy *p)
{
	char bytes[TALK_MAX];

	t.n_awaited = (uint64_t)t.shape->n_connections * t.shape->n_at_once;
	for (uint32_t i = 0; i < t.shape->n_connections; i++)
		say(&p->clients[i], bytes, load_talk_ask(&p->clients[i].talk, bytes));
	if (t.kind == TALK_EVENT)
		must(load_paced_emit((uint32_t)(p - t.proxies)) == t.shape->n_connections,
		     "streams are missing at the origin");
	settle();
}

static void run_window(struct proxy *p, uint64_t turn, uint64_t n_rounds)
{
	uint64_t ns;

	run_round(p); // finds its caches again
	sched_yield();
	ns = cpu_ns(p);
	for (uint64_t i = 0; i < n_rounds; i++)
		run_round(p);
	sched_yield(); // what a proxy does behind its last answer is its work, too
	printf("%" PRIu64 " %s %" PRIu64 " %" PRIu64 "\n", turn, p->name, cpu_ns(p) - ns,
	       n_rounds * t.shape->n_connections * t.shape->n_at_once);
}

static void run_turn(uint64_t turn, uint64_t n_rounds)
{
	uint32_t order[TURNS_PROXIES] = {0};

	for (uint32_t i = 0; i < t.n_proxies; i++) {
		t.seed += HASH_K1;
		const uint32_t k = hash_range((uint32_t)hash_mix(t.seed, 0, HASH_K2), i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	for (uint32_t i = 0; i < t.n_proxies; i++)
		run_window(&t.proxies[order[i]], turn, n_rounds);
}

static void read_proxy(char *text)
{
	struct proxy *p = &t.proxies[t.n_proxies];
	char *rest = text;
	const char *port, *pid;

	must(t.n_proxies++ < TURNS_PROXIES, "too many proxies");
	p->name = strsep(&rest, ":");
	port = strsep(&rest, ":");
	pid = strsep(&rest, ":");
	must(pid, "a proxy is NAME:PORT:PID");
	p->port = (uint16_t)strtoul(port, NULL, 10);
	open_threads(p, pid);
}

int load_turns_run(const struct load_turns_plan *plan)
{
	for (t.kind = 0; t.kind < TALK_COUNT; t.kind++)
		if (!strcmp(plan->kind, load_talk_shapes[t.kind].name))
			break;
	must(t.kind < TALK_COUNT, "unknown kind");
	t.shape = &load_talk_shapes[t.kind];
	t.seed = clock_now_ns();
	t.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	must(t.epoll_fd >= 0, "epoll_create1");
	if (plan->origin_port)
		must(!load_paced_open(t.epoll_fd, plan->origin_port), "the origin's port is taken");
	for (uint32_t i = 0; i < plan->n_proxies; i++) {
		read_proxy(plan->proxies[i]);
		open_clients(&t.proxies[i]);
		run_round(&t.proxies[i]);
	}
	for (uint64_t turn = 0; turn < plan->n_turns; turn++)
		run_turn(turn, plan->n_rounds);
	return 0;
}
