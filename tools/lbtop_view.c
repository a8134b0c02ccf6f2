// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "l4/base/clock.h"
#include "tools/lbtop_help.h"

enum { TITLE_Y, TABS_Y, HEAD_Y, LAST_LINES = 1 };

const uint32_t lbtop_view_intervals[LBTOP_INTERVALS] = {100,  200,   500,   1000, 2000,
                                                        5000, 10000, 30000, 60000};

static struct lbtop_frame frame_of(enum lbtop_page_id page)
{
	return (struct lbtop_frame){.page = (uint8_t)page, .sort = lbtop_pages[page].sort};
}

void lbtop_view_init(struct lbtop_view *v, enum lbtop_page_id page)
{
	memset(v, 0, sizeof(*v));
	for (size_t i = 0; i < LBTOP_TABS; i++)
		v->base[i] = frame_of(i);
	v->tab = (uint8_t)page;
	v->interval = LBTOP_INTERVAL_DEFAULT;
}

static struct lbtop_frame *frame(struct lbtop_view *v)
{
	return v->n_zoom ? &v->zoom[v->n_zoom - 1] : &v->base[v->tab];
}

// --- items ---

static bool collect(struct lbtop_items *items, const struct lbtop_view *v,
                    const struct lbtop_frame *f, const struct lbtop_model *m)
{
	const struct lbtop_page *page = &lbtop_pages[f->page];
	struct lbtop_scope scope = {.model = m, .shows_all = v->shows_all, .target = f->target};

	if (!page->collect(&scope, items))
		return false;
	lbtop_table_filter(&page->table, items, f->filter);
	lbtop_table_sort(&page->table, items, f->sort, f->is_reversed);
	return true;
}

static ssize_t chosen_index(const struct lbtop_frame *f, const struct lbtop_items *items)
{
	for (size_t i = 0; f->has_chosen && i < items->n; i++)
		if (items->item[i].id == f->chosen)
			return (ssize_t)i;
	return -1;
}

// --- keys ---

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
	ssize_t at = chosen_index(f, items);
	struct lbtop_frame next;

	if (page->zoom == f->page || v->n_zoom == LBTOP_ZOOMS || items->n == 0)
		return;
	at = at < 0 ? 0 : at;
	next = frame_of(to_counters ? LBTOP_PAGE_COUNTERS : page_of_zoom(page, &items->item[at]));
	aim(&next.target, &items->item[at]);
	v->zoom[v->n_zoom++] = next;
}

static void move(struct lbtop_view *v, const struct lbtop_model *m, int key)
{
	struct lbtop_frame *f = frame(v);
	struct lbtop_items items = {0};
	ssize_t at, page = v->n_lines > 2 ? v->n_lines - 2 : 1;

	if (!m->now || !collect(&items, v, f, m))
		goto out;
	at = chosen_index(f, &items);
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
	char *filter = frame(v)->filter;
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
	frame(v)->first = 0;
}

