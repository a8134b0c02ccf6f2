// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_bars.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "l4/base/clock.h"

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
	return lbtop_grid_put(g, x, LBTOP_BARS_TITLE, style_of(d->state), line) + 2;
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
	lbtop_grid_put(g, g->width - 1 - (int)strlen(line), LBTOP_BARS_TITLE,
	               v->is_paused ? LBTOP_WARN : LBTOP_TITLE, line);
}

void lbtop_bars_title(const struct lbtop_view *v, const struct lbtop_model *m, struct lbtop_grid *g)
{
	int x = lbtop_grid_put(g, 0, LBTOP_BARS_TITLE, LBTOP_TITLE, "lbtop ");

	if (m->now) {
		x = lbtop_grid_put(g, x, LBTOP_BARS_TITLE, LBTOP_TITLE, m->now->node) + 2;
		for (size_t i = 0; i < LBTOP_HALVES; i++)
			x = draw_daemon(g, x, m->now, i);
		draw_clock(v, m->now, g);
	}
	lbtop_grid_fill(g, LBTOP_BARS_TITLE, LBTOP_TITLE);
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

void lbtop_bars_tabs(const struct lbtop_view *v, struct lbtop_grid *g)
{
	enum tab_form form = tab_form_for(g->width);
	int x = 0;

	for (size_t i = 0; i < LBTOP_TABS; i++) {
		char text[TAB_SIZE];

		write_tab(text, i, form);
		x = lbtop_grid_put(g, x, LBTOP_BARS_TABS, i == v->tab ? LBTOP_TAB : LBTOP_DIM,
		                   text);
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

void lbtop_bars_last(const struct lbtop_view *v, const struct lbtop_frame *f,
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
