// SPDX-License-Identifier: BSD-3-Clause
// The pages of lbtop: which lines they have, in which columns, and what stands above the table. Pure functions of the
// model; lbtop_view.h says which page is seen and how.
#pragma once

#include "tools/lbtop_table.h"

enum lbtop_page_id {
	LBTOP_PAGE_OVERVIEW,
	LBTOP_PAGE_SERVICES,
	LBTOP_PAGE_BACKENDS,
	LBTOP_PAGE_STREAMS,
	LBTOP_PAGE_LANES,
	LBTOP_PAGE_WORKERS,
	LBTOP_PAGE_DROPS,
	LBTOP_PAGE_TCP,
	LBTOP_TABS,                   // those that a digit opens
	LBTOP_PAGE_POOL = LBTOP_TABS, // the backends of a service's pool
	LBTOP_PAGE_COUNTERS,          // all counters of a line
	LBTOP_PAGE_COUNT
};

// A line that was zoomed into: its rows in either half.
struct lbtop_target {
	bool is_set[LBTOP_HALVES];
	uint8_t kind[LBTOP_HALVES]; // enum lbtop_kind
	uint32_t id[LBTOP_HALVES];
};

// What a page is to show of the model.
struct lbtop_scope {
	const struct lbtop_model *model; // with a sample
	bool shows_all;                  // lines that have been zero for ever, too
	struct lbtop_target target;      // of pages that show one line
};

struct lbtop_page {
	const char *name; // what --page and the tabs call it
	const char *help; // one line
	struct lbtop_table table;
	uint8_t sort;        // the column to begin with
	uint8_t zoom;        // enum lbtop_page_id that the enter key opens; the page itself: none
	uint8_t n_head;      // lines above the table
	const char *nothing; // said in place of an empty table
	// Adds the lines. Returns false if there is no memory.
	bool (*collect)(const struct lbtop_scope *scope, struct lbtop_items *items);
	// Draws the n_head lines from line y on; may be NULL.
	void (*head)(const struct lbtop_scope *scope, struct lbtop_grid *g, int y);
};

extern const struct lbtop_page lbtop_pages[LBTOP_PAGE_COUNT];

// The page of this name, whatever its case, or -1.
int lbtop_page_find(const char *name);

// --- what pages share ---

// Getters by the index of a value in the row of lb4d's half, or of lb7d's: its rate, and the value itself.
void lbtop_page_rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
void lbtop_page_bits(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
void lbtop_page_total(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
void lbtop_page_l7_rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
void lbtop_page_l7_total(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
// Those that are trouble unless 0.
void lbtop_page_bad_rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
void lbtop_page_l7_bad_rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
// Percentiles of the last minute of a time of lb7d's row.
void lbtop_page_p50(struct lbtop_value *out, const struct lbtop_item *item, uint16_t time);
void lbtop_page_p90(struct lbtop_value *out, const struct lbtop_item *item, uint16_t time);
void lbtop_page_p99(struct lbtop_value *out, const struct lbtop_item *item, uint16_t time);
// Texts of whichever row there is.
void lbtop_page_name(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
void lbtop_page_address(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
const struct lbtop_row *lbtop_page_row(const struct lbtop_item *item);

// The index of a time among those of its row: LBTOP_TIME_OF(l7_service_histograms, time_to_first_token).
#define LBTOP_TIME_OF(type, field) \
	((uint16_t)(offsetof(struct type, field) / sizeof(struct stats_histogram)))

// a + b, where what is not known adds nothing.
double lbtop_page_add(double a, double b);

// An item of a row.
struct lbtop_item lbtop_page_item(const struct lbtop_scope *scope, enum lbtop_kind kind,
                                  const struct lbtop_row *row);

// Adds a line for each row of either kind, one for those of the same name (and pool, of backends). False: no memory.
NODISCARD bool lbtop_page_join(const struct lbtop_scope *scope, enum lbtop_kind l4,
                               enum lbtop_kind l7, struct lbtop_items *items);

// The columns of the pages, each in its file, and by which they are sorted first.
enum {
	LBTOP_BUSIEST_COLUMNS = 9,
	LBTOP_BUSIEST_SORT = 1,
	LBTOP_SERVICES_COLUMNS = 17,
	LBTOP_BACKENDS_COLUMNS = 17,
	LBTOP_STREAMS_COLUMNS = 18,
	LBTOP_LANES_COLUMNS = 15,
	LBTOP_WORKERS_COLUMNS = 14,
	LBTOP_DROPS_COLUMNS = 5,
	LBTOP_DROPS_SORT = 1,
	LBTOP_TCP_COLUMNS = 16,
	LBTOP_COUNTERS_COLUMNS = 8,
};
extern const struct lbtop_column lbtop_page_busiest[LBTOP_BUSIEST_COLUMNS],
	lbtop_page_services[LBTOP_SERVICES_COLUMNS], lbtop_page_backends[LBTOP_BACKENDS_COLUMNS],
	lbtop_page_streams[LBTOP_STREAMS_COLUMNS], lbtop_page_lanes[LBTOP_LANES_COLUMNS],
	lbtop_page_workers[LBTOP_WORKERS_COLUMNS], lbtop_page_drops[LBTOP_DROPS_COLUMNS],
	lbtop_page_tcp[LBTOP_TCP_COLUMNS], lbtop_page_counters[LBTOP_COUNTERS_COLUMNS];
bool lbtop_page_collect_services(const struct lbtop_scope *scope, struct lbtop_items *items);
bool lbtop_page_collect_backends(const struct lbtop_scope *scope, struct lbtop_items *items);
bool lbtop_page_collect_pool(const struct lbtop_scope *scope, struct lbtop_items *items);
bool lbtop_page_collect_streams(const struct lbtop_scope *scope, struct lbtop_items *items);
bool lbtop_page_collect_lanes(const struct lbtop_scope *scope, struct lbtop_items *items);
bool lbtop_page_collect_workers(const struct lbtop_scope *scope, struct lbtop_items *items);
bool lbtop_page_collect_drops(const struct lbtop_scope *scope, struct lbtop_items *items);
bool lbtop_page_collect_tcp(const struct lbtop_scope *scope, struct lbtop_items *items);
bool lbtop_page_collect_counters(const struct lbtop_scope *scope, struct lbtop_items *items);
void lbtop_page_draw_overview(const struct lbtop_scope *scope, struct lbtop_grid *g, int y);
void lbtop_page_draw_identity(const struct lbtop_scope *scope, struct lbtop_grid *g, int y);
void lbtop_page_draw_target(const struct lbtop_scope *scope, struct lbtop_grid *g, int y);

// The row of a target, lb4d's if there are two; NULL if it is gone. *kind is its kind.
const struct lbtop_row *lbtop_page_target(const struct lbtop_scope *scope, enum lbtop_kind *kind);
