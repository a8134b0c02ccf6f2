// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/l7/load_events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "tests/bench/l7/load_chunks.h"
#include "tests/bench/l7/load_wire.h"

enum {
	BATCH = 64,
	AGES_MAX = 1 << 20, // events whose age is kept: enough for all that are measured
	SILENCE_S = 10,     // a stream that says nothing for longer has failed
};

struct run;

struct stream {
	struct load_wire wire;
	struct load_chunks chunks;
	struct run *run;
	uint64_t began_ns; // before connect()
	uint64_t n_seen;
	bool is_over;
};

struct run {
	const struct load_events_plan *plan;
	struct stream *streams;
	int epoll_fd;
	uint64_t began_ns;
	uint64_t now_ns; // when the bytes at hand were read
	size_t n_open, n_begun, n_over, n_cut;
	uint64_t n_lost, n_events, first_ns;
	bool is_told, is_stopped;
	uint64_t *ages_ns;
	size_t n_ages;
};

static void on_line(void *user, const char *text)
{
	struct stream *s = user;
	struct run *r = s->run;
	uint64_t number, stamp_ns;

	if (sscanf(text, "data: %" SCNu64 " %" SCNu64, &number, &stamp_ns) != 2 &&
	    sscanf(text, "data: {\"number\":%" SCNu64 ",\"stamp\":%" SCNu64, &number, &stamp_ns) !=
	            2)
		return; // the empty line behind an event, or a comment of the proxy's
	if (number != s->n_seen)
		r->n_lost++;
	s->n_seen = number + 1;
	r->n_events++;
	if (number == 0) {
		r->n_begun++;
		if (r->now_ns - s->began_ns > r->first_ns)
			r->first_ns = r->now_ns - s->began_ns;
	} else if (r->n_ages < AGES_MAX) {
		r->ages_ns[r->n_ages++] = r->now_ns - stamp_ns;
	}
}

static bool stream_open(struct run *r, struct stream *s)
{
	const struct load_events_plan *plan = r->plan;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
	char request[256];
	int len =
		snprintf(request, sizeof(request),
	                 "GET %s?n=%" PRIu64 "&gap=%" PRIu64 " HTTP/1.1\r\nHost: bench.example\r\n"
	                 "Accept: text/event-stream\r\n\r\n",
	                 plan->path, plan->n_events, plan->gap_us);

	s->run = r;
	s->chunks.line = on_line;
	s->chunks.user = s;
	s->began_ns = clock_now_ns();
	return !load_wire_open(&s->wire, NULL, plan->port, 2) &&
	       !load_wire_write(&s->wire, request, (size_t)len) &&
	       !epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, s->wire.fd, &event);
}

static void stream_over(struct stream *s, bool is_cut)
{
	s->is_over = true;
	s->run->n_over++;
	s->run->n_cut += is_cut;
	load_wire_close(&s->wire);
}

static void stream_ready(struct stream *s)
{
	const uint64_t n_events = s->run->plan->n_events;
	char bytes[16384];
	const ssize_t n = recv(s->wire.fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	s->run->now_ns = clock_now_ns();
	if (n <= 0) {
		stream_over(s, true);
		return;
	}
	load_chunks_feed(&s->chunks, bytes, (size_t)n);
	if (s->chunks.at >= CHUNKS_AT_END)
		stream_over(s,
		            s->chunks.at == CHUNKS_AT_FAULT || !n_events || s->n_seen < n_events);
}

// When the next stream is due; 0 if all have been opened.
static uint64_t next_open_ns(const struct run *r)
{
	const struct load_events_plan *plan = r->plan;

	if (r->n_open == plan->n_streams)
		return 0;
	return r->began_ns + r->n_open * plan->gap_us * 1000 / plan->n_streams;
}

static bool open_due(struct run *r)
{
	uint64_t due_ns;

	while ((due_ns = next_open_ns(r)) && due_ns <= clock_now_ns()) {
		if (!stream_open(r, &r->streams[r->n_open]))
			return false;
		r->n_open++;
	}
	return true;
}

// How long to sleep at most. No spinning: the origin may have to share our CPU.
static struct timespec patience(const struct run *r)
{
	const uint64_t due_ns = next_open_ns(r), now_ns = clock_now_ns();

	if (!due_ns)
		return (struct timespec){.tv_sec = SILENCE_S};
	return (struct timespec){.tv_nsec = due_ns > now_ns ? (long)(due_ns - now_ns) : 0};
}

static void tell_begun(struct run *r)
{
	if (r->plan->n_events || r->is_told || r->n_begun < r->plan->n_streams)
		return;
	r->is_told = true;
	printf("open %zu\n", r->n_begun);
	(void)fflush(stdout);
}

static bool serve(struct run *r)
{
	struct epoll_event events[BATCH];

	r->began_ns = clock_now_ns();
	while (r->n_over < r->plan->n_streams && !r->is_stopped) {
		struct timespec limit;
		int n;

		if (!open_due(r))
			return false;
		limit = patience(r);
		n = epoll_pwait2(r->epoll_fd, events, BATCH, &limit, NULL);
		if (n < 0 || (n == 0 && limit.tv_sec))
			return false;
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				stream_ready(events[i].data.ptr);
			else
				r->is_stopped = true; // stdin: all it can say is to stop
		}
		tell_begun(r);
	}
	return true;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double age_us(const struct run *r, size_t percent)
{
	const size_t at = r->n_ages ? (r->n_ages - 1) * percent / 100 : 0;

	return (double)r->ages_ns[at] / 1e3;
}

static void report(struct run *r)
{
	qsort(r->ages_ns, r->n_ages, sizeof(*r->ages_ns), by_value);
	printf("streams=%zu cut=%zu lost=%" PRIu64 " events=%" PRIu64
	       " p50_us=%.1f p99_us=%.1f max_us=%.1f first_us=%.1f\n",
	       r->n_begun, r->n_cut, r->n_lost, r->n_events, age_us(r, 50), age_us(r, 99),
	       age_us(r, 100), (double)r->first_ns / 1e3);
}

static int run_with(struct run *r)
{
	struct epoll_event on_stdin = {.events = EPOLLIN};
	bool is_served;

	if (!r->plan->n_events && epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &on_stdin)) {
		fputs("l7_load: endless events want a pipe on stdin\n", stderr);
		return 1;
	}
	is_served = serve(r);
	if (!is_served)
		fprintf(stderr, "l7_load: %zu of %zu streams open, then refused or silent\n",
		        r->n_open, r->plan->n_streams);
	report(r);
	for (size_t i = 0; i < r->n_open; i++) {
		if (!r->streams[i].is_over)
			load_wire_close(&r->streams[i].wire);
	}
	return is_served ? 0 : 1;
}

int load_events_run(const struct load_events_plan *plan)
{
	struct run r = {.plan = plan, .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	int status = 1;

	r.streams = calloc(plan->n_streams, sizeof(*r.streams));
	r.ages_ns = calloc(AGES_MAX, sizeof(*r.ages_ns));
	if (r.streams && r.ages_ns && r.epoll_fd >= 0)
		status = run_with(&r);
	if (r.epoll_fd >= 0)
		close(r.epoll_fd);
	free(r.streams);
	free(r.ages_ns);
	return status;
}
