// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_table.h"

#include <stdlib.h>
#include <string.h>

enum {
	GAP = 2,        // between columns
	NUMBER = 6,     // columns of a number: "1.23ms"
	TEXT_MAX = 200, // a text is cut there, however wide the screen
	TEXT_MIN = 8,   // or, where there is no room, at that
	EXPLAINED = 44, // columns in which most explanations can be understood
	ROOM = 64,
};

bool lbtop_table_add(struct lbtop_items *items, const struct lbtop_item *item)
{
	size_t room = items->room ? items->room * 2 : ROOM;
	struct lbtop_item *more;

	if (items->n == items->room) {
		more = realloc(items->item, room * sizeof(*more));
		if (!more)
			return false;
		items->item = more;
		items->room = room;
	}
	items->item[items->n++] = *item;
	return true;
}

void lbtop_table_free(struct lbtop_items *items)
{
	free(items->item);
	*items = (struct lbtop_items){0};
}

static struct lbtop_value value_of(const struct lbtop_column *c, const struct lbtop_item *item)
{
	struct lbtop_value v = {.number = NAN};

	c->get(&v, item, c->value);
	if (c->is_text && !v.text)
		v.text = "-";
	return v;
}

// --- sorting ---

struct order {
	const struct lbtop_column *column;
	bool is_reversed;
};

static int compare_numbers(double a, double b, bool is_reversed)
{
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	if (a == b)
		return 0;
	return (a > b) == is_reversed ? 1 : -1;
}

static int compare(const void *a, const void *b, void *data)
{
	const struct lbtop_item *x = a, *y = b;
	const struct order *order = data;
	struct lbtop_value v = value_of(order->column, x), w = value_of(order->column, y);
	int sign;

	if (v.text)
		sign = order->is_reversed ? strcmp(w.text, v.text) : strcmp(v.text, w.text);
	else
		sign = compare_numbers(v.number, w.number,
		                       order->is_reversed != order->column->is_id);
	return sign ? sign : (x->id > y->id) - (x->id < y->id);
}

void lbtop_table_sort(const struct lbtop_table *t, struct lbtop_items *items, size_t column,
                      bool is_reversed)
{
	struct order order = {&t->column[column], is_reversed};

	if (items->n > 1)
		qsort_r(items->item, items->n, sizeof(*items->item), compare, &order);
}

// --- filtering ---

static bool matches(const struct lbtop_table *t, const struct lbtop_item *item, const char *needle)
{
	for (size_t i = 0; i < t->n_columns; i++)
		if (t->column[i].is_text && strcasestr(value_of(&t->column[i], item).text, needle))
			return true;
	return false;
}

void lbtop_table_filter(const struct lbtop_table *t, struct lbtop_items *items, const char *needle)
{
	size_t n = 0;

	if (!*needle)
		return;
	for (size_t i = 0; i < items->n; i++)
		if (matches(t, &items->item[i], needle))
			items->item[n++] = items->item[i];
	items->n = n;
}

// --- fitting ---

static const char *text_of(char *out, const struct lbtop_column *c, const struct lbtop_value *v)
{
	if (c->is_text)
		return v->text;
	if (c->is_exact && !isnan(v->number))
		return lbtop_format_exact(out, (uint64_t)v->number);
	return lbtop_format(out, v->is_count ? LBTOP_COUNT : c->unit, v->number);
}

static int natural_width(const struct lbtop_column *c, const struct lbtop_items *items)
{
	size_t width = strlen(c->head);

	if (!c->is_text && !c->is_exact)
		return (int)(width > NUMBER ? width : NUMBER);
	for (size_t i = 0; i < items->n; i++) {
		struct lbtop_value v = value_of(c, &items->item[i]);
		char text[LBTOP_FORMAT_SIZE];
		size_t len = strlen(text_of(text, c, &v));

		width = len > width ? len : width;
	}
	return (int)(width > TEXT_MAX ? TEXT_MAX : width);
}

static int sum_of(const struct lbtop_layout *l, size_t n)
{
	int sum = -GAP;

	for (size_t i = 0; i < n; i++)
		sum += l->width[i] ? l->width[i] + GAP : 0;
	return sum;
}

// Whether nobody has a figure there: of L7, say, where nothing is L7. With one sample nobody has any.
static bool is_empty(const struct lbtop_column *c, const struct lbtop_items *items)
{
	for (size_t i = 0; i < items->n; i++)
		if (!isnan(value_of(c, &items->item[i]).number))
			return false;
	return !c->is_text && items->n && items->item[0].model && items->item[0].model->before;
}

