// SPDX-License-Identifier: BSD-3-Clause
// status, reload, save, service.list, pool.list
#include "l4/ctrl/methods.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "l4/model/ctl_describe.h"

static int64_t seconds_since(uint64_t then_ns)
{
	return then_ns ? (int64_t)((clock_now_ns() - then_ns) / CLOCK_NS_PER_S) : -1;
}

static int add_lanes(struct methods_call *call, struct ctl_rows *lanes)
{
	const struct control *c = call->control;

	for (uint16_t i = 0; i < c->conf->n_lanes; i++) {
		const struct lane_counters *count = &c->stats->lanes[i];
		struct ctl_lane *lane = methods_row(call, lanes, "lanes");

		if (!lane)
			return -ENOMEM;
		lane->lane = i;
		lane->cpu = c->conf->lanes[i];
		lane->running = c->lanes && lane_is_running(c->lanes[i]);
		lane->packets = count->rx_packets;
		lane->busy = methods_busy(call->methods, i);
		lane->flows = count->flows;
		lane->capacity = c->conf->flows / c->conf->n_lanes;
	}
	return 0;
}

static int add_ports(struct methods_call *call, struct ctl_rows *ports)
{
	const struct control *c = call->control;

	for (uint16_t i = 0; i < c->conf->n_ports; i++) {
		const struct conf_port *p = &c->conf->ports[i];
		struct ctl_port *port = methods_row(call, ports, "ports");

		if (!port)
			return -ENOMEM;
		snprintf(port->name, sizeof(port->name), "%s", p->name);
		snprintf(port->device, sizeof(port->device), "%s",
		         p->device ? p->device : (p->rx ? p->rx : ""));
		snprintf(port->interface, sizeof(port->interface), "%s", c->ports[i].if_name);
		port->driver = p->driver;
		port->mac = c->ports[i].mac;
		port->link = c->ports[i].link_up;
		port->missed = c->ports[i].missed;
	}
	return 0;
}

int methods_status(struct methods_call *call)
{
	const struct control *c = call->control;
	struct ctl_status *s = &call->result.status;
	int rc;

	snprintf(s->node, sizeof(s->node), "%s", c->conf->node);
	snprintf(s->version, sizeof(s->version), "%s", LB47_VERSION);
	snprintf(s->file, sizeof(s->file), "%s", c->conf_file ? c->conf_file : "");
	snprintf(s->last_error, sizeof(s->last_error), "%s",
	         c->last_error.code ? c->last_error.msg : "");
	snprintf(s->counters, sizeof(s->counters), "%s", c->stats->is_bpf ? "bpf" : "shm");
	s->pid = (uint32_t)getpid();
	s->uptime_s = seconds_since(c->started_ns);
	s->generation = c->generation;
	s->saved = c->is_saved;
	s->reloads = c->n_reloads;
	s->reload_failures = c->n_reload_failures;
	s->change_failures = c->n_edit_failures;
	s->reloaded_s = seconds_since(c->reloaded_ns);
	s->hugepages = c->has_hugepages;
	rc = add_lanes(call, &s->lanes);
	if (!rc)
		rc = add_ports(call, &s->ports);
	return rc ? rc : methods_l7_summary(call, &s->l7);
}

int methods_reload(struct methods_call *call)
{
	return methods_change(call, change_reload(call->control, &call->change, &call->err));
}

int methods_save(struct methods_call *call)
{
	return methods_change(call, control_save(call->control, &call->err));
}

// What is left to the L7 workers no lane has seen: XDP and TCP have counted it.
static void count_service(const struct control *c, const struct conf_service *s,
                          struct ctl_service *row)
{
	uint16_t id = roster_service_id(&c->roster, s);
	struct steer_service_counters steered;
	struct service_counters sum;

	stats_sum_service(c->stats, id, &sum);
	stats_sum_steer_service(c->stats, id, &steered);
	row->packets = sum.packets + steered.passed;
	row->bytes = sum.bytes + steered.passed_bytes;
	row->new_flows = sum.new_flows + c->stats->tcp_services[id].connections;
	row->dropped = sum.dropped;
}

int methods_service_list(struct methods_call *call)
{
	const struct control *c = call->control;

	for (uint16_t i = 0; i < c->conf->n_services; i++) {
		const struct conf_service *s = &c->conf->services[i];
		struct ctl_service *row =
			methods_row(call, &call->result.service_list.services, "services");

		if (!row)
			return -ENOMEM;
		ctl_describe_service(row, s);
		count_service(c, s, row);
	}
	return 0;
}

// What health means for a pool's backends in the snapshot that serves.
static void count_backends(const struct control *c, const struct conf_pool *pool,
                           struct ctl_pool *row)
{
	const struct snapshot *snap = c->serving;

	for (uint16_t i = 0; snap && i < pool->n_backends; i++) {
		uint16_t id = roster_backend_id(&c->roster, pool->name, &pool->backends[i]);
		const struct snap_backend *b = &snap->backends[id < snap->n_backends ? id : 0];

		row->usable += (b->flags & BACKEND_NEW) != 0;
		row->unhealthy += b->health == HEALTH_UNHEALTHY;
		row->failed_open |= b->health == HEALTH_UNHEALTHY && b->flags & BACKEND_NEW;
	}
}

int methods_pool_list(struct methods_call *call)
{
	const struct control *c = call->control;

	for (uint16_t i = 0; i < c->conf->n_pools; i++) {
		const struct conf_pool *pool = &c->conf->pools[i];
		struct ctl_pool *row = methods_row(call, &call->result.pool_list.pools, "pools");

		if (!row)
			return -ENOMEM;
		ctl_describe_pool(row, pool);
		count_backends(c, pool, row);
	}
	return 0;
}
