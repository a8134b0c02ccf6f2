// SPDX-License-Identifier: BSD-3-Clause
// A page before it is anywhere: cells of one character and a style. Pages draw into it, lbtop_screen.c shows it on
// a terminal, --once prints it. What lies outside is clipped, so nobody has to count. One thread.
#pragma once

#include "l4/base/cc.h"

#include <stdio.h>

enum lbtop_style {
	LBTOP_PLAIN,
	LBTOP_TITLE, // the bar at the top
	LBTOP_TAB,   // the page that is shown, among the others
	LBTOP_HEAD,  // headings of a table
	LBTOP_CHOSEN,
	LBTOP_DIM,
	LBTOP_GOOD,
	LBTOP_WARN,
	LBTOP_BAD,
	LBTOP_GRAPH,
	LBTOP_STYLE_COUNT
};

// Of a cell: ASCII, or a block of a sparkline, LBTOP_BLOCK + 1..8 eighths.
enum { LBTOP_BLOCK = 0x80, LBTOP_EIGHTHS = 8, LBTOP_GLYPH_SIZE = 4 };

struct lbtop_cell {
	uint8_t glyph;
	uint8_t style; // enum lbtop_style
};

struct lbtop_grid {
	int width, height;
	struct lbtop_cell *cell; // [width * height], row by row; owned
};

// All blank; width and height from 1 on. 0 or -ENOMEM.
NODISCARD int lbtop_grid_init(struct lbtop_grid *g, int width, int height);
void lbtop_grid_fini(struct lbtop_grid *g);

// Writes ASCII at column x of line y; returns the column after it, also if it was clipped.
int lbtop_grid_put(struct lbtop_grid *g, int x, int y, enum lbtop_style style, const char *text);
// At most `width` columns; `width` negative: right-justified in as many.
void lbtop_grid_put_in(struct lbtop_grid *g, int x, int y, enum lbtop_style style, int width,
                       const char *text);
// Over as many lines as it takes, all from column x on; returns the line after them.
int lbtop_grid_wrap(struct lbtop_grid *g, int x, int y, enum lbtop_style style, const char *text);
// A style for a whole line, over what has none yet.
void lbtop_grid_fill(struct lbtop_grid *g, int y, enum lbtop_style style);

// values[n], from left to right, as blocks of a height up to `most`; NAN is a gap. A value above 0 is
// visible, however small.
void lbtop_grid_spark(struct lbtop_grid *g, int x, int y, const double *values, int n, double most);

// The character of a cell as text, UTF-8 or ASCII, in out[LBTOP_GLYPH_SIZE]; returns out.
const char *lbtop_grid_glyph(char *out, uint8_t glyph, bool is_utf8);

// All lines, without blanks at their ends. Returns 0 or -EIO.
NODISCARD int lbtop_grid_print(const struct lbtop_grid *g, FILE *out, bool is_utf8);
