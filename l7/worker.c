// SPDX-License-Identifier: BSD-3-Clause
#include "l7/worker.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "l4/base/clock.h"
#include "l4/base/hash.h"
#include "l4/base/log.h"
#include "l7/downstream.h"
#include "l7/listener.h"
#include "l7/stream.h"
#include "l7/upstream.h"
#include "l7/worker_state.h"

enum {
	SWEEP_MS = 5000,    // idle connections to backends are looked at
	LOG_FLUSH_MS = 250, // access.h: at most
};

// What the main thread tells a worker: consumed in its thread.
struct worker_message {
	struct loop_task task;
	struct worker *w;
	struct site *site;
	struct kit *kit;
};

// --- in the worker's thread ---

static void check_drained(struct worker *w)
{
	if (!w->is_draining || w->clients)
		return;
	atomic_store(&w->is_drained, true);
	loop_stop(&w->loop);
}

static void take_log(struct worker *w, struct kit *kit)
{
	access_close(w->access);
	w->access = kit->access;
	kit->access = NULL;
}

// Streams of backends that are down now. Ending one ends no other.
static void take_down(struct worker *w)
{
	for (struct stream *s = w->streams, *next; s; s = next) {
		next = s->next;
		if (s->peer && s->peer->is_down)
			stream_take_down(s);
	}
}

// A kit of its own belongs to another configuration: sockets, certificates and the log may have changed.
static void take(struct worker *w, struct site *site, struct kit *kit)
{
	struct view *old = w->view, *view;
	bool is_new = kit;

	if (!is_new) {
		kit = old->kit;
		kit->n_refs++;
	}
	if (view_new(&view, w, site, kit)) {
		LOG_ERROR("worker=%u keeps its old configuration reason=\"out of memory\"",
		          w->index);
		return;
	}
	w->view = view;
	if (is_new) {
		take_log(w, kit);
		listener_update(w);
		w->epoch++;
		upstream_sweep(w, UPSTREAM_IDLE_MS);
		take_down(w);
	}
	view_put(w, old);
}

static void on_take(struct loop_task *task)
{
	struct worker_message *m = CONTAINER_OF(task, struct worker_message, task);

	take(m->w, m->site, m->kit);
	free(m);
}

static void on_drain(struct loop_task *task)
{
	struct worker_message *m = CONTAINER_OF(task, struct worker_message, task);
	struct worker *w = m->w;

	free(m);
	w->is_draining = true;
	listener_close_all(w);
	for (struct downstream *c = w->clients, *next; c; c = next) {
		next = c->next;
		downstream_close_if_idle(c);
	}
}

static void on_cut(struct loop_task *task)
{
	struct worker_message *m = CONTAINER_OF(task, struct worker_message, task);
	struct worker *w = m->w;

	free(m);
	w->is_draining = true;
	listener_close_all(w);
	while (w->streams)
		stream_cut(w->streams);
	for (struct downstream *c = w->clients, *next; c; c = next) {
		next = c->next;
		conn_flush(&c->conn);
		downstream_close(c, false);
	}
}

static void on_reopen(struct loop_task *task)
{
	struct worker_message *m = CONTAINER_OF(task, struct worker_message, task);
	struct err err;

	if (m->w->access && access_reopen(m->w->access, &err))
		LOG_WARN("access log kept reason=\"%s\"", err.msg);
	free(m);
}

// The allocator keeps what was freed between what is in use. When most of the clients have gone it is asked for it.
static void give_memory_back(struct worker *w)
{
	uint32_t n = (uint32_t)w->counters->connections_open;

	if (n > w->most_conns)
		w->most_conns = n;
	if (n >= w->most_conns / 2)
		return;
	w->most_conns = n;
	malloc_trim(0);
}

static void on_sweep(struct timer *t)
{
	struct worker *w = CONTAINER_OF(t, struct worker, sweep_timer);

	upstream_sweep(w, UPSTREAM_IDLE_MS);
	for (struct stream *s = w->streams; s; s = s->next)
		stream_release_view(s);
	give_memory_back(w);
	loop_timer_start(&w->loop, t, SWEEP_MS);
}

