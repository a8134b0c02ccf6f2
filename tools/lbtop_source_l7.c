// SPDX-License-Identifier: BSD-3-Clause
// lb7d's half of a sample.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/lbtop_source.h"

int lbtop_source_open_l7(struct lbtop_source *src, struct err *err)
{
	struct lbtop_opened *o = &src->opened[LBTOP_LB7D];
	struct lbtop_inode here[2];
	struct stats_l7 stats;
	int rc;

	switch (lbtop_source_look(src, LBTOP_LB7D, "l7_meta", here)) {
	case LBTOP_FOUND_NOTHING:
		o->is_removed = o->is_open;
		if (o->is_open)
			return 0;
		break; // it says where it looked
	case LBTOP_FOUND_SAME:
		o->is_removed = false;
		if (stats_layout_l7_owner(src->l7.meta) == STATS_OURS &&
		    !stats_l7_is_stale(&src->l7))
			return 0;
		break;
	case LBTOP_FOUND_OTHER:
		break;
	}
	rc = stats_l7_open(&stats, src->dir, err);
	if (rc)
		return rc;
	if (o->is_open)
		stats_l7_close(&src->l7);
	src->l7 = stats;
	lbtop_source_mark(o, here);
	return 0;
}

static bool is_used(const struct stats_l7_name *n)
{
	return __atomic_load_n(&n->used, __ATOMIC_ACQUIRE) != STATS_FREE;
}

// The one that takes in what found no room is a row if it had any.
static bool is_service(const struct lbtop_source *src, uint32_t id)
{
	struct l7_service_counters sum;

	if (id != STATS_L7_OTHER)
		return is_used(&src->l7.service_names[id]);
	stats_l7_sum_service(&src->l7, id, &sum);
	return sum.requests > 0;
}

static bool is_backend(const struct lbtop_source *src, uint32_t id)
{
	struct l7_backend_counters sum;

	if (id != STATS_L7_OTHER)
		return is_used(&src->l7.backend_names[id]);
	stats_l7_sum_backend(&src->l7, id, &sum);
	return sum.requests > 0;
}

static void describe(struct lbtop_row *row, const struct stats_l7_name *n)
{
	if (row->id == STATS_L7_OTHER) {
		snprintf(row->name, sizeof(row->name), "%s", stats_l7_other);
		return;
	}
	row->is_retired = __atomic_load_n(&n->used, __ATOMIC_ACQUIRE) != STATS_LIVE;
	lbtop_sample_text(row->name, sizeof(row->name), n->name, sizeof(n->name));
	lbtop_sample_text(row->pool, sizeof(row->pool), n->group, sizeof(n->group));
	addr_port_text(&n->address, be16_from(n->port), row->address);
}

static void describe_service(struct lbtop_row *row, const struct lbtop_source *src, uint32_t id)
{
	describe(row, &src->l7.service_names[id]);
}

static void describe_backend(struct lbtop_row *row, const struct lbtop_source *src, uint32_t id)
{
	const struct stats_l7_name *n = &src->l7.backend_names[id];

	describe(row, n);
	if (id != STATS_L7_OTHER)
		lbtop_source_backend(row, n->state, n->health, n->weight);
}

static bool is_worker(const struct lbtop_source *src, uint32_t worker)
{
	return worker < src->l7.meta->n_workers;
}

static void describe_worker(struct lbtop_row *row, const struct lbtop_source *src, uint32_t worker)
{
	snprintf(row->name, sizeof(row->name), "%u", worker);
}

static void copy_meta(struct lbtop_sample *out, const struct lbtop_source *src)
{
	const struct lbtop_opened *o = &src->opened[LBTOP_LB7D];
	const struct stats_l7_meta *meta = src->l7.meta;

	out->daemon[LBTOP_LB7D] = (struct lbtop_daemon){
		.state = (uint8_t)lbtop_source_state(&meta->writer, o->is_removed),
		.is_bpf = src->l7.is_bpf,
		.pid = meta->writer.pid,
		.generation = meta->generation,
		.n_lanes = meta->n_workers,
		.epoch = o->epoch,
		.started_ns = meta->started_ns,
	};
	lbtop_sample_text(out->node, sizeof(out->node), meta->node, sizeof(meta->node));
}

int lbtop_source_copy_l7(struct lbtop_sample *out, const struct lbtop_source *src)
{
	const struct stats_l7 *s = &src->l7;
	const struct lbtop_part parts[] = {
		{.kind = LBTOP_WORKER,
	         .counters = lbtop_source_by_slot(stats_l7_counters(s, STATS_L7_WORKER)),
	         .is_used = is_worker,
	         .describe = describe_worker},
		{.kind = LBTOP_L7_SERVICE,
	         .counters = stats_l7_counters(s, STATS_L7_SERVICE),
	         .times = stats_l7_counters(s, STATS_L7_SERVICE_HISTOGRAM),
	         .is_used = is_service,
	         .describe = describe_service},
		{.kind = LBTOP_L7_BACKEND,
	         .counters = stats_l7_counters(s, STATS_L7_BACKEND),
	         .times = stats_l7_counters(s, STATS_L7_BACKEND_HISTOGRAM),
	         .is_used = is_backend,
	         .describe = describe_backend},
	};
	int rc = 0;

	copy_meta(out, src);
	for (size_t i = 0; !rc && i < ARRAY_LEN(parts); i++)
		rc = lbtop_source_copy_part(out, src, &parts[i]);
	return rc;
}
