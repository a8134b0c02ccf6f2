// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/lbtop_bars.h"
#include "tools/lbtop_frame.h"
#include "tools/lbtop_help.h"

const uint32_t lbtop_view_intervals[LBTOP_INTERVALS] = {100,  200,   500,   1000, 2000,
                                                        5000, 10000, 30000, 60000};

void lbtop_view_init(struct lbtop_view *v, enum lbtop_page_id page)
{
	memset(v, 0, sizeof(*v));
	for (size_t i = 0; i < LBTOP_TABS; i++)
		v->base[i] = lbtop_frame_of(i);
	v->tab = (uint8_t)page;
	v->interval = LBTOP_INTERVAL_DEFAULT;
}

static void draw_help(struct lbtop_view *v, const struct lbtop_frame *f, struct lbtop_grid *g)
{
	const struct lbtop_page *page = &lbtop_pages[f->page];
	int n = lbtop_help_lines(page, g->width);
	int room = g->height - LBTOP_BARS_LAST_LINES - LBTOP_BARS_HEAD;

	v->n_lines = room;
	if (v->help_first + room > n)
		v->help_first = n > room ? n - room : 0;
	lbtop_help_draw(g, page, v->help_first, LBTOP_BARS_HEAD, room);
	lbtop_grid_put(g, 0, g->height - 1, LBTOP_DIM,
	               n > room ? "up, down: the rest   any other key: back" : "any key: back");
}

// Keeps the marked line on the screen, and no empty space below the last one.
static void scroll(struct lbtop_frame *f, const struct lbtop_items *items, ssize_t chosen, int n)
{
	size_t lines = n > 1 ? (size_t)n - 1 : 1; // without the headings

	if (chosen >= 0 && (size_t)chosen < f->first)
		f->first = (size_t)chosen;
	if (chosen >= 0 && (size_t)chosen >= f->first + lines)
		f->first = (size_t)chosen - lines + 1;
	if (f->first + lines > items->n)
		f->first = items->n > lines ? items->n - lines : 0;
}

// What the chosen line says in its last column may be cut there: it is the last line of the screen, too.
static void explain(struct lbtop_view *v, const struct lbtop_page *page,
                    const struct lbtop_item *chosen)
{
	const struct lbtop_column *last = &page->table.column[page->table.n_columns - 1];
	struct lbtop_value value = {0};

	if (chosen && last->is_text)
		last->get(&value, chosen, last->value);
	snprintf(v->explained, sizeof(v->explained), "%s", value.text ? value.text : "");
}

static void draw_table(struct lbtop_view *v, struct lbtop_frame *f, const struct lbtop_items *items,
                       struct lbtop_grid *g)
{
	const struct lbtop_page *page = &lbtop_pages[f->page];
	struct lbtop_shown shown = {
		.layout = &v->layout,
		.sort = f->sort,
		.is_reversed = f->is_reversed,
		.chosen = lbtop_frame_chosen(f, items),
		.y = LBTOP_BARS_HEAD + 1 + page->n_head,
	};

	lbtop_table_fit(&v->layout, &page->table, items, g->width - 1);
	shown.n_lines = g->height - (v->is_full ? 0 : LBTOP_BARS_LAST_LINES) - shown.y;
	v->n_lines = shown.n_lines;
	scroll(f, items, shown.chosen, shown.n_lines);
	shown.first = f->first;
	if (shown.n_lines > 0)
		lbtop_table_draw(g, &page->table, items, &shown);
	explain(v, page, shown.chosen < 0 ? NULL : &items->item[shown.chosen]);
	if (items->n == 0)
		lbtop_grid_put(g, 0, shown.y + 1, LBTOP_DIM,
		               *f->filter ? "nothing matches the filter" : page->nothing);
}

static int draw_page(struct lbtop_view *v, struct lbtop_frame *f, const struct lbtop_model *m,
                     struct lbtop_grid *g)
{
	const struct lbtop_page *page = &lbtop_pages[f->page];
	struct lbtop_scope scope = {.model = m, .shows_all = v->shows_all, .target = f->target};
	struct lbtop_items items = {0};
	int rc = 0;

	if (page->head)
		page->head(&scope, g, LBTOP_BARS_HEAD + 1);
	if (lbtop_frame_collect(&items, v, f, m))
		draw_table(v, f, &items, g);
	else
		rc = -ENOMEM;
	lbtop_table_free(&items);
	return rc;
}

static void draw_nothing(const struct lbtop_model *m, struct lbtop_grid *g)
{
	int y = lbtop_grid_wrap(g, 2, LBTOP_BARS_HEAD + 2, LBTOP_BAD,
	                        m->err.code ? m->err.msg : "no sample yet");

	lbtop_grid_put(g, 2, y + 1, LBTOP_DIM, "It is looked for again at every interval.");
}

static void draw_too_small(struct lbtop_grid *g)
{
	char line[80];

	lbtop_grid_put(g, 0, 0, LBTOP_BAD, "terminal too small");
	snprintf(line, sizeof(line), "%dx%d, needs %dx%d", g->width, g->height, LBTOP_MIN_WIDTH,
	         LBTOP_MIN_HEIGHT);
	lbtop_grid_put(g, 0, 1, LBTOP_PLAIN, line);
}

int lbtop_view_draw(struct lbtop_view *v, const struct lbtop_model *m, struct lbtop_grid *g)
{
	struct lbtop_frame *f = lbtop_frame_current(v);
	int rc = 0;

	if (!v->is_full && (g->width < LBTOP_MIN_WIDTH || g->height < LBTOP_MIN_HEIGHT)) {
		draw_too_small(g);
		return 0;
	}
	lbtop_bars_title(v, m, g);
	lbtop_bars_tabs(v, g);
	if (v->shows_help) {
		draw_help(v, f, g);
		return 0;
	}
	if (m->now)
		rc = draw_page(v, f, m, g);
	else
		draw_nothing(m, g);
	if (!v->is_full)
		lbtop_bars_last(v, f, m, g);
	return rc;
}

int lbtop_view_height(struct lbtop_view *v, const struct lbtop_model *m)
{
	struct lbtop_frame *f = lbtop_frame_current(v);
	struct lbtop_items items = {0};
	int height = LBTOP_BARS_HEAD + 1 + lbtop_pages[f->page].n_head + 1; // with headings

	if (m->now && lbtop_frame_collect(&items, v, f, m))
		height += items.n ? (int)items.n : 1;
	lbtop_table_free(&items);
	return height;
}
