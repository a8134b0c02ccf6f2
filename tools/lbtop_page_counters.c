// SPDX-License-Identifier: BSD-3-Clause
// All counters of one row, with what they mean.
#include "tools/lbtop_page.h"

#include <stdio.h>

static const struct lbtop_pair *pair_of(const struct lbtop_item *item)
{
	return &item->pair[lbtop_schemas[item->kind].half];
}

static void counter(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = lbtop_schema_name(item->kind, item->value);
}

static void unit(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = lbtop_schema_unit(item->kind, item->value);
}

static void help(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = lbtop_schema_help(item->kind, item->value);
}

static void rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	if (!lbtop_schema_is_gauge(item->kind, item->value))
		out->number = lbtop_model_rate(pair_of(item), item->value);
}

static void total(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = (double)pair_of(item)->now->value[item->value];
}

// clang-format off
const struct lbtop_column lbtop_page_counters[LBTOP_COUNTERS_COLUMNS] = {
	{"COUNTER", "its name, as in conf/counters.md", .is_text = true, .get = counter},
	{"RATE/S", "how fast it grows; a gauge has none", .get = rate},
	{"VALUE", "since the counters began; of a gauge: now", .is_exact = true, .get = total},
	{"UNIT", "of the value", .is_text = true, .rank = 1, .get = unit},
	{"MEANING", "what it counts", .is_text = true, .rank = 2, .get = help},
};
// clang-format on

bool lbtop_page_collect_counters(const struct lbtop_scope *scope, struct lbtop_items *items)
{
	const struct lbtop_row *row = lbtop_sample_find(scope->model->now, scope->kind, scope->id);
	struct lbtop_item item;

	if (!row)
		return true;
	item = lbtop_page_item(scope, scope->kind, row);
	for (uint16_t i = 0; i < lbtop_schemas[scope->kind].n_values; i++) {
		item.id = item.value = i;
		if (row->value[i] == 0 && !scope->shows_all)
			continue;
		if (!lbtop_table_add(items, &item))
			return false;
	}
	return true;
}

void lbtop_page_draw_row(const struct lbtop_scope *scope, struct lbtop_grid *g, int y)
{
	static const char *const words[LBTOP_KIND_COUNT] = {
		[LBTOP_LANE] = "lane", [LBTOP_SERVICE] = "service", [LBTOP_BACKEND] = "backend"};
	const struct lbtop_row *row = lbtop_sample_find(scope->model->now, scope->kind, scope->id);
	char line[4 * LBTOP_TEXT_SIZE];

	if (!row)
		snprintf(line, sizeof(line), "this %s is gone (esc: back)", words[scope->kind]);
	else
		snprintf(line, sizeof(line), "%s %s%s%s%s%s%s%s%s", words[scope->kind], row->pool,
		         *row->pool ? "/" : "", row->name, *row->address ? "  " : "", row->address,
		         *row->protocol ? "  " : "", row->protocol,
		         row->is_retired ? "  (not in the configuration any more)" : "");
	lbtop_grid_put(g, 0, y, LBTOP_PLAIN, line);
}
