// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_help.h"

#include <stdio.h>

struct key {
	const char *name, *what;
};

// The left ones, and the right ones beside them where there is room.
enum { N_LEFT = 8, WIDE = 78, RIGHT_X = 40 };
static const struct key keys[] = {
	{"1 .. 8, tab", "pages"},
	{"up, down", "choose a line"},
	{"page up, down", "or home, end"},
	{"enter", "zoom into a line"},
	{"i", "all counters of it"},
	{"esc", "back"},
	{"?  h", "this help"},
	{"q", "quit"},
	{"/  text", "only lines with it (esc: all)"},
	{"<  >", "sort by the column beside"},
	{"r", "sort the other way round"},
	{"a", "also what is zero or retired"},
	{"space", "pause"},
	{"+  -", "longer, shorter interval"},
};
static_assert(LBTOP_TABS + 0 == 8, "as the first key says");

static int n_key_lines(int width)
{
	return width < WIDE ? (int)ARRAY_LEN(keys) : N_LEFT;
}

int lbtop_help_lines(const struct lbtop_page *page, int width)
{
	return n_key_lines(width) + 2 + (int)page->table.n_columns;
}

static void draw_key(struct lbtop_grid *g, int x, int y, size_t i)
{
	char line[64];

	snprintf(line, sizeof(line), x ? "%-9s%s" : "%-16s%s", keys[i].name, keys[i].what);
	lbtop_grid_put(g, x, y, LBTOP_PLAIN, line);
}

static void draw_line(struct lbtop_grid *g, const struct lbtop_page *page, int i, int y)
{
	int n_keys = n_key_lines(g->width), at = i - n_keys - 2;
	const struct lbtop_column *c;
	char line[200];

	if (i < n_keys) {
		draw_key(g, 0, y, (size_t)i);
		if (g->width >= WIDE && N_LEFT + (size_t)i < ARRAY_LEN(keys))
			draw_key(g, RIGHT_X, y, N_LEFT + (size_t)i);
	} else if (at >= 0 && at < (int)page->table.n_columns) {
		c = &page->table.column[at];
		snprintf(line, sizeof(line), "%-9s %s", c->head, c->help);
		lbtop_grid_put(g, 0, y, LBTOP_PLAIN, line);
	} else if (at == -1) {
		snprintf(line, sizeof(line), "%s: %s", page->name, page->help);
		lbtop_grid_put(g, 0, y, LBTOP_PLAIN, line);
	}
}

void lbtop_help_draw(struct lbtop_grid *g, const struct lbtop_page *page, int first, int y, int n)
{
	for (int i = 0; i < n; i++)
		draw_line(g, page, first + i, y + i);
}
