// SPDX-License-Identifier: BSD-3-Clause
// lb4d's half of a sample.
#include <errno.h>
#include <stdio.h>

#include "l4/model/conf.h"
#include "tools/lbtop_source.h"

int lbtop_source_open_l4(struct lbtop_source *src, struct err *err)
{
	struct lbtop_opened *o = &src->opened[LBTOP_LB4D];
	struct lbtop_inode here[2];
	struct stats stats;
	int rc;

	switch (lbtop_source_look(src, LBTOP_LB4D, stats_shapes[STATS_META].name, here)) {
	case LBTOP_FOUND_NOTHING:
		o->is_removed = o->is_open;
		if (o->is_open)
			return 0;
		break; // it says where it looked
	case LBTOP_FOUND_SAME:
		o->is_removed = false;
		if (stats_layout_owner(src->l4.meta) == STATS_OURS)
			return 0;
		break;
	case LBTOP_FOUND_OTHER:
		break;
	}
	rc = stats_open(&stats, src->dir, err);
	if (rc)
		return rc;
	if (o->is_open)
		stats_close(&src->l4);
	src->l4 = stats;
	lbtop_source_mark(o, here);
	return 0;
}

// Lanes of a daemon that had more of them have counted, too.
static bool is_lane(const struct stats *s, uint32_t lane)
{
	return lane < s->meta->n_lanes ||
	       __atomic_load_n(&s->lanes[lane].rx_packets, __ATOMIC_RELAXED) > 0;
}

static int copy_lanes(struct lbtop_sample *out, const struct stats *s)
{
	struct lbtop_rows *rows = &out->rows[LBTOP_LANE];
	size_t n = 0;
	int rc = lbtop_sample_make_rows(out, LBTOP_LANE, STATS_SLOTS);

	if (rc)
		return rc;
	for (uint32_t lane = 0; lane < STATS_SLOTS; lane++) {
		struct lbtop_row *row = &rows->row[n];

		if (!is_lane(s, lane))
			continue;
		row->id = lane;
		row->is_retired = lane >= s->meta->n_lanes;
		snprintf(row->name, sizeof(row->name), "%u", lane);
		lbtop_source_words(row->value, &s->lanes[lane], lbtop_schemas[LBTOP_LANE].n_values);
		n++;
	}
	rows->n = n;
	return 0;
}

static uint32_t used_of(const uint32_t *used)
{
	return __atomic_load_n(used, __ATOMIC_ACQUIRE);
}

static void write_address(struct lbtop_row *row, const struct addr *address, uint16_t port)
{
	addr_port_text(address, be16_from(port), row->address);
}

static void copy_service(struct lbtop_row *row, const struct stats *s, uint32_t id)
{
	const struct stats_service_name *n = &s->service_names[id];
	struct service_counters sum;

	row->id = id;
	row->is_retired = used_of(&n->used) != STATS_LIVE;
	lbtop_sample_text(row->name, sizeof(row->name), n->name, sizeof(n->name));
	write_address(row, &n->address, n->port);
	if (n->protocol < PROTO_COUNT)
		lbtop_sample_text(row->protocol, sizeof(row->protocol),
		                  conf_protocol_names[n->protocol], sizeof(row->protocol));
	if (n->forward < FORWARD_COUNT)
		lbtop_sample_text(row->forward, sizeof(row->forward),
		                  conf_forward_names[n->forward], sizeof(row->forward));
	lbtop_sample_text(row->pool, sizeof(row->pool), n->pool, sizeof(n->pool));
	stats_sum_service(s, (uint16_t)id, &sum);
	lbtop_source_words(row->value, &sum, lbtop_schemas[LBTOP_SERVICE].n_values);
}

static void copy_backend(struct lbtop_row *row, const struct stats *s, uint32_t id)
{
	const struct stats_backend_name *n = &s->backend_names[id];
	struct backend_counters sum;

	row->id = id;
	row->is_retired = used_of(&n->used) != STATS_LIVE;
	lbtop_sample_text(row->name, sizeof(row->name), n->name, sizeof(n->name));
	lbtop_sample_text(row->pool, sizeof(row->pool), n->pool, sizeof(n->pool));
	write_address(row, &n->address, n->port);
	lbtop_source_backend(row, n->state, n->health, n->weight);
	stats_sum_backend(s, (uint16_t)id, &sum);
	lbtop_source_words(row->value, &sum, lbtop_schemas[LBTOP_BACKEND].n_values);
}

