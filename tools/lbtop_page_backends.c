// SPDX-License-Identifier: BSD-3-Clause
// Who answers: backends, and the share of its pool that each gets.
#include "tools/lbtop_page.h"

#include <stdlib.h>
#include <string.h>

#include "l4/base/hash.h"

#define VALUE(field) LBTOP_VALUE(backend_counters, field)

static void pool(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = item->pair[LBTOP_LB4D].now->pool;
}

static void state(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	bool is_retired = item->pair[LBTOP_LB4D].now->is_retired;

	out->text = is_retired ? "removed" : "live";
	out->style = is_retired ? LBTOP_WARN : LBTOP_PLAIN;
}

static void share(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = item->share;
}

// clang-format off
const struct lbtop_column lbtop_page_backends[LBTOP_BACKENDS_COLUMNS] = {
	{"POOL", "the pool it belongs to", .is_text = true, .get = pool},
	{"BACKEND", "its name in the pool", .is_text = true, .get = lbtop_page_name},
	{"ADDRESS", "where packets go", .is_text = true, .rank = 4, .get = lbtop_page_address},
	{"STATE", "removed: only flows that it has already", .is_text = true, .rank = 3, .get = state},
	{"PKT/S", "packets forwarded to it", .value = VALUE(packets), .get = lbtop_page_rate},
	{"BIT/S", "bits forwarded to it", .value = VALUE(bytes), .get = lbtop_page_bits},
	{"NEW/S", "flows that were given to it", .value = VALUE(new_flows), .get = lbtop_page_rate},
	{"REPLY/S", "nat: packets that it sent back through us", .rank = 1, .value = VALUE(reply_packets), .get = lbtop_page_rate},
	{"SHARE%", "its part of the pool's new flows, over the last minute", .unit = LBTOP_PERCENT, .get = share},
};
// clang-format on

// --- shares ---

struct pool_sum {
	const char *pool; // NULL = free
	double sum;
};

// Open addressing over a power of two of places, twice as many as there can be pools.
static struct pool_sum *sum_of(struct pool_sum *sums, size_t n, const char *name)
{
	size_t at = hash_bytes(name, strlen(name), 0) & (n - 1);

	while (sums[at].pool && strcmp(sums[at].pool, name) != 0)
		at = (at + 1) & (n - 1);
	sums[at].pool = name;
	return &sums[at];
}

static double new_flows(const struct lbtop_item *item)
{
	return lbtop_model_window_rate(&item->pair[LBTOP_LB4D], VALUE(new_flows));
}

static bool write_shares(struct lbtop_items *items)
{
	struct pool_sum *sums;
	size_t n = 2;

	while (n < 2 * items->n)
		n *= 2;
	sums = calloc(n, sizeof(*sums));
	if (!sums)
		return false;
	for (size_t i = 0; i < items->n; i++) {
		struct lbtop_item *item = &items->item[i];
		double rate = new_flows(item);

		if (!isnan(rate))
			sum_of(sums, n, item->pair[LBTOP_LB4D].now->pool)->sum += rate;
	}
	for (size_t i = 0; i < items->n; i++) {
		struct lbtop_item *item = &items->item[i];
		double sum = sum_of(sums, n, item->pair[LBTOP_LB4D].now->pool)->sum;

		item->share = sum > 0 ? new_flows(item) / sum : NAN;
	}
	free(sums);
	return true;
}

bool lbtop_page_collect_backends(const struct lbtop_scope *scope, struct lbtop_items *items)
{
	const struct lbtop_rows *rows = &scope->model->now->rows[LBTOP_BACKEND];

	for (size_t i = 0; i < rows->n; i++) {
		struct lbtop_item item;

		if (rows->row[i].is_retired && !scope->shows_all)
			continue;
		item = lbtop_page_item(scope, LBTOP_BACKEND, &rows->row[i]);
		if (!lbtop_table_add(items, &item))
			return false;
	}
	return write_shares(items);
}
