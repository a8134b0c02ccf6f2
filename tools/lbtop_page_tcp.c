// SPDX-License-Identifier: BSD-3-Clause
// What the kernel counts of TCP connections that end here: of clients to L7 services, and ours to backends.
#include "tools/lbtop_page.h"

#define TCP(field) LBTOP_VALUE(tcp_counters, field)

// The index of a histogram among those of its row.
#define LOG(field)                                               \
	((uint16_t)((offsetof(struct tcp_counters, field) -      \
	             offsetof(struct tcp_counters, handshake)) / \
	            sizeof(struct counters_log2)))

static void side(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = item->kind == LBTOP_TCP_SERVICE ? "service" : "backend";
}

static void pool(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	if (item->kind == LBTOP_TCP_BACKEND)
		out->text = lbtop_page_row(item)->pool;
}

static void get_time(struct lbtop_value *out, const struct lbtop_item *item, uint16_t log,
                     double share)
{
	out->number = lbtop_model_log_percentile(&item->pair[LBTOP_LB4D], log, share) *
	              lbtop_schema_log_ns(item->kind, log);
}

static void half_of(struct lbtop_value *out, const struct lbtop_item *item, uint16_t log)
{
	get_time(out, item, log, 0.5);
}

static void most_of(struct lbtop_value *out, const struct lbtop_item *item, uint16_t log)
{
	get_time(out, item, log, 0.99);
}

static void resent(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	lbtop_page_rate(out, item, value);
	if (out->number > 0)
		out->style = LBTOP_WARN;
}

// clang-format off
const struct lbtop_column lbtop_page_tcp[LBTOP_TCP_COLUMNS] = {
	{"POOL", "of a backend; -: a service of this host's workers", .is_text = true, .get = pool},
	{"NAME", "of the service or backend in the configuration", .is_text = true, .get = lbtop_page_name},
	{"SIDE", "service: clients' connections to it; backend: this host's to it, probes too", .is_text = true, .rank = 7, .get = side},
	{"ADDRESS", "where the connections go", .is_text = true, .rank = 12, .get = lbtop_page_address},
	{"CONN/S", "handshakes completed", .value = TCP(connections), .get = lbtop_page_rate},
	{"END/S", "connections that ended", .rank = 10, .value = TCP(closed), .get = lbtop_page_rate},
	{"FAIL/S", "backend: handshakes that came to nothing", .rank = 3, .value = TCP(failed), .get = lbtop_page_bad_rate},
	{"RETX/S", "segments sent again, SYN and SYN-ACK included", .rank = 1, .value = TCP(retransmits), .get = resent},
	{"RSTIN/S", "connections that the peer reset or refused", .rank = 4, .value = TCP(resets_received), .get = lbtop_page_rate},
	{"RSTOUT/S", "connections that this host reset", .rank = 5, .value = TCP(resets_sent), .get = lbtop_page_rate},
	{"SYN50", "from the SYN to the end of the handshake, half of the last minute's", .unit = LBTOP_TIME, .rank = 9, .value = LOG(handshake), .get = half_of},
	{"SYN99", "the same, 99 of 100; like all times here at most a factor of two off", .unit = LBTOP_TIME, .rank = 6, .value = LOG(handshake), .get = most_of},
	{"RTT50", "round-trip time at the end of a connection, half", .unit = LBTOP_TIME, .rank = 2, .value = LOG(rtt), .get = half_of},
	{"RTT99", "the same, 99 of 100", .unit = LBTOP_TIME, .value = LOG(rtt), .get = most_of},
	{"LIFE50", "from the end of the handshake to that of the connection, half", .unit = LBTOP_TIME, .rank = 8, .value = LOG(duration), .get = half_of},
	{"LIFE99", "the same, 99 of 100", .unit = LBTOP_TIME, .rank = 11, .value = LOG(duration), .get = most_of},
};
// clang-format on

static bool add(const struct lbtop_scope *scope, enum lbtop_kind kind, struct lbtop_items *items)
{
	const struct lbtop_rows *rows = &scope->model->now->rows[kind];

	for (size_t i = 0; i < rows->n; i++) {
		struct lbtop_item item;

		if (rows->row[i].is_retired && !scope->shows_all)
			continue;
		item = lbtop_page_item(scope, kind, &rows->row[i]);
		item.id |= (uint32_t)kind << 16; // a service and a backend may have one id
		if (!lbtop_table_add(items, &item))
			return false;
	}
	return true;
}

bool lbtop_page_collect_tcp(const struct lbtop_scope *scope, struct lbtop_items *items)
{
	return add(scope, LBTOP_TCP_SERVICE, items) && add(scope, LBTOP_TCP_BACKEND, items);
}
