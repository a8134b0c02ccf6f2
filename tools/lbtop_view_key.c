// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_view.h"

#include <string.h>

#include "tools/lbtop_frame.h"
#include "tools/lbtop_help.h"

static void show_tab(struct lbtop_view *v, int tab)
{
	v->tab = (uint8_t)((tab + LBTOP_TABS) % LBTOP_TABS);
	v->n_zoom = 0;
}

static void choose(struct lbtop_frame *f, const struct lbtop_items *items, ssize_t at)
{
	if (items->n == 0)
		return;
	if (at < 0)
		at = 0;
	if (at >= (ssize_t)items->n)
		at = (ssize_t)items->n - 1;
	f->chosen = items->item[at].id;
	f->has_chosen = true;
}

// A service that has no pool of its own, as an L7 service, shows its counters at once.
static enum lbtop_page_id page_of_zoom(const struct lbtop_page *page, const struct lbtop_item *item)
{
	const struct lbtop_row *row = item->pair[LBTOP_LB4D].now;

	if (page->zoom != LBTOP_PAGE_POOL || (row && *row->pool))
		return page->zoom;
	return LBTOP_PAGE_COUNTERS;
}

static void aim(struct lbtop_target *t, const struct lbtop_item *item)
{
	static const uint8_t others[LBTOP_KIND_COUNT] = {
		[LBTOP_SERVICE] = LBTOP_L7_SERVICE, [LBTOP_BACKEND] = LBTOP_L7_BACKEND};

	for (size_t i = 0; i < LBTOP_HALVES; i++) {
		t->is_set[i] = item->pair[i].now;
		t->kind[i] = lbtop_schemas[item->kind].half == i ? item->kind : others[item->kind];
		t->id[i] = t->is_set[i] ? item->pair[i].now->id : 0;
	}
}

// To the page of the enter key, or to the counters of the line.
static void zoom_in(struct lbtop_view *v, const struct lbtop_frame *f,
                    const struct lbtop_items *items, bool to_counters)
{
	const struct lbtop_page *page = &lbtop_pages[f->page];
	ssize_t at = lbtop_frame_chosen(f, items);
	struct lbtop_frame next;

	if (page->zoom == f->page || v->n_zoom == LBTOP_ZOOMS || items->n == 0)
		return;
	at = at < 0 ? 0 : at;
	next = lbtop_frame_of(to_counters ? LBTOP_PAGE_COUNTERS
	                                  : page_of_zoom(page, &items->item[at]));
	aim(&next.target, &items->item[at]);
	v->zoom[v->n_zoom++] = next;
}

static void move(struct lbtop_view *v, const struct lbtop_model *m, int key)
{
	struct lbtop_frame *f = lbtop_frame_current(v);
	struct lbtop_items items = {0};
	ssize_t at, page = v->n_lines > 2 ? v->n_lines - 2 : 1;

	if (!m->now || !lbtop_frame_collect(&items, v, f, m))
		goto out;
	at = lbtop_frame_chosen(f, &items);
	switch (key) {
	case 'k':
	case LBTOP_KEY_UP:
		choose(f, &items, at < 0 ? 0 : at - 1);
		break;
	case 'j':
	case LBTOP_KEY_DOWN:
		choose(f, &items, at + 1);
		break;
	case LBTOP_KEY_PAGE_UP:
		choose(f, &items, at - page);
		break;
	case LBTOP_KEY_PAGE_DOWN:
		choose(f, &items, at + page);
		break;
	case LBTOP_KEY_HOME:
		choose(f, &items, 0);
		break;
	case LBTOP_KEY_END:
		choose(f, &items, (ssize_t)items.n - 1);
		break;
	case LBTOP_KEY_ENTER:
	case 'i':
		zoom_in(v, f, &items, key == 'i');
		break;
	}
out:
	lbtop_table_free(&items);
}

