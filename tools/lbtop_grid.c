// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_grid.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int lbtop_grid_init(struct lbtop_grid *g, int width, int height)
{
	struct lbtop_cell *cell;

	assert(width > 0 && height > 0);
	cell = calloc((size_t)width * (size_t)height, sizeof(*cell));
	if (!cell)
		return -ENOMEM;
	for (size_t i = 0; i < (size_t)width * (size_t)height; i++)
		cell[i].glyph = ' ';
	*g = (struct lbtop_grid){.width = width, .height = height, .cell = cell};
	return 0;
}

void lbtop_grid_fini(struct lbtop_grid *g)
{
	free(g->cell);
	memset(g, 0, sizeof(*g));
}

static struct lbtop_cell *cell_at(struct lbtop_grid *g, int x, int y)
{
	if (x < 0 || y < 0 || x >= g->width || y >= g->height)
		return NULL;
	return &g->cell[(size_t)y * (size_t)g->width + (size_t)x];
}

static void set(struct lbtop_grid *g, int x, int y, enum lbtop_style style, uint8_t glyph)
{
	struct lbtop_cell *cell = cell_at(g, x, y);

	if (cell)
		*cell = (struct lbtop_cell){.glyph = glyph, .style = (uint8_t)style};
}

int lbtop_grid_put(struct lbtop_grid *g, int x, int y, enum lbtop_style style, const char *text)
{
	for (; *text; text++)
		set(g, x++, y, style, *text >= ' ' && *text <= '~' ? (uint8_t)*text : '?');
	return x;
}

// The bytes of text that go on a line of `room` columns: to its last blank, if there is one.
static int line_length(const char *text, int room)
{
	int len = (int)strlen(text), at = room;

	if (len <= room)
		return len;
	while (at > 0 && text[at] != ' ')
		at--;
	return at ? at : room;
}

int lbtop_grid_wrap(struct lbtop_grid *g, int x, int y, enum lbtop_style style, const char *text)
{
	int room = g->width - x;

	while (*text && room > 0) {
		int len = line_length(text, room);

		for (int i = 0; i < len; i++)
			set(g, x + i, y, style,
			    (uint8_t)(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?'));
		y++;
		text += len;
		text += *text == ' ';
	}
	return y;
}

void lbtop_grid_put_in(struct lbtop_grid *g, int x, int y, enum lbtop_style style, int width,
                       const char *text)
{
	int columns = abs(width), len = (int)strlen(text);

	if (width < 0 && len < columns)
		x += columns - len;
	for (int i = 0; i < len && i < columns; i++)
		set(g, x + i, y, style,
		    (uint8_t)(len > columns && i == columns - 1 ? '~' : text[i]));
}

void lbtop_grid_fill(struct lbtop_grid *g, int y, enum lbtop_style style)
{
	for (int x = 0; x < g->width; x++) {
		struct lbtop_cell *cell = cell_at(g, x, y);

		if (cell && cell->style == LBTOP_PLAIN)
			cell->style = (uint8_t)style;
	}
}

static uint8_t block_of(double value, double most)
{
	double eighths;

	if (isnan(value) || value <= 0 || most <= 0)
		return 0;
	eighths = ceil(value / most * LBTOP_EIGHTHS);
	return (uint8_t)fmin(eighths, LBTOP_EIGHTHS);
}

void lbtop_grid_spark(struct lbtop_grid *g, int x, int y, const double *values, int n, double most)
{
	for (int i = 0; i < n; i++) {
		uint8_t block = block_of(values[i], most);

		if (block)
			set(g, x + i, y, LBTOP_GRAPH, LBTOP_BLOCK + block);
		else if (!isnan(values[i]))
			set(g, x + i, y, LBTOP_DIM, '_');
	}
}

const char *lbtop_grid_glyph(char *out, uint8_t glyph, bool is_utf8)
{
	// U+2581 LOWER ONE EIGHTH BLOCK to U+2588 FULL BLOCK
	static const char *const blocks[2][LBTOP_EIGHTHS + 1] = {
		{" ", ".", ":", "-", "=", "+", "*", "#", "@"},
		{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
	};
	uint8_t block = (uint8_t)(glyph - LBTOP_BLOCK);

	if (glyph >= LBTOP_BLOCK)
		snprintf(out, LBTOP_GLYPH_SIZE, "%s",
		         blocks[is_utf8][block > LBTOP_EIGHTHS ? LBTOP_EIGHTHS : block]);
	else
		snprintf(out, LBTOP_GLYPH_SIZE, "%c", glyph);
	return out;
}

static int length_of(const struct lbtop_cell *line, int width)
{
	while (width > 0 && line[width - 1].glyph == ' ')
		width--;
	return width;
}

int lbtop_grid_print(const struct lbtop_grid *g, FILE *out, bool is_utf8)
{
	for (int y = 0; y < g->height; y++) {
		const struct lbtop_cell *line = &g->cell[(size_t)y * (size_t)g->width];
		int n = length_of(line, g->width);
		char glyph[LBTOP_GLYPH_SIZE];

		for (int x = 0; x < n; x++)
			fputs(lbtop_grid_glyph(glyph, line[x].glyph, is_utf8), out);
		fputc('\n', out);
	}
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
