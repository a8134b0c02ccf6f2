// SPDX-License-Identifier: BSD-3-Clause
// Who answers: backends, and the share of its pool that each gets.
#include "tools/lbtop_page.h"

#include <stdlib.h>
#include <string.h>

#include "l4/base/hash.h"

#define VALUE(field) LBTOP_VALUE(backend_counters, field)
#define L7(field) LBTOP_VALUE(l7_backend_counters, field)
#define TIME(field) LBTOP_TIME_OF(l7_backend_histograms, field)

static void pool(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = lbtop_page_row(item)->pool;
}

static void state(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	const struct lbtop_row *row = lbtop_page_row(item);

	if (row->is_retired)
		out->text = "removed";
	else if (*row->state)
		out->text = row->state;
	if (out->text && strcmp(out->text, "up") != 0)
		out->style = LBTOP_WARN;
}

static void health(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	const struct lbtop_row *row = lbtop_page_row(item);

	if (row->is_retired || !*row->health)
		return;
	out->text = row->health;
	if (strcmp(row->health, "unhealthy") == 0)
		out->style = LBTOP_BAD;
	else if (strcmp(row->health, "healthy") == 0)
		out->style = LBTOP_GOOD;
}

static void weight(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = lbtop_page_row(item)->weight;
}

static void share(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = item->share;
}

// clang-format off
const struct lbtop_column lbtop_page_backends[LBTOP_BACKENDS_COLUMNS] = {
	{"POOL", "the pool it belongs to", .is_text = true, .get = pool},
	{"BACKEND", "its name in the pool", .is_text = true, .get = lbtop_page_name},
	{"ADDRESS", "where packets and requests go", .is_text = true, .rank = 8, .get = lbtop_page_address},
	{"STATE", "up, drain or down, or removed: only what it has already", .is_text = true, .rank = 1, .get = state},
	{"HEALTH", "what its probes say; unknown: nobody probes", .is_text = true, .get = health},
	{"WEIGHT", "its part of new work, by the configuration", .rank = 12, .get = weight},
	{"SHARE%", "its part of its pool's new flows and requests, over the last minute", .unit = LBTOP_PERCENT, .get = share},
	{"PKT/S", "packets forwarded to it", .rank = 2, .value = VALUE(packets), .get = lbtop_page_rate},
	{"BIT/S", "bits forwarded to it", .rank = 7, .value = VALUE(bytes), .get = lbtop_page_bits},
	{"NEW/S", "flows that were given to it", .rank = 6, .value = VALUE(new_flows), .get = lbtop_page_rate},
	{"REPLY/S", "nat: packets that it sent back through us", .rank = 11, .value = VALUE(reply_packets), .get = lbtop_page_rate},
	{"REQ/S", "L7: requests given to it", .value = L7(requests), .get = lbtop_page_l7_rate},
	{"FAIL/S", "L7: of these, failed", .rank = 3, .value = L7(failures), .get = lbtop_page_l7_bad_rate},
	{"ACTIVE", "L7: requests and streams on their way", .rank = 9, .value = L7(requests_active), .get = lbtop_page_l7_total},
	{"CONN", "L7: connections to it open now, idle ones too", .rank = 10, .value = L7(connections_open), .get = lbtop_page_l7_total},
	{"P50", "L7: request sent until the head of its answer, half of the last minute", .unit = LBTOP_TIME, .rank = 5, .value = TIME(time_to_first_byte), .get = lbtop_page_p50},
	{"P99", "the same, 99 of 100", .unit = LBTOP_TIME, .rank = 4, .value = TIME(time_to_first_byte), .get = lbtop_page_p99},
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

// New work over the last minute.
static double work_of(const struct lbtop_item *item)
{
	const struct lbtop_pair *l4 = &item->pair[LBTOP_LB4D], *l7 = &item->pair[LBTOP_LB7D];

	return lbtop_page_add(l4->now ? lbtop_model_window_rate(l4, VALUE(new_flows)) : NAN,
	                      l7->now ? lbtop_model_window_rate(l7, L7(requests)) : NAN);
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
		double work = work_of(&items->item[i]);

		if (!isnan(work))
			sum_of(sums, n, lbtop_page_row(&items->item[i])->pool)->sum += work;
	}
	for (size_t i = 0; i < items->n; i++) {
		double sum = sum_of(sums, n, lbtop_page_row(&items->item[i])->pool)->sum;

		items->item[i].share = sum > 0 ? work_of(&items->item[i]) / sum : NAN;
	}
	free(sums);
	return true;
}

bool lbtop_page_collect_backends(const struct lbtop_scope *scope, struct lbtop_items *items)
{
	return lbtop_page_join(scope, LBTOP_BACKEND, LBTOP_L7_BACKEND, items) &&
	       write_shares(items);
}

bool lbtop_page_collect_pool(const struct lbtop_scope *scope, struct lbtop_items *items)
{
	enum lbtop_kind kind;
	const struct lbtop_row *service = lbtop_page_target(scope, &kind);
	size_t n = 0;

	if (!lbtop_page_collect_backends(scope, items))
		return false;
	for (size_t i = 0; service && i < items->n; i++)
		if (strcmp(lbtop_page_row(&items->item[i])->pool, service->pool) == 0)
			items->item[n++] = items->item[i];
	items->n = n;
	return true;
}
