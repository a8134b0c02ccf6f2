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

static uint32_t used_of(const uint32_t *used)
{
	return __atomic_load_n(used, __ATOMIC_ACQUIRE);
}

// Lanes of a daemon that had more of them have counted, too.
static bool is_lane(const struct lbtop_source *src, uint32_t lane)
{
	const struct stats *s = &src->l4;

	return lane < s->meta->n_lanes ||
	       __atomic_load_n(&s->lanes[lane].rx_packets, __ATOMIC_RELAXED) > 0;
}

static void describe_lane(struct lbtop_row *row, const struct lbtop_source *src, uint32_t lane)
{
	row->is_retired = lane >= src->l4.meta->n_lanes;
	snprintf(row->name, sizeof(row->name), "%u", lane);
}

static bool is_service(const struct lbtop_source *src, uint32_t id)
{
	return used_of(&src->l4.service_names[id].used) != STATS_FREE;
}

static void describe_service(struct lbtop_row *row, const struct lbtop_source *src, uint32_t id)
{
	const struct stats_service_name *n = &src->l4.service_names[id];

	row->is_retired = used_of(&n->used) != STATS_LIVE;
	lbtop_sample_text(row->name, sizeof(row->name), n->name, sizeof(n->name));
	addr_port_text(&n->address, be16_from(n->port), row->address);
	if (n->protocol < PROTO_COUNT)
		lbtop_sample_text(row->protocol, sizeof(row->protocol),
		                  conf_protocol_names[n->protocol], sizeof(row->protocol));
	if (n->forward < FORWARD_COUNT)
		lbtop_sample_text(row->forward, sizeof(row->forward),
		                  conf_forward_names[n->forward], sizeof(row->forward));
	lbtop_sample_text(row->pool, sizeof(row->pool), n->pool, sizeof(n->pool));
}

static bool is_backend(const struct lbtop_source *src, uint32_t id)
{
	return used_of(&src->l4.backend_names[id].used) != STATS_FREE;
}

static void describe_backend(struct lbtop_row *row, const struct lbtop_source *src, uint32_t id)
{
	const struct stats_backend_name *n = &src->l4.backend_names[id];

	row->is_retired = used_of(&n->used) != STATS_LIVE;
	lbtop_sample_text(row->name, sizeof(row->name), n->name, sizeof(n->name));
	lbtop_sample_text(row->pool, sizeof(row->pool), n->pool, sizeof(n->pool));
	addr_port_text(&n->address, be16_from(n->port), row->address);
	lbtop_source_backend(row, n->state, n->health, n->weight);
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
	const struct stats *s = &src->l4;
	const struct lbtop_part parts[] = {
		{.kind = LBTOP_LANE,
	         .counters = lbtop_source_by_slot(stats_counters(s, STATS_LANE)),
	         .is_used = is_lane,
	         .describe = describe_lane},
		{.kind = LBTOP_SERVICE,
	         .counters = stats_counters(s, STATS_SERVICE),
	         .is_used = is_service,
	         .describe = describe_service},
		{.kind = LBTOP_BACKEND,
	         .counters = stats_counters(s, STATS_BACKEND),
	         .is_used = is_backend,
	         .describe = describe_backend},
		{.kind = LBTOP_STEER,
	         .counters = stats_counters(s, STATS_STEER_SERVICE),
	         .is_used = is_service,
	         .describe = describe_service},
	};
	size_t n = s->is_bpf ? ARRAY_LEN(parts) : ARRAY_LEN(parts) - 1; // XDP counts in maps alone
	int rc = 0;

	copy_meta(out, src);
	for (size_t i = 0; !rc && i < n; i++)
		rc = lbtop_source_copy_part(out, src, &parts[i]);
	return rc ? rc : lbtop_source_copy_tcp(out, s);
}
