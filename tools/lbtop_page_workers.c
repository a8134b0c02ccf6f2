// SPDX-License-Identifier: BSD-3-Clause
// The threads that answer HTTP.
#include "tools/lbtop_page.h"

#define VALUE(field) LBTOP_VALUE(worker_counters, field)

static void worker(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = item->pair[LBTOP_LB7D].now->id;
}

static void bits(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	const struct lbtop_pair *p = &item->pair[LBTOP_LB7D];

	out->number =
		8 * (lbtop_model_rate(p, VALUE(bytes_in)) + lbtop_model_rate(p, VALUE(bytes_out)));
}

// clang-format off
const struct lbtop_column lbtop_page_workers[LBTOP_WORKERS_COLUMNS] = {
	{"WORKER", "its number, from 0", .is_id = true, .get = worker},
	{"CONN", "connections of clients open now", .value = VALUE(connections_open), .get = lbtop_page_l7_total},
	{"CONN/S", "connections of clients accepted", .value = VALUE(connections), .get = lbtop_page_l7_rate},
	{"TLS/S", "TLS handshakes completed", .rank = 3, .value = VALUE(tls_handshakes), .get = lbtop_page_l7_rate},
	{"REQ/S", "requests begun", .value = VALUE(requests), .get = lbtop_page_l7_rate},
	{"ACTIVE", "requests and streams on their way now", .value = VALUE(requests_active), .get = lbtop_page_l7_total},
	{"5XX/S", "answers of the class 5xx", .rank = 1, .value = VALUE(responses_5xx), .get = lbtop_page_l7_bad_rate},
	{"BIT/S", "content, both ways", .get = bits},
	{"UP", "connections to backends open now", .value = VALUE(upstream_open), .get = lbtop_page_l7_total},
	{"UP/S", "connections to backends begun", .rank = 2, .value = VALUE(upstream_connects), .get = lbtop_page_l7_rate},
	{"REUSE/S", "requests over a connection that was there", .rank = 4, .value = VALUE(upstream_reuses), .get = lbtop_page_l7_rate},
	{"RETRY/S", "requests sent again", .rank = 5, .value = VALUE(retries), .get = lbtop_page_l7_rate},
	{"BUFFER", "bytes of buffers in use now", .rank = 6, .value = VALUE(buffers), .get = lbtop_page_l7_total},
	{"REFUSED/S", "connections closed at once, for want of descriptors or memory", .rank = 7, .value = VALUE(connections_refused), .get = lbtop_page_l7_bad_rate},
};
// clang-format on

bool lbtop_page_collect_workers(const struct lbtop_scope *scope, struct lbtop_items *items)
{
	const struct lbtop_rows *rows = &scope->model->now->rows[LBTOP_WORKER];

	for (size_t i = 0; i < rows->n; i++) {
		struct lbtop_item item = lbtop_page_item(scope, LBTOP_WORKER, &rows->row[i]);

		if (!lbtop_table_add(items, &item))
			return false;
	}
	return true;
}
