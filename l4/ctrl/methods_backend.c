// SPDX-License-Identifier: BSD-3-Clause
// backend.list, backend.add, backend.remove, backend.weight, backend.state
#include "l4/ctrl/methods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "l4/base/clock.h"
#include "l4/model/ctl_edit.h"

// --- list ---

// Slots of the serving Maglev tables by backend: all shares in one pass over the tables.
static uint32_t *count_slots(const struct snapshot *snap)
{
	uint32_t *slots = calloc(STATS_BACKENDS, sizeof(*slots));

	for (uint16_t p = 0; slots && snap && p < snap->n_pools; p++)
		for (uint32_t i = 0; i < snap->maglev[p].n_slots; i++)
			if (snap->maglev[p].slot[i] < STATS_BACKENDS)
				slots[snap->maglev[p].slot[i]]++;
	return slots;
}

static double share_of(const struct snapshot *snap, uint16_t pool, uint32_t n_slots)
{
	uint32_t all = snap && pool < snap->n_pools ? snap->maglev[pool].n_slots : 0;

	return all ? 100. * n_slots / all : 0.;
}

static int64_t since_s(uint64_t realtime_ns)
{
	struct timespec now;

	if (!realtime_ns)
		return -1;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec - (int64_t)(realtime_ns / CLOCK_NS_PER_S);
}

// What roster, counters and tables know of a backend, in the configuration or not.
static void fill_known(struct ctl_backend *row, const struct methods_call *call, uint16_t id,
                       const struct flow_counts *counts)
{
	const struct roster_backend *b = &call->control->roster.backends[id];
	struct backend_counters sum;

	snprintf(row->pool, sizeof(row->pool), "%s", b->pool);
	snprintf(row->name, sizeof(row->name), "%s", b->name);
	snprintf(row->reason, sizeof(row->reason), "%s", b->health.reason);
	snprintf(row->neighbor, sizeof(row->neighbor), "%s", b->hop.state);
	row->address = b->address;
	row->port = b->port;
	row->health = b->health.state;
	row->since_s = since_s(b->health.changed_ns);
	if (b->hop.known)
		row->mac = b->hop.dst;
	row->flows = counts->backends[id];
	stats_sum_backend(call->control->stats, id, &sum);
	row->packets = sum.packets;
	row->bytes = sum.bytes;
	row->new_flows = sum.new_flows;
}

static int add_row(struct methods_call *call, uint16_t id, const struct flow_counts *counts,
                   struct ctl_backend **out)
{
	*out = methods_row(call, &call->result.backend_list.backends, "backends");
	if (!*out)
		return -ENOMEM;
	fill_known(*out, call, id, counts);
	return 0;
}

static int list_pool(struct methods_call *call, uint16_t pool_i, const struct flow_counts *counts,
                     const uint32_t *slots)
{
	const struct control *c = call->control;
	const struct conf_pool *pool = &c->conf->pools[pool_i];
	struct ctl_backend *row;
	int rc;

	for (uint16_t i = 0; i < pool->n_backends; i++) {
		const struct conf_backend *b = &pool->backends[i];
		uint16_t id = roster_backend_id(&c->roster, pool->name, b);

		rc = add_row(call, id, counts, &row);
		if (rc)
			return rc;
		row->weight = b->weight;
		row->state = b->state;
		row->share = share_of(c->serving, pool_i, slots[id]);
	}
	return 0;
}

// Backends that left the configuration, for as long as flows name them.
static int list_removed(struct methods_call *call, const char *only,
                        const struct flow_counts *counts)
{
	const struct roster *r = &call->control->roster;
	struct ctl_backend *row;
	int rc;

	for (uint16_t id = 1; id < r->n_backends; id++) {
		const struct roster_backend *b = &r->backends[id];

		if (!b->e.used || b->e.live || !counts->backends[id])
			continue;
		if (*only && strcmp(only, b->pool) != 0)
			continue;
		rc = add_row(call, id, counts, &row);
		if (rc)
			return rc;
		row->state = CTL_STATE_REMOVED;
	}
	return 0;
}

static int list(struct methods_call *call, const struct flow_counts *counts)
{
	const char *only = call->params->backend_list_params.pool;
	const struct control *c = call->control;
	uint32_t *slots = count_slots(c->serving);
	int rc = 0;

	if (!slots)
		return err_set(&call->err, -ENOMEM, "no memory for the answer");
	for (uint16_t i = 0; i < c->conf->n_pools && rc == 0; i++)
		if (!*only || strcmp(only, c->conf->pools[i].name) == 0)
			rc = list_pool(call, i, counts, slots);
	free(slots);
	return rc ? rc : list_removed(call, only, counts);
}

static void on_counted(struct flow_scan_ask *ask, const struct flow_counts *counts)
{
	struct methods_call *call = CONTAINER_OF(ask, struct methods_call, ask);

	methods_finish(call, list(call, counts));
}

int methods_backend_list(struct methods_call *call)
{
	const char *only = call->params->backend_list_params.pool;

	if (*only && !conf_pool_find(call->control->conf, only))
		return err_set(&call->err, -ENOENT, "there is no pool \"%s\"", only);
	return methods_count_flows(call, on_counted);
}

// --- changes ---

int methods_backend_edit(struct methods_call *call)
{
	struct conf *next;

	if (ctl_edit_conf(&next, call->control->conf, call->method, call->params, &call->err))
		return change_refuse(call->control, &call->err);
	return methods_change(call, change_edit(call->control, next, &call->change, &call->err));
}