static void go_back(struct lbtop_view *v)
{
	struct lbtop_frame *f = frame(v);

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
	struct lbtop_frame *f = frame(v);
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
		frame(v)->is_reversed = !frame(v)->is_reversed;
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

// --- drawing ---

static enum lbtop_style style_of(enum lbtop_state state)
{
	return state >= LBTOP_DEAD ? LBTOP_BAD : LBTOP_TITLE;
}

static int draw_daemon(struct lbtop_grid *g, int x, const struct lbtop_sample *s,
                       enum lbtop_half half)
{
	const struct lbtop_daemon *d = &s->daemon[half];
	char age[LBTOP_FORMAT_SIZE], line[160];
	uint64_t up_ns = s->time_ns > d->started_ns ? s->time_ns - d->started_ns : 0;

	switch ((enum lbtop_state)d->state) {
	case LBTOP_RUNNING:
		snprintf(line, sizeof(line), "%s up %s", lbtop_sample_daemons[half],
		         lbtop_format_age(age, up_ns / CLOCK_NS_PER_S));
		break;
	case LBTOP_UNKNOWN:
		snprintf(line, sizeof(line), "%s (pid %u) cannot be seen from here",
		         lbtop_sample_daemons[half], d->pid);
		break;
	case LBTOP_STOPPED:
		snprintf(line, sizeof(line), "%s has stopped", lbtop_sample_daemons[half]);
		break;
	case LBTOP_DEAD:
		snprintf(line, sizeof(line), "%s (pid %u) is dead", lbtop_sample_daemons[half],
		         d->pid);
		break;
	case LBTOP_REMOVED:
		snprintf(line, sizeof(line), "counters of %s were removed",
		         lbtop_sample_daemons[half]);
		break;
	case LBTOP_UNREADABLE:
		snprintf(line, sizeof(line), "counters of %s cannot be read",
		         lbtop_sample_daemons[half]);
		break;
	default:
		return x;
	}
	return lbtop_grid_put(g, x, TITLE_Y, style_of(d->state), line) + 2;
}

static void draw_clock(const struct lbtop_view *v, const struct lbtop_sample *s,
                       struct lbtop_grid *g)
{
	uint32_t ms = lbtop_view_intervals[v->interval];
	time_t time = (time_t)(s->time_ns / CLOCK_NS_PER_S);
	char clock[32], line[64];
	struct tm tm;

	localtime_r(&time, &tm);
	strftime(clock, sizeof(clock), v->is_replay ? "%F %T" : "%T", &tm);
	if (v->is_paused)
		snprintf(line, sizeof(line), " PAUSED %s", clock);
	else if (v->is_replay || v->is_full)
		snprintf(line, sizeof(line), " %s%s", v->is_replay ? "record " : "", clock);
	else
		snprintf(line, sizeof(line), " %s every %g s", clock, ms / 1000.);
	lbtop_grid_put(g, g->width - 1 - (int)strlen(line), TITLE_Y,
	               v->is_paused ? LBTOP_WARN : LBTOP_TITLE, line);
}

static void draw_title(const struct lbtop_view *v, const struct lbtop_model *m,
                       struct lbtop_grid *g)
{
	int x = lbtop_grid_put(g, 0, TITLE_Y, LBTOP_TITLE, "lbtop ");

	if (m->now) {
		x = lbtop_grid_put(g, x, TITLE_Y, LBTOP_TITLE, m->now->node) + 2;
		for (size_t i = 0; i < LBTOP_HALVES; i++)
			x = draw_daemon(g, x, m->now, i);
		draw_clock(v, m->now, g);
	}
	lbtop_grid_fill(g, TITLE_Y, LBTOP_TITLE);
}

// How tabs are written, where there is room.
enum tab_form { TAB_WIDE, TAB_NARROW, TAB_SHORT };
enum { TAB_SIZE = 32 };

static int write_tab(char out[TAB_SIZE], size_t i, enum tab_form form)
{
	const char *margin = form == TAB_WIDE ? " " : "";

	return snprintf(out, TAB_SIZE, "%s%zu %.*s%s", margin, i + 1, form == TAB_SHORT ? 4 : 16,
	                lbtop_pages[i].name, margin);
}

static enum tab_form tab_form_for(int width)
{
	enum tab_form form = TAB_WIDE;

	for (; form < TAB_SHORT; form++) {
		char text[TAB_SIZE];
		int sum = 0;

		for (size_t i = 0; i < LBTOP_TABS; i++)
			sum += write_tab(text, i, form) + (form != TAB_WIDE);
		if (sum <= width)
			break;
	}
	return form;
}

static void draw_tabs(const struct lbtop_view *v, struct lbtop_grid *g)
{
	enum tab_form form = tab_form_for(g->width);
	int x = 0;

	for (size_t i = 0; i < LBTOP_TABS; i++) {
		char text[TAB_SIZE];

		write_tab(text, i, form);
		x = lbtop_grid_put(g, x, TABS_Y, i == v->tab ? LBTOP_TAB : LBTOP_DIM, text);
		x += form != TAB_WIDE;
	}
}

static void draw_filter(const struct lbtop_view *v, const struct lbtop_frame *f,
                        struct lbtop_grid *g, int y)
{
	int x = lbtop_grid_put(g, 0, y, LBTOP_WARN, v->is_typing ? "filter: " : "only: ");

	x = lbtop_grid_put(g, x, y, LBTOP_PLAIN, f->filter);
	lbtop_grid_put(g, x, y, LBTOP_DIM,
	               v->is_typing ? "_   enter: keep  esc: all" : "   esc: all");
}

// Over the last lines of the table, if it takes more than the one below.
static void draw_error(const struct err *err, struct lbtop_grid *g)
{
	char text[sizeof(err->msg) + 32];
	int n_lines, y;

	n_lines = 1 + snprintf(text, sizeof(text), "these are old: %s", err->msg) / (g->width - 8);
	for (y = g->height - n_lines; y < g->height; y++)
		for (int x = 0; x < g->width; x++)
			lbtop_grid_put(g, x, y, LBTOP_PLAIN, " ");
	lbtop_grid_wrap(g, 0, g->height - n_lines, LBTOP_BAD, text);
}

static void draw_last(const struct lbtop_view *v, const struct lbtop_frame *f,
                      const struct lbtop_model *m, struct lbtop_grid *g)
{
	int y = g->height - 1;

	if (m->err.code && m->now)
		draw_error(&m->err, g);
	else if (v->is_typing || *f->filter)
		draw_filter(v, f, g, y);
	else if (*v->note)
		lbtop_grid_put(g, 0, y, LBTOP_WARN, v->note);
	else if (*v->explained)
		lbtop_grid_put(g, 0, y, LBTOP_PLAIN, v->explained);
	else if (v->n_zoom)
		lbtop_grid_put(g, 0, y, LBTOP_DIM, "esc back  ? help  q quit");
	else
		lbtop_grid_put(g, 0, y, LBTOP_DIM,
		               "? help  q quit  / filter  < > sort  r reverse  "
		               "enter zoom  space pause");
}

static void draw_help(struct lbtop_view *v, const struct lbtop_frame *f, struct lbtop_grid *g)
{
	const struct lbtop_page *page = &lbtop_pages[f->page];
	int n = lbtop_help_lines(page, g->width), room = g->height - LAST_LINES - HEAD_Y;

	v->n_lines = room;
	if (v->help_first + room > n)
		v->help_first = n > room ? n - room : 0;
	lbtop_help_draw(g, page, v->help_first, HEAD_Y, room);
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
		.chosen = chosen_index(f, items),
		.y = HEAD_Y + 1 + page->n_head,
	};

	lbtop_table_fit(&v->layout, &page->table, items, g->width - 1);
	shown.n_lines = g->height - (v->is_full ? 0 : LAST_LINES) - shown.y;
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
		page->head(&scope, g, HEAD_Y + 1);
	if (collect(&items, v, f, m))
		draw_table(v, f, &items, g);
	else
		rc = -ENOMEM;
	lbtop_table_free(&items);
	return rc;
}

static void draw_nothing(const struct lbtop_model *m, struct lbtop_grid *g)
{
	int y = lbtop_grid_wrap(g, 2, HEAD_Y + 2, LBTOP_BAD,
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
	struct lbtop_frame *f = frame(v);
	int rc = 0;

	if (!v->is_full && (g->width < LBTOP_MIN_WIDTH || g->height < LBTOP_MIN_HEIGHT)) {
		draw_too_small(g);
		return 0;
	}
	draw_title(v, m, g);
	draw_tabs(v, g);
	if (v->shows_help) {
		draw_help(v, f, g);
		return 0;
	}
	if (m->now)
		rc = draw_page(v, f, m, g);
	else
		draw_nothing(m, g);
	if (!v->is_full)
		draw_last(v, f, m, g);
	return rc;
}

int lbtop_view_height(struct lbtop_view *v, const struct lbtop_model *m)
{
	struct lbtop_frame *f = frame(v);
	struct lbtop_items items = {0};
	int height = HEAD_Y + 2 + lbtop_pages[f->page].n_head; // the table's headings included

	if (m->now && collect(&items, v, f, m))
		height += items.n ? (int)items.n : 1;
	lbtop_table_free(&items);
	return height;
}
