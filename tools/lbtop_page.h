// SPDX-License-Identifier: BSD-3-Clause
// The pages of lbtop: which lines they have, in which columns, and what stands above the table. Pure functions of the
// model; lbtop_view.h says which page is seen and how.
#pragma once

#include "tools/lbtop_table.h"

enum lbtop_page_id {
	LBTOP_PAGE_OVERVIEW,
	LBTOP_PAGE_SERVICES,
	LBTOP_PAGE_BACKENDS,
	LBTOP_PAGE_LANES,
	LBTOP_PAGE_DROPS,
	LBTOP_TABS,                       // those that a digit opens
	LBTOP_PAGE_COUNTERS = LBTOP_TABS, // of one row: all its values
	LBTOP_PAGE_COUNT
};

// What a page is to show of the model.
struct lbtop_scope {
	const struct lbtop_model *model; // with a sample
	bool shows_all;                  // lines that have been zero for ever, too
	uint8_t kind;                    // enum lbtop_kind and id of the row that was zoomed into
	uint32_t id;
};

struct lbtop_page {
	const char *name; // what --page and the tabs call it
	const char *help; // one line
	struct lbtop_table table;
	uint8_t sort;        // the column to begin with
	uint8_t zoom;        // enum lbtop_page_id that the enter key opens; the page itself: none
	uint8_t kind;        // enum lbtop_kind of its lines, if it has a zoom
	uint8_t n_head;      // lines above the table
	const char *nothing; // said in place of an empty table
	// Adds the lines. Returns false if there is no memory.
	bool (*collect)(const struct lbtop_scope *scope, struct lbtop_items *items);
	// Draws the n_head lines from line y on; may be NULL.
	void (*head)(const struct lbtop_scope *scope, struct lbtop_grid *g, int y);
};

extern const struct lbtop_page lbtop_pages[LBTOP_PAGE_COUNT];

// The page of this name, or -1.
int lbtop_page_find(const char *name);

// --- what pages share ---

// Getters: the rate of a value of the row of lb4d's half, and the value itself.
void lbtop_page_rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
void lbtop_page_bits(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
void lbtop_page_total(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
// Rates that are trouble unless 0.
void lbtop_page_bad_rate(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
void lbtop_page_name(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
void lbtop_page_address(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);

// An item of a row.
struct lbtop_item lbtop_page_item(const struct lbtop_scope *scope, enum lbtop_kind kind,
                                  const struct lbtop_row *row);

// The columns of the pages, each in its file, and by which they are sorted first.
enum {
	LBTOP_BUSIEST_COLUMNS = 7,
	LBTOP_BUSIEST_SORT = 1,
	LBTOP_SERVICES_COLUMNS = 13,
	LBTOP_BACKENDS_COLUMNS = 9,
	LBTOP_LANES_COLUMNS = 14,
	LBTOP_DROPS_COLUMNS = 5,
	LBTOP_DROPS_SORT = 1,
	LBTOP_COUNTERS_COLUMNS = 5,
	LBTOP_COUNTERS_SORT = 1,
};
extern const struct lbtop_column lbtop_page_busiest[LBTOP_BUSIEST_COLUMNS],
	lbtop_page_services[LBTOP_SERVICES_COLUMNS], lbtop_page_backends[LBTOP_BACKENDS_COLUMNS],
	lbtop_page_lanes[LBTOP_LANES_COLUMNS], lbtop_page_drops[LBTOP_DROPS_COLUMNS],
	lbtop_page_counters[LBTOP_COUNTERS_COLUMNS];
bool lbtop_page_collect_services(const struct lbtop_scope *scope, struct lbtop_items *items);
bool lbtop_page_collect_backends(const struct lbtop_scope *scope, struct lbtop_items *items);
bool lbtop_page_collect_lanes(const struct lbtop_scope *scope, struct lbtop_items *items);
bool lbtop_page_collect_drops(const struct lbtop_scope *scope, struct lbtop_items *items);
bool lbtop_page_collect_counters(const struct lbtop_scope *scope, struct lbtop_items *items);
void lbtop_page_draw_overview(const struct lbtop_scope *scope, struct lbtop_grid *g, int y);
void lbtop_page_draw_identity(const struct lbtop_scope *scope, struct lbtop_grid *g, int y);
void lbtop_page_draw_row(const struct lbtop_scope *scope, struct lbtop_grid *g, int y);
