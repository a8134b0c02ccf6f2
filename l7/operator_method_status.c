// SPDX-License-Identifier: BSD-3-Clause
// status, l7.status
#include "l7/operator_method.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "l4/base/clock.h"

static int64_t seconds_since(uint64_t then_ns)
{
	return then_ns ? (int64_t)((clock_now_ns() - then_ns) / CLOCK_NS_PER_S) : -1;
}

static uint8_t state_of(const struct manager *m)
{
	static const uint8_t states[] = {
		[MANAGER_STARTING] = CTL_L7_STARTING,
		[MANAGER_SERVING] = CTL_L7_RUNNING,
		[MANAGER_DRAINING] = CTL_L7_DRAINING,
		[MANAGER_CUT] = CTL_L7_DRAINING,
	};

	return states[m->phase];
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0; // workers count while we read
}

// A connection of a client carries one request or stream at a time, and so does one to a backend.
static void fill_counts(struct ctl_l7_status *s, const struct manager *m)
{
	struct worker_counters c;

	manager_count(m, &c);
	s->connections = c.connections_open;
	s->idle = less(c.connections_open, c.requests_active);
	s->accepted = c.connections;
	s->refused = c.connections_refused;
	s->requests = c.requests;
	s->streams = s->event_streams = c.event_streams_active;
	s->websockets = c.websockets_active;
	s->active = less(c.requests_active, c.event_streams_active + c.websockets_active);
	s->upstream = c.upstream_open;
	s->upstream_idle = less(c.upstream_open, c.requests_active);
	s->memory = c.buffers;
	s->memory_budget = (uint64_t)m->worker_memory * m->n_workers;
}

// The line that lb4d shows of its lb7d.
static int add_summary(struct ctl_status *s, const struct manager *m, struct err *err)
{
	struct ctl_l7_summary *row = operator_method_row(CTL_STATUS, "l7", &s->l7, err);
	struct ctl_l7_status counts = {0};

	if (!row)
		return -ENOMEM;
	fill_counts(&counts, m);
	row->state = state_of(m);
	row->pid = s->pid;
	row->uptime_s = s->uptime_s;
	row->connections = counts.connections;
	row->requests = counts.requests;
	row->streams = counts.streams;
	row->websockets = counts.websockets;
	row->grace_left_ms = manager_grace_left_ms(m);
	return 0;
}

int operator_method_status(struct manager *m, const union ctl_params *params,
                           union ctl_result *result, struct err *err)
{
	struct ctl_status *s = &result->status;

	snprintf(s->node, sizeof(s->node), "%s", m->site ? m->site->conf->node : "");
	snprintf(s->version, sizeof(s->version), "%s", LB47_VERSION);
	snprintf(s->file, sizeof(s->file), "%s", m->site ? m->site->conf->file : m->conf_file);
	snprintf(s->last_error, sizeof(s->last_error), "%s",
	         m->last_error.code ? m->last_error.msg : "");
	snprintf(s->counters, sizeof(s->counters), "%s", "process");
	s->pid = (uint32_t)getpid();
	s->uptime_s = seconds_since(m->started_ns);
	s->generation = m->generation;
	s->saved = m->is_saved;
	s->reloads = m->n_reloads;
	s->reload_failures = m->n_reload_failures;
	s->change_failures = m->n_edit_failures;
	s->reloaded_s = seconds_since(m->reloaded_ns);
	return add_summary(s, m, err);
}

static uint64_t resident_bytes(void)
{
	unsigned long long all, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%llu %llu", &all, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void fill_probes(struct ctl_l7_status *s, const struct manager *m)
{
	for (uint32_t i = 0; m->probes && i < m->probes->n; i++) {
		const struct probe *p = m->probes->entries[i].probe;

		s->probes++;
		s->unhealthy += p->verdict.record.state == HEALTH_UNHEALTHY;
	}
}

static int add_workers(struct ctl_l7_status *s, const struct manager *m, struct err *err)
{
	for (uint16_t i = 0; i < m->n_workers; i++) {
		const struct worker_counters *c = worker_counters(m->workers[i]);
		struct ctl_l7_worker *row =
			operator_method_row(CTL_L7_STATUS, "workers", &s->workers, err);

		if (!row)
			return -ENOMEM;
		row->worker = i;
		row->connections = __atomic_load_n(&c->connections_open, __ATOMIC_RELAXED);
		row->upstream = __atomic_load_n(&c->upstream_open, __ATOMIC_RELAXED);
		row->requests = __atomic_load_n(&c->requests, __ATOMIC_RELAXED);
		row->websockets = __atomic_load_n(&c->websockets_active, __ATOMIC_RELAXED);
		row->event_streams = __atomic_load_n(&c->event_streams_active, __ATOMIC_RELAXED);
		row->memory = __atomic_load_n(&c->buffers, __ATOMIC_RELAXED);
		row->busy = manager_busy(m, i);
	}
	return 0;
}

static int add_listeners(struct ctl_l7_status *s, const struct manager *m, struct err *err)
{
	const struct conf *conf = m->site ? m->site->conf : NULL;

	for (uint16_t i = 0; conf && i < conf->n_services; i++) {
		const struct conf_service *service = &conf->services[i];
		struct ctl_l7_listener *row;

		if (!service->l7 || service->is_remote)
			continue;
		row = operator_method_row(CTL_L7_STATUS, "listeners", &s->listeners, err);
		if (!row)
			return -ENOMEM;
		snprintf(row->service, sizeof(row->service), "%s", service->name);
		snprintf(row->l7, sizeof(row->l7), "%s", service->l7);
		row->address = service->address;
		row->port = service->port;
		row->tls = conf_l7_find(conf, service->l7)->n_tls > 0;
		row->listening = m->phase == MANAGER_SERVING;
	}
	return 0;
}

int operator_method_l7_status(struct manager *m, const union ctl_params *params,
                              union ctl_result *result, struct err *err)
{
	struct ctl_l7_status *s = &result->l7_status;
	int rc;

	s->state = state_of(m);
	snprintf(s->version, sizeof(s->version), "%s", LB47_VERSION);
	snprintf(s->last_error, sizeof(s->last_error), "%s",
	         m->last_error.code ? m->last_error.msg : "");
	s->pid = (uint32_t)getpid();
	s->uptime_s = seconds_since(m->started_ns);
	s->managed = m->is_managed;
	s->generation = m->generation;
	s->draining = m->phase >= MANAGER_DRAINING;
	s->grace_left_ms = manager_grace_left_ms(m);
	s->resident = resident_bytes();
	fill_counts(s, m);
	fill_probes(s, m);
	rc = add_workers(s, m, err);
	return rc ? rc : add_listeners(s, m, err);
}
