// SPDX-License-Identifier: BSD-3-Clause
// Event streams, WebSockets and gRPC calls: how many, how soon they begin, how evenly they go on, how they end.
#include "tools/lbtop_page.h"

#define L7(field) LBTOP_VALUE(l7_service_counters, field)
#define TIME(field) LBTOP_TIME_OF(l7_service_histograms, field)

// Gauges and counters by the kind of stream.
static double begun(const struct lbtop_item *item)
{
	const struct lbtop_pair *p = &item->pair[LBTOP_LB7D];

	return lbtop_model_rate(p, L7(streams_sse)) + lbtop_model_rate(p, L7(streams_websocket)) +
	       lbtop_model_rate(p, L7(streams_grpc));
}

static void get_begun(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = begun(item);
}

static void stalled(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	lbtop_page_l7_total(out, item, L7(streams_stalled));
	if (out->number > 0)
		out->style = LBTOP_WARN;
}

// clang-format off
const struct lbtop_column lbtop_page_streams[LBTOP_STREAMS_COLUMNS] = {
	{"SERVICE", "its name in the configuration", .is_text = true, .get = lbtop_page_name},
	{"SSE", "event streams open now", .value = L7(active_sse), .get = lbtop_page_l7_total},
	{"WS", "WebSockets open now", .value = L7(active_websocket), .get = lbtop_page_l7_total},
	{"GRPC", "gRPC calls open now", .value = L7(active_grpc), .get = lbtop_page_l7_total},
	{"STALL", "open, and silent within an answer (measure tokens)", .rank = 3, .get = stalled},
	{"NEW/S", "begun", .rank = 4, .get = get_begun},
	{"EVENT/S", "events and messages passed on", .rank = 2, .value = L7(events), .get = lbtop_page_l7_rate},
	{"TTFT50", "request until the first content-bearing event, half of the last minute", .unit = LBTOP_TIME, .value = TIME(time_to_first_token), .get = lbtop_page_p50},
	{"TTFT90", "the same, 90 of 100", .unit = LBTOP_TIME, .rank = 8, .value = TIME(time_to_first_token), .get = lbtop_page_p90},
	{"TTFT99", "the same, 99 of 100", .unit = LBTOP_TIME, .value = TIME(time_to_first_token), .get = lbtop_page_p99},
	{"GAP50", "between two events of a stream, half of the last minute", .unit = LBTOP_TIME, .rank = 1, .value = TIME(inter_event_gap), .get = lbtop_page_p50},
	{"GAP99", "the same, 99 of 100", .unit = LBTOP_TIME, .value = TIME(inter_event_gap), .get = lbtop_page_p99},
	{"FIRST50", "request until the first event of any kind, half", .unit = LBTOP_TIME, .rank = 7, .value = TIME(time_to_first_event), .get = lbtop_page_p50},
	{"TPOT50", "time per output token, half, where streams state how many", .unit = LBTOP_TIME, .rank = 9, .value = TIME(time_per_output_token_usage), .get = lbtop_page_p50},
	{"ADDED99", "what we add to an event, 99 of 100", .unit = LBTOP_TIME, .rank = 6, .value = TIME(delay_added), .get = lbtop_page_p99},
	{"LEFT/S", "ended by the client", .rank = 10, .value = L7(stream_ends_client_abort), .get = lbtop_page_l7_rate},
	{"FAIL/S", "broken at the backend", .rank = 5, .value = L7(stream_ends_upstream_error), .get = lbtop_page_l7_bad_rate},
	{"TOKEN/S", "tokens generated, where streams state it", .rank = 11, .value = L7(tokens_out), .get = lbtop_page_l7_rate},
};
// clang-format on

static bool has_streams(const struct lbtop_row *row)
{
	return row->value[L7(streams_sse)] || row->value[L7(streams_websocket)] ||
	       row->value[L7(streams_grpc)];
}

bool lbtop_page_collect_streams(const struct lbtop_scope *scope, struct lbtop_items *items)
{
	const struct lbtop_rows *rows = &scope->model->now->rows[LBTOP_L7_SERVICE];

	for (size_t i = 0; i < rows->n; i++) {
		struct lbtop_item item;

		if (!scope->shows_all && (rows->row[i].is_retired || !has_streams(&rows->row[i])))
			continue;
		item = lbtop_page_item(scope, LBTOP_L7_SERVICE, &rows->row[i]);
		if (!lbtop_table_add(items, &item))
			return false;
	}
	return true;
}