static void on_log(struct timer *t)
{
	struct worker *w = CONTAINER_OF(t, struct worker, log_timer);

	if (w->access) {
		access_flush(w->access);
		w->counters->log_lost = access_lost(w->access);
	}
	loop_timer_start(&w->loop, t, LOG_FLUSH_MS);
}

static void *run(void *arg)
{
	struct worker *w = arg;

	loop_timer_start(&w->loop, &w->sweep_timer, SWEEP_MS);
	loop_timer_start(&w->loop, &w->log_timer, LOG_FLUSH_MS);
	while (!w->loop.is_stopped) {
		loop_turn(&w->loop, SWEEP_MS);
		w->counters->buffers = w->loop.bufs.used_size;
		check_drained(w);
	}
	return NULL;
}

// --- in the main thread ---

int worker_new(struct worker **out, const struct worker_input *in)
{
	struct worker *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	w->index = in->index;
	w->n_conns = in->n_conns;
	w->telemetry = in->telemetry;
	w->counters = &in->telemetry->store.workers[in->index];
	w->random = hash_random_seed();
	w->id_high = hash_random_seed();
	w->sweep_timer.fire = on_sweep;
	w->log_timer.fire = on_log;
	rc = loop_init(&w->loop, in->memory);
	if (rc) {
		free(w);
		return rc;
	}
	w->node = strdup(in->node);
	rc = w->node ? conn_loop_init(&w->loop) : -ENOMEM;
	if (rc) {
		worker_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

static int post(struct worker *w, void (*run_it)(struct loop_task *task), struct site *site,
                struct kit *kit)
{
	struct worker_message *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	*m = (struct worker_message){.task.run = run_it, .w = w, .site = site, .kit = kit};
	loop_post(&w->loop, &m->task);
	return 0;
}

int worker_take(struct worker *w, struct site *site, struct kit *kit)
{
	int rc = post(w, on_take, site, kit);

	if (rc) {
		site_put(site);
		kit_put(kit);
	}
	return rc;
}

int worker_start(struct worker *w)
{
	sigset_t all, old;
	int rc;

	// Signals are the main thread's.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	w->is_started = !rc;
	return -rc;
}

void worker_drain(struct worker *w)
{
	if (post(w, on_drain, NULL, NULL))
		LOG_ERROR("worker=%u cannot be told to drain reason=\"out of memory\"", w->index);
}

void worker_cut(struct worker *w)
{
	if (post(w, on_cut, NULL, NULL))
		LOG_ERROR("worker=%u cannot be told to stop reason=\"out of memory\"", w->index);
}

void worker_reopen_log(struct worker *w)
{
	if (post(w, on_reopen, NULL, NULL))
		LOG_ERROR("worker=%u keeps its log reason=\"out of memory\"", w->index);
}

bool worker_is_drained(const struct worker *w)
{
	return atomic_load(&w->is_drained);
}

const struct worker_counters *worker_counters(const struct worker *w)
{
	return w->counters;
}

uint64_t worker_cpu_ns(const struct worker *w)
{
	struct timespec used;
	clockid_t id;

	if (!w->is_started || pthread_getcpuclockid(w->thread, &id) != 0 ||
	    clock_gettime(id, &used) != 0)
		return 0;
	return (uint64_t)used.tv_sec * CLOCK_NS_PER_S + (uint64_t)used.tv_nsec;
}

// Messages that came too late for the thread, or before there was one; then what is left open.
static void run_rest(struct worker *w)
{
	loop_turn(&w->loop, 0);
	listener_close_all(w);
	upstream_sweep(w, 0);
	view_put(w, w->view);
	w->view = NULL;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	if (w->is_started)
		pthread_join(w->thread, NULL);
	run_rest(w);
	access_close(w->access);
	loop_fini(&w->loop);
	conn_loop_fini(&w->loop);
	while (w->spare_stream) {
		struct stream *s = w->spare_stream;

		w->spare_stream = s->next;
		free(s);
	}
	free(w->node);
	free(w);
}