// The roster may change while it is read: rows are made for those there were, and the others have their
// place in the next sample.
static int copy_services(struct lbtop_sample *out, const struct stats *s)
{
	struct lbtop_rows *rows = &out->rows[LBTOP_SERVICE];
	size_t n = 0, n_made;
	int rc;

	for (uint32_t id = 0; id < STATS_SERVICES; id++)
		n += used_of(&s->service_names[id].used) != STATS_FREE;
	rc = lbtop_sample_make_rows(out, LBTOP_SERVICE, n);
	if (rc)
		return rc;
	n_made = n;
	n = 0;
	for (uint32_t id = 0; id < STATS_SERVICES && n < n_made; id++)
		if (used_of(&s->service_names[id].used) != STATS_FREE)
			copy_service(&rows->row[n++], s, id);
	rows->n = n;
	return 0;
}

static int copy_backends(struct lbtop_sample *out, const struct stats *s)
{
	struct lbtop_rows *rows = &out->rows[LBTOP_BACKEND];
	size_t n = 0, n_made;
	int rc;

	for (uint32_t id = 0; id < STATS_BACKENDS; id++)
		n += used_of(&s->backend_names[id].used) != STATS_FREE;
	rc = lbtop_sample_make_rows(out, LBTOP_BACKEND, n);
	if (rc)
		return rc;
	n_made = n;
	n = 0;
	for (uint32_t id = 0; id < STATS_BACKENDS && n < n_made; id++)
		if (used_of(&s->backend_names[id].used) != STATS_FREE)
			copy_backend(&rows->row[n++], s, id);
	rows->n = n;
	return 0;
}

// In files these stay zero: nobody counts there.
static int copy_steer(struct lbtop_sample *out, const struct stats *s)
{
	const struct lbtop_rows *services = &out->rows[LBTOP_SERVICE];
	struct lbtop_rows *rows = &out->rows[LBTOP_STEER];
	int rc;

	if (!s->is_bpf)
		return 0;
	rc = lbtop_sample_make_rows(out, LBTOP_STEER, services->n);
	for (size_t i = 0; !rc && i < services->n; i++) {
		struct steer_service_counters sum;
		uint64_t *value = rows->row[i].value;

		rows->row[i] = services->row[i];
		rows->row[i].value = value;
		stats_sum_steer_service(s, (uint16_t)services->row[i].id, &sum);
		lbtop_source_words(value, &sum, lbtop_schemas[LBTOP_STEER].n_values);
	}
	return rc;
}

// An lb7d that is alone keeps the counters of TCP there, and says that it has no lanes.
static enum lbtop_state state_of(const struct stats_meta *meta, bool is_removed)
{
	return meta->n_lanes ? lbtop_source_state(&meta->writer, is_removed) : LBTOP_ABSENT;
}

static void copy_meta(struct lbtop_sample *out, const struct lbtop_source *src)
{
	const struct lbtop_opened *o = &src->opened[LBTOP_LB4D];
	const struct stats_meta *meta = src->l4.meta;

	out->daemon[LBTOP_LB4D] = (struct lbtop_daemon){
		.state = (uint8_t)state_of(meta, o->is_removed),
		.is_bpf = src->l4.is_bpf,
		.pid = meta->writer.pid,
		.generation = meta->generation,
		.n_lanes = meta->n_lanes,
		.epoch = o->epoch,
		.started_ns = meta->started_ns,
		.cycles_hz = meta->cycles_hz,
	};
	lbtop_sample_text(out->node, sizeof(out->node), meta->node, sizeof(meta->node));
}

int lbtop_source_copy_l4(struct lbtop_sample *out, const struct lbtop_source *src)
{
	int rc = copy_lanes(out, &src->l4);

	copy_meta(out, src);
	if (!rc)
		rc = copy_services(out, &src->l4);
	if (!rc)
		rc = copy_backends(out, &src->l4);
	if (!rc)
		rc = copy_steer(out, &src->l4);
	if (!rc)
		rc = lbtop_source_copy_tcp(out, &src->l4);
	return rc;
}
