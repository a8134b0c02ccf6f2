// SPDX-License-Identifier: BSD-3-Clause
// Why packets were dropped, in the words of counters.h, and whether the books are balanced.
#include "tools/lbtop_page.h"

#include <inttypes.h>
#include <stdio.h>

static void reason(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = lbtop_schema_name(LBTOP_LANE, item->value);
}

static void help(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = lbtop_schema_help(LBTOP_LANE, item->value);
}

static void rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = lbtop_model_total_rate(item->model, LBTOP_LANE, item->value);
	if (out->number > 0)
		out->style = LBTOP_BAD;
}

static void packets(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = (double)lbtop_model_total(item->model->now, LBTOP_LANE, item->value);
}

static void share(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = item->share;
}

// clang-format off
const struct lbtop_column lbtop_page_drops[LBTOP_DROPS_COLUMNS] = {
	{"REASON", "its name, as lbctl and lbreplay say it", .is_text = true, .get = reason},
	{"DROP/S", "packets dropped for it, in all lanes", .get = rate},
	{"PACKETS", "since the counters began", .get = packets},
	{"SHARE%", "of all that were dropped", .unit = LBTOP_PERCENT, .rank = 1, .get = share},
	{"MEANING", "what happened", .is_text = true, .get = help},
};
// clang-format on

// What the reasons of a verdict add up to, over all lanes.
static uint64_t judged(const struct lbtop_sample *s, enum verdict verdict)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < REASON_COUNT; i++)
		if (stats_reason_verdicts[i] == verdict)
			sum += lbtop_model_total(s, LBTOP_LANE, (uint16_t)(LBTOP_REASONS + i));
	return sum;
}

bool lbtop_page_collect_drops(const struct lbtop_scope *scope, struct lbtop_items *items)
{
	const struct lbtop_sample *s = scope->model->now;
	uint64_t dropped = judged(s, VERDICT_DROP);

	for (size_t i = 0; i < REASON_COUNT; i++) {
		uint16_t value = (uint16_t)(LBTOP_REASONS + i);
		uint64_t n = lbtop_model_total(s, LBTOP_LANE, value);
		struct lbtop_item item = {.id = (uint32_t)i,
		                          .kind = LBTOP_LANE,
		                          .value = value,
		                          .model = scope->model,
		                          .share = NAN};

		if (stats_reason_verdicts[i] != VERDICT_DROP || (n == 0 && !scope->shows_all))
			continue;
		if (dropped)
			item.share = (double)n / (double)dropped;
		if (!lbtop_table_add(items, &item))
			return false;
	}
	return true;
}

void lbtop_page_draw_identity(const struct lbtop_scope *scope, struct lbtop_grid *g, int y)
{
	const struct lbtop_sample *s = scope->model->now;
	uint64_t received =
		lbtop_model_total(s, LBTOP_LANE, LBTOP_VALUE(lane_counters, rx_packets));
	uint64_t sum = 0, part[VERDICT_COUNT];
	char line[160];
	int x;

	for (size_t i = 0; i < VERDICT_COUNT; i++)
		sum += part[i] = judged(s, i);
	snprintf(line, sizeof(line),
	         "received %" PRIu64 " = forwarded %" PRIu64 " + punted %" PRIu64
	         " + answered %" PRIu64 " + dropped %" PRIu64,
	         received, part[VERDICT_FORWARD], part[VERDICT_PUNT], part[VERDICT_ANSWER],
	         part[VERDICT_DROP]);
	x = lbtop_grid_put(g, 0, y, LBTOP_PLAIN, line);
	// A lane that works while it is read is a few packets ahead of itself.
	snprintf(line, sizeof(line), " %+" PRId64, (int64_t)(received - sum));
	if (received != sum)
		lbtop_grid_put(g, x, y, LBTOP_DIM, line);
}
