// SPDX-License-Identifier: BSD-3-Clause
// What is seen of the model, and what keys do: page, sorting, filter, zoom, pause, interval, help. Pure: keys and a
// model go in, a grid comes out; the terminal is lbtop_screen.c's. One thread.
#pragma once

#include "tools/lbtop_page.h"

// Keys that are no character.
enum lbtop_key {
	LBTOP_KEY_NONE = 0,
	LBTOP_KEY_TAB = '\t',
	LBTOP_KEY_ENTER = '\n',
	LBTOP_KEY_ESCAPE = 27,
	LBTOP_KEY_BACKSPACE = 127,
	LBTOP_KEY_UP = 256,
	LBTOP_KEY_DOWN,
	LBTOP_KEY_LEFT,
	LBTOP_KEY_RIGHT,
	LBTOP_KEY_PAGE_UP,
	LBTOP_KEY_PAGE_DOWN,
	LBTOP_KEY_HOME,
	LBTOP_KEY_END,
	LBTOP_KEY_BACKTAB,
};

enum {
	LBTOP_FILTER_SIZE = 48,
	LBTOP_ZOOMS = 3,
	LBTOP_MIN_WIDTH = 60, // below that it says so and waits
	LBTOP_MIN_HEIGHT = 12,
};

// How one page is seen.
struct lbtop_frame {
	uint8_t page; // enum lbtop_page_id
	uint8_t sort; // column
	bool is_reversed;
	bool has_chosen;
	uint32_t chosen; // id of the marked item
	size_t first;    // item of the first line
	char filter[LBTOP_FILTER_SIZE];
	struct lbtop_target target; // the line that was zoomed into
};

struct lbtop_view {
	struct lbtop_frame base[LBTOP_TABS];
	struct lbtop_frame zoom[LBTOP_ZOOMS]; // [n_zoom], over base[tab]
	uint8_t n_zoom;
	uint8_t tab;
	uint8_t interval; // index into lbtop_view_intervals
	bool shows_all;
	bool shows_help;
	bool is_paused;
	bool is_typing; // the filter
	bool has_quit;
	bool is_replay;             // figures are a record's: of then, not now
	bool is_full;               // for --once: lines for all items, and none for keys
	int help_first;             // line of the help that is the first on the screen
	struct lbtop_layout layout; // of the table, when it was last drawn
	char note[256];             // for the last line, until the next key; "" = none
	char explained[128];        // of the chosen line, when it was last drawn
	int n_lines;                // of the table, when it was last drawn
};

// In ms, ascending.
enum { LBTOP_INTERVALS = 9, LBTOP_INTERVAL_DEFAULT = 3 };
extern const uint32_t lbtop_view_intervals[LBTOP_INTERVALS];

void lbtop_view_init(struct lbtop_view *v, enum lbtop_page_id page);

// What a key (a character or enum lbtop_key) does.
void lbtop_view_key(struct lbtop_view *v, const struct lbtop_model *m, int key);

// Draws the page, or why there is nothing to see, over the whole grid. -ENOMEM: it is incomplete.
NODISCARD int lbtop_view_draw(struct lbtop_view *v, const struct lbtop_model *m,
                              struct lbtop_grid *g);

// Lines that lbtop_view_draw() would fill if it had any number; for --once.
int lbtop_view_height(struct lbtop_view *v, const struct lbtop_model *m);
