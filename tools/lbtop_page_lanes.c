// SPDX-License-Identifier: BSD-3-Clause
// The cores that move packets, and all counters of any line.
#include "tools/lbtop_page.h"

#include <stdio.h>
#include <string.h>

#define VALUE(field) LBTOP_VALUE(lane_counters, field)

// How much of one counter there is for one of another, between the last two samples.
static double per(const struct lbtop_item *item, uint16_t what, uint16_t each)
{
	const struct lbtop_pair *p = &item->pair[LBTOP_LB4D];
	double n = lbtop_model_rate(p, each);

	return n > 0 ? lbtop_model_rate(p, what) / n : NAN;
}

static void busy(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = lbtop_model_rate(&item->pair[LBTOP_LB4D], VALUE(busy_ns)) / 1e9;
	if (out->number > 0.9)
		out->style = LBTOP_BAD;
	else if (out->number > 0.7)
		out->style = LBTOP_WARN;
}

static void time_per_packet(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = per(item, VALUE(busy_ns), VALUE(rx_packets));
}

static void cycles_per_packet(struct lbtop_value *out, const struct lbtop_item *item,
                              uint16_t value)
{
	uint64_t hz = item->model->now->daemon[LBTOP_LB4D].cycles_hz;

	time_per_packet(out, item, value);
	out->number = hz ? out->number * (double)hz / 1e9 : NAN;
}

static void per_burst(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = per(item, VALUE(rx_packets), VALUE(bursts));
}

static void hits(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = per(item, VALUE(flow_hits), VALUE(rx_packets));
}

static void drops(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = lbtop_model_drop_rate(&item->pair[LBTOP_LB4D]);
	if (out->number > 0)
		out->style = LBTOP_BAD;
}

static void lane(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = item->pair[LBTOP_LB4D].now->id;
	if (item->pair[LBTOP_LB4D].now->is_retired)
		out->style = LBTOP_DIM;
}

// clang-format off
const struct lbtop_column lbtop_page_lanes[LBTOP_LANES_COLUMNS] = {
	{"LANE", "its number, from 0; pale: of an earlier run that had more", .is_id = true, .get = lane},
	{"BUSY%", "of the time, with bursts that were not empty", .unit = LBTOP_PERCENT, .get = busy},
	{"CYC/PKT", "cycles for a packet, while busy", .get = cycles_per_packet},
	{"NS/PKT", "the same in nanoseconds", .rank = 9, .get = time_per_packet},
	{"FILL", "packets in a burst that was not empty", .get = per_burst},
	{"PKT/S", "packets received", .value = VALUE(rx_packets), .get = lbtop_page_rate},
	{"BIT/S", "bits received", .value = VALUE(rx_bytes), .get = lbtop_page_bits},
	{"SENT/S", "packets sent", .rank = 3, .value = VALUE(tx_packets), .get = lbtop_page_rate},
	{"DROP/S", "packets dropped, for any reason", .rank = 1, .get = drops},
	{"HIT%", "packets whose flow was in the table", .unit = LBTOP_PERCENT, .rank = 4, .get = hits},
	{"FLOWS", "entries in the flow table", .rank = 2, .value = VALUE(flows), .get = lbtop_page_total},
	{"INS/S", "flows put into the table", .rank = 6, .value = VALUE(flow_inserts), .get = lbtop_page_rate},
	{"EVICT/S", "living entries that gave way to new flows", .rank = 5, .value = VALUE(flow_evictions), .get = lbtop_page_bad_rate},
	{"SNAT", "snat ports in use", .rank = 7, .value = VALUE(snat_ports), .get = lbtop_page_total},
	{"OVER/S", "packets given to the lane that owns their flow", .rank = 8, .value = VALUE(handover_out), .get = lbtop_page_rate},
};
// clang-format on

bool lbtop_page_collect_lanes(const struct lbtop_scope *scope, struct lbtop_items *items)
{
	const struct lbtop_rows *rows = &scope->model->now->rows[LBTOP_LANE];

	for (size_t i = 0; i < rows->n; i++) {
		struct lbtop_item item = lbtop_page_item(scope, LBTOP_LANE, &rows->row[i]);

		if (!lbtop_table_add(items, &item))
			return false;
	}
	return true;
}
