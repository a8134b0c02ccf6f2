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

// Of a service or a backend: what it is, and where its counters are.
struct part {
	enum lbtop_kind kind;
	const struct stats_l7_name *names;
	uint32_t n;
};

static void write_name(struct lbtop_row *row, enum lbtop_kind kind, const struct stats_l7_name *n)
{
	row->is_retired = __atomic_load_n(&n->used, __ATOMIC_ACQUIRE) != STATS_LIVE;
	lbtop_sample_text(row->name, sizeof(row->name), n->name, sizeof(n->name));
	lbtop_sample_text(row->pool, sizeof(row->pool), n->group, sizeof(n->group));
	if (kind == LBTOP_L7_BACKEND)
		lbtop_source_backend(row, n->state, n->health, n->weight);
	addr_port_text(&n->address, be16_from(n->port), row->address);
}

static void sum(const struct stats_l7 *s, enum lbtop_kind kind, struct lbtop_row *row)
{
	if (kind == LBTOP_L7_SERVICE) {
		struct l7_service_counters counters;

		stats_l7_sum_service(s, row->id, &counters);
		lbtop_source_words(row->value, &counters, lbtop_schemas[kind].n_values);
	} else {
		struct l7_backend_counters counters;

		stats_l7_sum_backend(s, row->id, &counters);
		lbtop_source_words(row->value, &counters, lbtop_schemas[kind].n_values);
	}
}

static bool has_times(const struct stats_histogram *times, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (stats_histogram_count(&times[i]))
			return true;
	return false;
}

static_assert(sizeof(struct l7_service_histograms) / sizeof(struct stats_histogram) ==
                      STATS_L7_SERVICE_TIMES,
              "an array of them");

// Kept only where anything was recorded: a row of zeros would be ten kilobytes in each sample.
static int sum_times(struct lbtop_sample *out, const struct stats_l7 *s, enum lbtop_kind kind,
                     struct lbtop_row *row)
{
	union {
		struct l7_service_histograms service;
		struct l7_backend_histograms backend;
		struct stats_histogram each[STATS_L7_SERVICE_TIMES];
	} times;
	size_t n = lbtop_schemas[kind].n_times;

	if (kind == LBTOP_L7_SERVICE)
		stats_l7_sum_service_times(s, row->id, &times.service);
	else
		stats_l7_sum_backend_times(s, row->id, &times.backend);
	if (!has_times(times.each, n))
		return 0;
	if (lbtop_sample_make_times(out, kind, row))
		return -ENOMEM;
	memcpy(row->times, times.each, n * sizeof(*row->times));
	return 0;
}

static bool is_used(const struct stats_l7_name *n)
{
	return __atomic_load_n(&n->used, __ATOMIC_ACQUIRE) != STATS_FREE;
}

// The one that takes in what found no room is a row if it had any.
static int copy_other(struct lbtop_sample *out, const struct stats_l7 *s, const struct part *p)
{
	struct lbtop_row *row = &out->rows[p->kind].row[0];

	row->id = STATS_L7_OTHER;
	snprintf(row->name, sizeof(row->name), "%s", stats_l7_other);
	sum(s, p->kind, row);
	out->rows[p->kind].n = row->value[0] > 0;
	return row->value[0] > 0 ? sum_times(out, s, p->kind, row) : 0;
}

static int copy_part(struct lbtop_sample *out, const struct stats_l7 *s, const struct part *p)
{
	struct lbtop_rows *rows = &out->rows[p->kind];
	size_t n_made = 1;
	int rc;

	for (uint32_t id = STATS_L7_OTHER + 1; id < p->n; id++)
		n_made += is_used(&p->names[id]);
	rc = lbtop_sample_make_rows(out, p->kind, n_made);
	if (!rc)
		rc = copy_other(out, s, p);
	for (uint32_t id = STATS_L7_OTHER + 1; !rc && id < p->n && rows->n < n_made; id++) {
		struct lbtop_row *row = &rows->row[rows->n];

		if (!is_used(&p->names[id]))
			continue;
		row->id = id;
		write_name(row, p->kind, &p->names[id]);
		sum(s, p->kind, row);
		rc = sum_times(out, s, p->kind, row);
		rows->n++;
	}
	return rc;
}

static int copy_workers(struct lbtop_sample *out, const struct stats_l7 *s)
{
	struct lbtop_rows *rows = &out->rows[LBTOP_WORKER];
	uint32_t n =
		s->meta->n_workers < s->room.n_workers ? s->meta->n_workers : s->room.n_workers;
	int rc = lbtop_sample_make_rows(out, LBTOP_WORKER, n);

	for (uint32_t i = 0; !rc && i < n; i++) {
		rows->row[i].id = i;
		snprintf(rows->row[i].name, sizeof(rows->row[i].name), "%u", i);
		lbtop_source_words(rows->row[i].value, &s->workers[i],
		                   lbtop_schemas[LBTOP_WORKER].n_values);
	}
	return rc;
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
	const struct part services = {LBTOP_L7_SERVICE, s->service_names, s->room.n_services};
	const struct part backends = {LBTOP_L7_BACKEND, s->backend_names, s->room.n_backends};
	int rc = copy_workers(out, s);

	copy_meta(out, src);
	if (!rc)
		rc = copy_part(out, s, &services);
	if (!rc)
		rc = copy_part(out, s, &backends);
	return rc;
}
