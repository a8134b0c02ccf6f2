// SPDX-License-Identifier: BSD-3-Clause
// The end: no new connections, time for the streams, then the rest is ended.
#include "l7/manager.h"

#include "l4/base/clock.h"
#include "l4/base/log.h"

enum { WATCH_MS = 20 };

static bool is_drained(const struct manager *m)
{
	for (uint16_t i = 0; i < m->n_workers; i++)
		if (!worker_is_drained(m->workers[i]))
			return false;
	return true;
}

static void cut(struct manager *m, const char *why)
{
	struct worker_counters sum;

	manager_count(m, &sum);
	LOG_INFO("ending what is left reason=\"%s\" requests=%llu websockets=%llu connections=%llu",
	         why, (unsigned long long)sum.requests_active,
	         (unsigned long long)sum.websockets_active,
	         (unsigned long long)sum.connections_open);
	m->phase = MANAGER_CUT;
	for (uint16_t i = 0; i < m->n_workers; i++)
		worker_cut(m->workers[i]);
}

static void on_watch(struct timer *t)
{
	struct manager *m = CONTAINER_OF(t, struct manager, watch);

	if (is_drained(m)) {
		loop_stop(m->loop);
		return;
	}
	if (m->phase == MANAGER_DRAINING && clock_now_ns() >= m->cut_ns)
		cut(m, "grace is over");
	loop_timer_start(m->loop, t, WATCH_MS);
}

void manager_drain(struct manager *m)
{
	if (m->phase == MANAGER_CUT)
		return;
	if (m->phase == MANAGER_DRAINING) {
		cut(m, "second signal");
		return;
	}
	m->cut_ns = clock_now_ns() + m->grace_ms * CLOCK_NS_PER_MS;
	m->phase = MANAGER_DRAINING;
	for (uint16_t i = 0; i < m->n_workers; i++)
		worker_drain(m->workers[i]);
	m->watch.fire = on_watch;
	loop_timer_start(m->loop, &m->watch, 1);
}

int64_t manager_grace_left_ms(const struct manager *m)
{
	uint64_t now_ns = clock_now_ns();

	if (m->phase < MANAGER_DRAINING)
		return -1;
	if (m->phase == MANAGER_CUT || now_ns >= m->cut_ns)
		return 0;
	return (int64_t)((m->cut_ns - now_ns) / CLOCK_NS_PER_MS);
}
