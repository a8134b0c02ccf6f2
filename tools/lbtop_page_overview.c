// SPDX-License-Identifier: BSD-3-Clause
// What the node does, and how it has been for the last minutes.
#include "tools/lbtop_page.h"

#include <stdio.h>

enum {
	SPAN_S = 300, // of the sparklines
	AT_NOW = 16,  // columns
	AT_PEAK = 24,
	AT_GRAPH = 33,
	FIGURE = -6, // right-justified
	GRAPH_MAX = SPAN_S,
};

static const char *const labels[LBTOP_SERIES_COUNT] = {
	[LBTOP_PACKETS] = "packets in/s",    [LBTOP_BITS] = "bits in/s",
	[LBTOP_SENT] = "packets out/s",      [LBTOP_NEW_FLOWS] = "new flows/s",
	[LBTOP_DROPS] = "drops/s",           [LBTOP_FLOWS] = "flows",
	[LBTOP_REQUESTS] = "requests/s",     [LBTOP_ERRORS] = "5xx/s",
	[LBTOP_CONNECTIONS] = "connections", [LBTOP_STREAMS] = "streams",
};

static double newest(const struct lbtop_model *m, enum lbtop_series series)
{
	return lbtop_model_series(m, series, 0, 1);
}

static double peak(const struct lbtop_model *m, enum lbtop_series series)
{
	double most = NAN;

	for (unsigned age = 0; age < SPAN_S; age++)
		most = fmax(most, lbtop_model_series(m, series, age, 1)); // fmax leaves out NAN
	return most;
}

// Columns of `step` seconds each, on multiples of it, so that a bar keeps its height while it moves on; the last
// one is still growing.
static void draw_graph(const struct lbtop_model *m, enum lbtop_series series, struct lbtop_grid *g,
                       int y)
{
	double values[GRAPH_MAX], most = NAN;
	int n = g->width - 1 - AT_GRAPH;
	unsigned step, age;

	n = n < 1 ? 1 : n > GRAPH_MAX ? GRAPH_MAX : n;
	step = (SPAN_S + (unsigned)n - 1) / (unsigned)n;
	n = (int)(SPAN_S / step);
	age = (unsigned)(m->second % step) + 1;
	values[n - 1] = lbtop_model_series(m, series, 0, age);
	for (int i = n - 2; i >= 0; i--, age += step)
		values[i] = lbtop_model_series(m, series, age, step);
	for (int i = 0; i < n; i++)
		most = fmax(most, values[i]);
	lbtop_grid_spark(g, AT_GRAPH, y, values, n, most);
}

static void draw_series(const struct lbtop_model *m, enum lbtop_series series, struct lbtop_grid *g,
                        int y)
{
	char text[LBTOP_FORMAT_SIZE];
	double now = newest(m, series);
	bool is_bad = (series == LBTOP_DROPS || series == LBTOP_ERRORS) && now > 0;

	lbtop_grid_put(g, 0, y, LBTOP_PLAIN, labels[series]);
	lbtop_grid_put_in(g, AT_NOW, y, is_bad ? LBTOP_BAD : LBTOP_PLAIN, FIGURE,
	                  lbtop_format(text, LBTOP_COUNT, now));
	lbtop_grid_put_in(g, AT_PEAK, y, LBTOP_DIM, FIGURE,
	                  lbtop_format(text, LBTOP_COUNT, peak(m, series)));
	draw_graph(m, series, g, y);
}

void lbtop_page_draw_overview(const struct lbtop_scope *scope, struct lbtop_grid *g, int y)
{
	lbtop_grid_put_in(g, AT_NOW, y, LBTOP_HEAD, FIGURE, "NOW");
	lbtop_grid_put_in(g, AT_PEAK, y, LBTOP_HEAD, FIGURE, "PEAK");
	lbtop_grid_put(g, AT_GRAPH, y, LBTOP_HEAD, "THE LAST 5 MINUTES");
	lbtop_grid_fill(g, y, LBTOP_HEAD);
	for (int i = 0; i < LBTOP_SERIES_COUNT; i++)
		draw_series(scope->model, i, g, y + 1 + i);
}
