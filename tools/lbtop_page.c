// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_page.h"

#include <string.h>

const struct lbtop_page lbtop_pages[LBTOP_PAGE_COUNT] = {
	[LBTOP_PAGE_OVERVIEW] = {.name = "overview",
                                 .help = "what the node does, and how it has been for minutes",
                                 .table = {lbtop_page_busiest, LBTOP_BUSIEST_COLUMNS},
                                 .sort = LBTOP_BUSIEST_SORT,
                                 .zoom = LBTOP_PAGE_COUNTERS,
                                 .kind = LBTOP_SERVICE,
                                 .n_head = LBTOP_SERIES_COUNT + 4,
                                 .nothing = "no services",
                                 .collect = lbtop_page_collect_services,
                                 .head = lbtop_page_draw_overview},
	[LBTOP_PAGE_SERVICES] = {.name = "services",
                                 .help = "what clients connect to",
                                 .table = {lbtop_page_services, LBTOP_SERVICES_COLUMNS},
                                 .zoom = LBTOP_PAGE_COUNTERS,
                                 .kind = LBTOP_SERVICE,
                                 .nothing = "no services",
                                 .collect = lbtop_page_collect_services},
	[LBTOP_PAGE_BACKENDS] = {.name = "backends",
                                 .help = "who answers them",
                                 .table = {lbtop_page_backends, LBTOP_BACKENDS_COLUMNS},
                                 .zoom = LBTOP_PAGE_COUNTERS,
                                 .kind = LBTOP_BACKEND,
                                 .nothing = "no backends",
                                 .collect = lbtop_page_collect_backends},
	[LBTOP_PAGE_LANES] = {.name = "lanes",
                              .help = "the cores that move packets",
                              .table = {lbtop_page_lanes, LBTOP_LANES_COLUMNS},
                              .zoom = LBTOP_PAGE_COUNTERS,
                              .kind = LBTOP_LANE,
                              .nothing = "no lanes",
                              .collect = lbtop_page_collect_lanes},
	[LBTOP_PAGE_DROPS] = {.name = "drops",
                              .help = "why packets were dropped",
                              .table = {lbtop_page_drops, LBTOP_DROPS_COLUMNS},
                              .sort = LBTOP_DROPS_SORT,
                              .zoom = LBTOP_PAGE_DROPS,
                              .n_head = 2,
                              .nothing = "nothing was dropped (a: all reasons)",
                              .collect = lbtop_page_collect_drops,
                              .head = lbtop_page_draw_identity},
	[LBTOP_PAGE_COUNTERS] = {.name = "counters",
                                 .help = "all counters of one line",
                                 .table = {lbtop_page_counters, LBTOP_COUNTERS_COLUMNS},
                                 .sort = LBTOP_COUNTERS_SORT,
                                 .zoom = LBTOP_PAGE_COUNTERS,
                                 .n_head = 2,
                                 .nothing = "all are zero (a: all counters)",
                                 .collect = lbtop_page_collect_counters,
                                 .head = lbtop_page_draw_row},
};

int lbtop_page_find(const char *name)
{
	for (int i = 0; i < LBTOP_TABS; i++)
		if (strcmp(lbtop_pages[i].name, name) == 0)
			return i;
	return -1;
}

// --- getters ---

void lbtop_page_rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	const struct lbtop_pair *p = &item->pair[LBTOP_LB4D];

	if (p->now)
		out->number = lbtop_model_rate(p, value);
}

void lbtop_page_bits(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	lbtop_page_rate(out, item, value);
	out->number *= 8;
}

void lbtop_page_bad_rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	lbtop_page_rate(out, item, value);
	if (out->number > 0)
		out->style = LBTOP_BAD;
}

void lbtop_page_total(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	const struct lbtop_pair *p = &item->pair[LBTOP_LB4D];

	if (p->now)
		out->number = (double)p->now->value[value];
}

static const struct lbtop_row *row_of(const struct lbtop_item *item)
{
	return item->pair[LBTOP_LB4D].now ? item->pair[LBTOP_LB4D].now : item->pair[LBTOP_LB7D].now;
}

void lbtop_page_name(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = row_of(item)->name;
	if (row_of(item)->is_retired)
		out->style = LBTOP_DIM;
}

void lbtop_page_address(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = row_of(item)->address;
}

struct lbtop_item lbtop_page_item(const struct lbtop_scope *scope, enum lbtop_kind kind,
                                  const struct lbtop_row *row)
{
	struct lbtop_item item = {.id = row->id, .kind = kind, .share = NAN, .model = scope->model};

	item.pair[lbtop_schemas[kind].half] = lbtop_model_pair(scope->model, kind, row);
	return item;
}
