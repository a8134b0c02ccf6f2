// SPDX-License-Identifier: BSD-3-Clause
// All counters of one row, with what they mean.
#include "tools/lbtop_page.h"

#include <stdio.h>

#include "l4/model/stats_log2.h"

// Behind the values of a row stand its times, or its logs.
static int behind(const struct lbtop_item *item)
{
	return (int)item->value - lbtop_schemas[item->kind].n_values;
}

static const struct stats_time *time_of(const struct lbtop_item *item)
{
	const struct lbtop_schema *schema = &lbtop_schemas[item->kind];

	return behind(item) >= 0 && schema->n_times ? &schema->times[behind(item)] : NULL;
}

static const struct stats_log2_field *log_of(const struct lbtop_item *item)
{
	const struct lbtop_schema *schema = &lbtop_schemas[item->kind];

	return behind(item) >= 0 && schema->n_logs ? &schema->logs[behind(item)] : NULL;
}

static const struct lbtop_pair *pair_of(const struct lbtop_item *item)
{
	return &item->pair[lbtop_schemas[item->kind].half];
}

static void counter(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	if (behind(item) < 0)
		out->text = lbtop_schema_name(item->kind, item->value);
	else
		out->text = time_of(item) ? time_of(item)->name : log_of(item)->name;
}

static void unit(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	if (behind(item) < 0)
		out->text = lbtop_schema_unit(item->kind, item->value);
	else if (time_of(item) || lbtop_schema_log_ns(item->kind, (uint16_t)behind(item)) > 0)
		out->text = "times";
	else
		out->text = "counts";
}

static void help(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	if (behind(item) < 0)
		out->text = lbtop_schema_help(item->kind, item->value);
	else
		out->text = time_of(item) ? time_of(item)->help : log_of(item)->help;
}

static void written_by(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	static const char *const others[LBTOP_KIND_COUNT] = {[LBTOP_STEER] = "xdp",
	                                                     [LBTOP_TCP_SERVICE] = "kernel",
	                                                     [LBTOP_TCP_BACKEND] = "kernel"};

	out->text = others[item->kind] ? others[item->kind]
	                               : lbtop_sample_daemons[lbtop_schemas[item->kind].half];
}

static void rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	if (behind(item) < 0 && !lbtop_schema_is_gauge(item->kind, item->value))
		out->number = lbtop_model_rate(pair_of(item), item->value);
}

static void total(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	const struct lbtop_row *row = pair_of(item)->now;

	if (behind(item) < 0)
		out->number = (double)row->value[item->value];
	else if (time_of(item))
		out->number = (double)stats_histogram_count(&row->times[behind(item)]);
	else
		out->number = (double)stats_log2_count(&row->logs[behind(item)]);
}

static void percentile(struct lbtop_value *out, const struct lbtop_item *item, uint16_t percent)
{
	uint16_t i = (uint16_t)behind(item);
	double ns;

	if (time_of(item)) {
		out->number = lbtop_model_percentile(pair_of(item), i, percent / 100.);
	} else if (log_of(item)) {
		ns = lbtop_schema_log_ns(item->kind, i);
		out->is_count = ns == 0;
		out->number = lbtop_model_log_percentile(pair_of(item), i, percent / 100.) *
		              (ns > 0 ? ns : 1);
	}
}

// clang-format off
const struct lbtop_column lbtop_page_counters[LBTOP_COUNTERS_COLUMNS] = {
	{"BY", "who counts", .is_text = true, .get = written_by},
	{"COUNTER", "its name, as in conf/counters.md", .is_text = true, .get = counter},
	{"RATE/S", "how fast it grows; a gauge has none", .get = rate},
	{"VALUE", "since the counters began; of a gauge: now; of times and the like: how many", .is_exact = true, .get = total},
	{"UNIT", "of the value", .is_text = true, .rank = 2, .get = unit},
	{"P50", "of times: half of those of the last minute", .unit = LBTOP_TIME, .value = 50, .get = percentile},
	{"P99", "of times: 99 of 100 of those", .unit = LBTOP_TIME, .value = 99, .get = percentile},
	{"MEANING", "what it counts", .is_text = true, .get = help},
};
// clang-format on

