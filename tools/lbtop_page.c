// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_page.h"

#include <string.h>
#include <strings.h>

const struct lbtop_page lbtop_pages[LBTOP_PAGE_COUNT] = {
	[LBTOP_PAGE_OVERVIEW] = {.name = "overview",
                                 .help = "what the node does, and how it has been for minutes",
                                 .table = {lbtop_page_busiest, LBTOP_BUSIEST_COLUMNS},
                                 .sort = LBTOP_BUSIEST_SORT,
                                 .zoom = LBTOP_PAGE_POOL,
                                 .n_head = LBTOP_SERIES_COUNT + 2,
                                 .nothing = "no services",
                                 .collect = lbtop_page_collect_services,
                                 .head = lbtop_page_draw_overview},
	[LBTOP_PAGE_SERVICES] = {.name = "services",
                                 .help = "what clients connect to",
                                 .table = {lbtop_page_services, LBTOP_SERVICES_COLUMNS},
                                 .zoom = LBTOP_PAGE_POOL,
                                 .nothing = "no services",
                                 .collect = lbtop_page_collect_services},
	[LBTOP_PAGE_BACKENDS] = {.name = "backends",
                                 .help = "who answers them",
                                 .table = {lbtop_page_backends, LBTOP_BACKENDS_COLUMNS},
                                 .zoom = LBTOP_PAGE_COUNTERS,
                                 .nothing = "no backends",
                                 .collect = lbtop_page_collect_backends},
	[LBTOP_PAGE_STREAMS] = {.name = "streams",
                                .help = "event streams, WebSockets and gRPC calls of L7 services",
                                .table = {lbtop_page_streams, LBTOP_STREAMS_COLUMNS},
                                .zoom = LBTOP_PAGE_COUNTERS,
                                .nothing = "no L7 service has had a stream (a: all services)",
                                .collect = lbtop_page_collect_streams},
	[LBTOP_PAGE_LANES] = {.name = "lanes",
                              .help = "the cores that move packets",
                              .table = {lbtop_page_lanes, LBTOP_LANES_COLUMNS},
                              .zoom = LBTOP_PAGE_COUNTERS,
                              .nothing = "no lanes: lb4d has not run here",
                              .collect = lbtop_page_collect_lanes},
	[LBTOP_PAGE_WORKERS] = {.name = "workers",
                                .help = "the threads that answer HTTP",
                                .table = {lbtop_page_workers, LBTOP_WORKERS_COLUMNS},
                                .zoom = LBTOP_PAGE_COUNTERS,
                                .nothing = "no workers: lb7d has not run here",
                                .collect = lbtop_page_collect_workers},
	[LBTOP_PAGE_DROPS] = {.name = "drops",
                              .help = "why packets were dropped",
                              .table = {lbtop_page_drops, LBTOP_DROPS_COLUMNS},
                              .sort = LBTOP_DROPS_SORT,
                              .zoom = LBTOP_PAGE_DROPS,
                              .n_head = 2,
                              .nothing = "nothing was dropped (a: all reasons)",
                              .collect = lbtop_page_collect_drops,
                              .head = lbtop_page_draw_identity},
	[LBTOP_PAGE_TCP] = {.name = "tcp",
                            .help = "connections that end here, as the kernel sees them",
                            .table = {lbtop_page_tcp, LBTOP_TCP_COLUMNS},
                            .zoom = LBTOP_PAGE_COUNTERS,
                            .nothing = "no TCP connection of an L7 service has been counted",
                            .collect = lbtop_page_collect_tcp},
	[LBTOP_PAGE_POOL] = {.name = "pool",
                             .help = "the backends of a service",
                             .table = {lbtop_page_backends, LBTOP_BACKENDS_COLUMNS},
                             .zoom = LBTOP_PAGE_COUNTERS,
                             .n_head = 2,
                             .nothing = "no backends",
                             .collect = lbtop_page_collect_pool,
                             .head = lbtop_page_draw_target},
	[LBTOP_PAGE_COUNTERS] = {.name = "counters",
                                 .help = "all counters of one line",
                                 .table = {lbtop_page_counters, LBTOP_COUNTERS_COLUMNS},
                                 .zoom = LBTOP_PAGE_COUNTERS,
                                 .n_head = 2,
                                 .nothing = "all are zero (a: all counters)",
                                 .collect = lbtop_page_collect_counters,
                                 .head = lbtop_page_draw_target},
};