static ssize_t find_empty(const struct lbtop_table *t, const struct lbtop_layout *l,
                          const struct lbtop_items *items)
{
	for (ssize_t i = (ssize_t)t->n_columns - 1; i >= 0; i--)
		if (l->width[i] && is_empty(&t->column[i], items))
			return i;
	return -1;
}

static ssize_t least_wanted(const struct lbtop_table *t, const struct lbtop_layout *l)
{
	ssize_t found = -1;

	for (size_t i = 0; i < t->n_columns; i++)
		if (l->width[i] && t->column[i].rank > 0 &&
		    (found < 0 || t->column[i].rank >= t->column[found].rank))
			found = (ssize_t)i;
	return found;
}

// The widest text, if it can give away anything.
static ssize_t widest_text(const struct lbtop_table *t, const struct lbtop_layout *l)
{
	ssize_t found = -1;

	for (size_t i = 0; i < t->n_columns; i++)
		if (t->column[i].is_text && l->width[i] > TEXT_MIN &&
		    (found < 0 || l->width[i] > l->width[found]))
			found = (ssize_t)i;
	return found;
}

// A text in the last column, as an explanation is, is cut before another column leaves, but only to EXPLAINED.
static bool cut_last(struct lbtop_layout *l, const struct lbtop_table *t, int over)
{
	size_t last = t->n_columns - 1;

	if (!t->column[last].is_text || l->width[last] - over < EXPLAINED)
		return false;
	l->width[last] -= over;
	return true;
}

void lbtop_table_fit(struct lbtop_layout *out, const struct lbtop_table *t,
                     const struct lbtop_items *items, int width)
{
	ssize_t i;
	int over;

	for (size_t k = 0; k < t->n_columns; k++)
		out->width[k] = natural_width(&t->column[k], items);
	while ((over = sum_of(out, t->n_columns) - width) > 0) {
		if ((i = find_empty(t, out, items)) >= 0) {
			out->width[i] = 0;
			continue;
		}
		if (cut_last(out, t, over))
			break;
		if ((i = least_wanted(t, out)) >= 0)
			out->width[i] = 0;
		else if ((i = widest_text(t, out)) >= 0)
			out->width[i]--;
		else
			break;
	}
}

// --- drawing ---

static void draw_heads(struct lbtop_grid *g, const struct lbtop_table *t,
                       const struct lbtop_layout *l, const struct lbtop_shown *shown)
{
	for (size_t i = 0, x = 0; i < t->n_columns; i++) {
		const struct lbtop_column *c = &t->column[i];
		int width = l->width[i], len = (int)strlen(c->head), end;

		if (!width)
			continue;
		lbtop_grid_put_in(g, (int)x, shown->y, LBTOP_HEAD, c->is_text ? width : -width,
		                  c->head);
		end = (int)x + (c->is_text && len < width ? len : width);
		if (i == shown->sort)
			lbtop_grid_put(g, end, shown->y, LBTOP_HEAD,
			               (c->is_text || c->is_id) == shown->is_reversed ? "v" : "^");
		x += (size_t)(width + GAP);
	}
	lbtop_grid_fill(g, shown->y, LBTOP_HEAD);
}

static void draw_item(struct lbtop_grid *g, const struct lbtop_table *t,
                      const struct lbtop_layout *l, const struct lbtop_item *item, int y)
{
	for (size_t i = 0, x = 0; i < t->n_columns; i++) {
		const struct lbtop_column *c = &t->column[i];
		struct lbtop_value v;
		char text[LBTOP_FORMAT_SIZE];

		if (!l->width[i])
			continue;
		v = value_of(c, item);
		lbtop_grid_put_in(g, (int)x, y, v.style, c->is_text ? l->width[i] : -l->width[i],
		                  text_of(text, c, &v));
		x += (size_t)(l->width[i] + GAP);
	}
}

static void mark(struct lbtop_grid *g, int y)
{
	for (int x = 0; x < g->width; x++)
		g->cell[(size_t)y * (size_t)g->width + (size_t)x].style = LBTOP_CHOSEN;
}

void lbtop_table_draw(struct lbtop_grid *g, const struct lbtop_table *t,
                      const struct lbtop_items *items, const struct lbtop_shown *shown)
{
	int y = shown->y + 1, end = shown->y + shown->n_lines;

	draw_heads(g, t, shown->layout, shown);
	for (size_t i = shown->first; i < items->n && y < end && y < g->height; i++, y++) {
		draw_item(g, t, shown->layout, &items->item[i], y);
		if ((ssize_t)i == shown->chosen)
			mark(g, y);
	}
}