static bool add_value(struct lbtop_items *items, struct lbtop_item *item, uint16_t value)
{
	item->value = value;
	item->id = (uint32_t)item->kind << 16 | value;
	return lbtop_table_add(items, item);
}

// How many values the histogram that stands behind the values at `i` has.
static uint64_t n_behind(const struct lbtop_schema *schema, const struct lbtop_row *row, uint16_t i)
{
	return schema->n_times ? stats_histogram_count(&row->times[i])
	                       : stats_log2_count(&row->logs[i]);
}

static bool add_row(const struct lbtop_scope *scope, enum lbtop_kind kind, uint32_t id,
                    struct lbtop_items *items)
{
	const struct lbtop_schema *schema = &lbtop_schemas[kind];
	const struct lbtop_row *row = lbtop_sample_find(scope->model->now, kind, id);
	uint16_t n_behind_values = schema->n_times + schema->n_logs;
	struct lbtop_item item;

	if (!row)
		return true;
	item = lbtop_page_item(scope, kind, row);
	for (uint16_t i = 0; i < schema->n_values; i++)
		if ((row->value[i] || scope->shows_all) && !add_value(items, &item, i))
			return false;
	for (uint16_t i = 0; (row->times || row->logs) && i < n_behind_values; i++)
		if ((n_behind(schema, row, i) || scope->shows_all) &&
		    !add_value(items, &item, (uint16_t)(schema->n_values + i)))
			return false;
	return true;
}

bool lbtop_page_collect_counters(const struct lbtop_scope *scope, struct lbtop_items *items)
{
	// What others than the daemons count of the same service or backend; lanes have nothing more.
	static const uint8_t more[LBTOP_KIND_COUNT][2] = {
		[LBTOP_SERVICE] = {LBTOP_STEER, LBTOP_TCP_SERVICE},
		[LBTOP_BACKEND] = {LBTOP_TCP_BACKEND},
	};
	const struct lbtop_target *t = &scope->target;
	const uint8_t *others = more[t->kind[LBTOP_LB4D]];

	for (size_t i = 0; i < LBTOP_HALVES; i++)
		if (t->is_set[i] && !add_row(scope, t->kind[i], t->id[i], items))
			return false;
	for (size_t i = 0; t->is_set[LBTOP_LB4D] && i < 2 && others[i]; i++)
		if (!add_row(scope, others[i], t->id[LBTOP_LB4D], items))
			return false;
	return true;
}

void lbtop_page_draw_target(const struct lbtop_scope *scope, struct lbtop_grid *g, int y)
{
	static const char *const words[LBTOP_KIND_COUNT] = {
		[LBTOP_LANE] = "lane",           [LBTOP_SERVICE] = "service",
		[LBTOP_BACKEND] = "backend",     [LBTOP_STEER] = "service",
		[LBTOP_WORKER] = "worker",       [LBTOP_L7_SERVICE] = "service",
		[LBTOP_L7_BACKEND] = "backend",  [LBTOP_TCP_SERVICE] = "service",
		[LBTOP_TCP_BACKEND] = "backend",
	};
	enum lbtop_kind kind = LBTOP_LANE;
	const struct lbtop_row *row = lbtop_page_target(scope, &kind);
	bool is_backend =
		kind == LBTOP_BACKEND || kind == LBTOP_L7_BACKEND || kind == LBTOP_TCP_BACKEND;
	char line[6 * LBTOP_TEXT_SIZE];

	if (!row)
		snprintf(line, sizeof(line), "this %s is gone (esc: back)", words[kind]);
	else
		snprintf(line, sizeof(line), "%s %s%s%s%s%s%s%s%s%s%s", words[kind],
		         is_backend ? row->pool : "", is_backend ? "/" : "", row->name,
		         *row->address ? "  " : "", row->address, *row->protocol ? "  " : "",
		         row->protocol, kind == LBTOP_SERVICE && *row->pool ? "  pool " : "",
		         kind == LBTOP_SERVICE ? row->pool : "",
		         row->is_retired ? "  (not in the configuration any more)" : "");
	lbtop_grid_put(g, 0, y, LBTOP_PLAIN, line);
}
