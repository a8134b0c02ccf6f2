// SPDX-License-Identifier: BSD-3-Clause
// Tables of a page: columns say how to get a value of an item; sorting, filtering and fitting into a width are
// the same for all. Pure: what comes out depends on what goes in. One thread.
#pragma once

#include "tools/lbtop_format.h"
#include "tools/lbtop_grid.h"
#include "tools/lbtop_model.h"

#include <math.h>

// What a line of a table is about.
struct lbtop_item {
	uint32_t id;    // tells it from the others of its page, from sample to sample
	uint8_t kind;   // enum lbtop_kind of the row that `value` is of
	uint16_t value; // on pages that list the values of a row: which one
	double share;   // of its pool, 0..1; NAN if not known
	struct lbtop_pair pair[LBTOP_HALVES]; // its row of either half; .now NULL where it has none
	const struct lbtop_model *model;
};

// Items of a page. An empty one is all zero.
struct lbtop_items {
	struct lbtop_item *item; // [n]; owned
	size_t n, room;
};

// A copy of *item, at the end; false if there is no memory.
NODISCARD bool lbtop_table_add(struct lbtop_items *items, const struct lbtop_item *item);
void lbtop_table_free(struct lbtop_items *items);

struct lbtop_value {
	const char *text; // NULL: a number; borrowed from the item
	double number;    // NAN = not known
	bool is_count;    // a number of its own unit, not the column's
	uint8_t style;    // enum lbtop_style
};

struct lbtop_column {
	const char *head;
	const char *help; // one line
	uint8_t unit;     // enum lbtop_unit of numbers
	bool is_text;     // left-justified and as wide as its longest text
	bool is_exact;    // numbers digit by digit
	bool is_id;       // numbers that name something: from the smallest, as texts
	uint8_t rank;     // where there is no room the highest go first; 0 stays
	uint16_t value;   // for get()
	void (*get)(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value);
};

enum { LBTOP_MAX_COLUMNS = 20 };

struct lbtop_table {
	const struct lbtop_column *column; // [n_columns], at most LBTOP_MAX_COLUMNS
	size_t n_columns;
};

// Numbers from the largest, texts and ids from the smallest, or the other way round if `is_reversed`; what is not known comes last
// always; equals by id.
void lbtop_table_sort(const struct lbtop_table *t, struct lbtop_items *items, size_t column,
                      bool is_reversed);

// Leaves the items of which a text contains `needle`, whatever its case; "" leaves all.
void lbtop_table_filter(const struct lbtop_table *t, struct lbtop_items *items, const char *needle);

// How the columns stand in `width` columns of the grid: width 0 = there was no room for it.
struct lbtop_layout {
	int width[LBTOP_MAX_COLUMNS];
};
void lbtop_table_fit(struct lbtop_layout *out, const struct lbtop_table *t,
                     const struct lbtop_items *items, int width);

struct lbtop_shown {
	const struct lbtop_layout *layout;
	size_t sort; // column
	bool is_reversed;
	size_t first;   // item of the first line below the headings
	ssize_t chosen; // item that is marked, -1 = none
	int y, n_lines; // where, headings included
};
void lbtop_table_draw(struct lbtop_grid *g, const struct lbtop_table *t,
                      const struct lbtop_items *items, const struct lbtop_shown *shown);