int lbtop_page_find(const char *name)
{
	for (int i = 0; i < LBTOP_TABS; i++)
		if (strcasecmp(lbtop_pages[i].name, name) == 0)
			return i;
	return -1;
}

// --- getters ---

static void get_rate(struct lbtop_value *out, const struct lbtop_pair *p, uint16_t value)
{
	if (p->now)
		out->number = lbtop_model_rate(p, value);
}

static void get_total(struct lbtop_value *out, const struct lbtop_pair *p, uint16_t value)
{
	if (p->now)
		out->number = (double)p->now->value[value];
}

void lbtop_page_rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	get_rate(out, &item->pair[LBTOP_LB4D], value);
}

void lbtop_page_l7_rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	get_rate(out, &item->pair[LBTOP_LB7D], value);
}

void lbtop_page_bits(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	lbtop_page_rate(out, item, value);
	out->number *= 8;
}

static void blame(struct lbtop_value *out)
{
	if (out->number > 0)
		out->style = LBTOP_BAD;
}

void lbtop_page_bad_rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	lbtop_page_rate(out, item, value);
	blame(out);
}

void lbtop_page_l7_bad_rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	lbtop_page_l7_rate(out, item, value);
	blame(out);
}

void lbtop_page_total(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	get_total(out, &item->pair[LBTOP_LB4D], value);
}

void lbtop_page_l7_total(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	get_total(out, &item->pair[LBTOP_LB7D], value);
}

static void get_time(struct lbtop_value *out, const struct lbtop_item *item, uint16_t time,
                     double share)
{
	if (item->pair[LBTOP_LB7D].now)
		out->number = lbtop_model_percentile(&item->pair[LBTOP_LB7D], time, share);
}

void lbtop_page_p50(struct lbtop_value *out, const struct lbtop_item *item, uint16_t time)
{
	get_time(out, item, time, 0.5);
}

void lbtop_page_p90(struct lbtop_value *out, const struct lbtop_item *item, uint16_t time)
{
	get_time(out, item, time, 0.9);
}

void lbtop_page_p99(struct lbtop_value *out, const struct lbtop_item *item, uint16_t time)
{
	get_time(out, item, time, 0.99);
}

const struct lbtop_row *lbtop_page_row(const struct lbtop_item *item)
{
	return item->pair[LBTOP_LB4D].now ? item->pair[LBTOP_LB4D].now : item->pair[LBTOP_LB7D].now;
}

void lbtop_page_name(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = lbtop_page_row(item)->name;
	if (lbtop_page_row(item)->is_retired)
		out->style = LBTOP_DIM;
}

void lbtop_page_address(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = lbtop_page_row(item)->address;
}

double lbtop_page_add(double a, double b)
{
	if (isnan(a))
		return b;
	return isnan(b) ? a : a + b;
}

// --- items ---

struct lbtop_item lbtop_page_item(const struct lbtop_scope *scope, enum lbtop_kind kind,
                                  const struct lbtop_row *row)
{
	uint8_t half = lbtop_schemas[kind].half;
	struct lbtop_item item = {.id = (uint32_t)half << 24 | row->id,
	                          .kind = (uint8_t)kind,
	                          .share = NAN,
	                          .model = scope->model};

	item.pair[half] = lbtop_model_pair(scope->model, kind, row);
	return item;
}

const struct lbtop_row *lbtop_page_target(const struct lbtop_scope *scope, enum lbtop_kind *kind)
{
	const struct lbtop_row *row = NULL;

	for (size_t i = 0; i < LBTOP_HALVES && !row; i++) {
		if (!scope->target.is_set[i])
			continue;
		*kind = scope->target.kind[i];
		row = lbtop_sample_find(scope->model->now, *kind, scope->target.id[i]);
	}
	return row;
}