static void type(struct lbtop_view *v, int key)
{
	char *filter = lbtop_frame_current(v)->filter;
	size_t len = strlen(filter);

	if (key == LBTOP_KEY_ENTER || key == LBTOP_KEY_ESCAPE)
		v->is_typing = false;
	if (key == LBTOP_KEY_ESCAPE)
		*filter = '\0';
	else if ((key == LBTOP_KEY_BACKSPACE || key == '\b') && len > 0)
		filter[len - 1] = '\0';
	else if (key >= ' ' && key <= '~' && len + 1 < LBTOP_FILTER_SIZE) {
		filter[len] = (char)key;
		filter[len + 1] = '\0';
	}
	lbtop_frame_current(v)->first = 0;
}

static void go_back(struct lbtop_view *v)
{
	struct lbtop_frame *f = lbtop_frame_current(v);

	if (*f->filter)
		*f->filter = '\0';
	else if (v->n_zoom)
		v->n_zoom--;
	else
		f->has_chosen = false;
}

// To the next column that there is room for.
static void sort_by(struct lbtop_view *v, int step)
{
	struct lbtop_frame *f = lbtop_frame_current(v);
	int n = (int)lbtop_pages[f->page].table.n_columns;

	f->is_reversed = false;
	for (int i = 0; i < n; i++) {
		f->sort = (uint8_t)(((int)f->sort + step + n) % n);
		if (v->layout.width[f->sort])
			return;
	}
}

static void change_interval(struct lbtop_view *v, int step)
{
	int next = (int)v->interval + step;

	if (next >= 0 && next < LBTOP_INTERVALS)
		v->interval = (uint8_t)next;
}

static bool is_tab(int key)
{
	return key >= '1' && key < '1' + LBTOP_TABS;
}

static void command(struct lbtop_view *v, const struct lbtop_model *m, int key)
{
	switch (key) {
	case 'q':
	case 'Q':
		v->has_quit = true;
		break;
	case '?':
	case 'h':
		v->shows_help = true;
		v->help_first = 0;
		break;
	case ' ':
	case 'p':
		v->is_paused = !v->is_paused;
		break;
	case '/':
		v->is_typing = true;
		break;
	case 'a':
		v->shows_all = !v->shows_all;
		break;
	case 'r':
		lbtop_frame_current(v)->is_reversed = !lbtop_frame_current(v)->is_reversed;
		break;
	case '<':
	case LBTOP_KEY_LEFT:
		sort_by(v, -1);
		break;
	case '>':
	case LBTOP_KEY_RIGHT:
		sort_by(v, +1);
		break;
	case '+':
	case '=':
		change_interval(v, +1);
		break;
	case '-':
		change_interval(v, -1);
		break;
	case LBTOP_KEY_TAB:
		show_tab(v, v->tab + 1);
		break;
	case LBTOP_KEY_BACKTAB:
		show_tab(v, v->tab - 1);
		break;
	case LBTOP_KEY_ESCAPE:
		go_back(v);
		break;
	default:
		move(v, m, key);
	}
}

// Up and down in the help; any other key leaves it.
static void read_help(struct lbtop_view *v, int key)
{
	switch (key) {
	case 'k':
	case LBTOP_KEY_UP:
		v->help_first--;
		break;
	case 'j':
	case LBTOP_KEY_DOWN:
		v->help_first++;
		break;
	case LBTOP_KEY_PAGE_UP:
		v->help_first -= v->n_lines;
		break;
	case LBTOP_KEY_PAGE_DOWN:
		v->help_first += v->n_lines;
		break;
	case LBTOP_KEY_HOME:
		v->help_first = 0;
		break;
	case LBTOP_KEY_END:
		v->help_first += LBTOP_HELP_MAX; // until it is drawn
		break;
	default:
		v->shows_help = false;
	}
	v->help_first = v->help_first < 0 ? 0 : v->help_first;
}

void lbtop_view_key(struct lbtop_view *v, const struct lbtop_model *m, int key)
{
	v->note[0] = '\0';
	if (key == '\r')
		key = LBTOP_KEY_ENTER;
	if (v->is_typing)
		type(v, key);
	else if (v->shows_help && key != 'q')
		read_help(v, key);
	else if (is_tab(key))
		show_tab(v, key - '1');
	else
		command(v, m, key);
}
