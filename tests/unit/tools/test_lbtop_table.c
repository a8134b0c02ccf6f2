// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_table.h"

#include <criterion/criterion.h>
#include <string.h>

// Items of a text and a number; the number stands in `share`, the text is names[value].
static const char *const names[] = {"web", "api", "mail", "dns"};

static void name(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->text = names[item->value];
}

static void number(struct lbtop_value *out, const struct lbtop_item *item, uint16_t value)
{
	out->number = item->share;
}

static const struct lbtop_column columns[] = {
	{"NAME", "", .is_text = true, .get = name},
	{"NUMBER", "", .rank = 1, .get = number},
	{"SAME", "", .rank = 3, .get = number},
	{"AGAIN", "", .rank = 2, .get = number},
	{"ID", "", .is_id = true, .rank = 4, .get = number},
};
static const struct lbtop_table table = {columns, ARRAY_LEN(columns)};

static void fill(struct lbtop_items *items, const double *numbers, size_t n)
{
	memset(items, 0, sizeof(*items));
	for (size_t i = 0; i < n; i++) {
		struct lbtop_item item = {.id = (uint32_t)i,
		                          .value = (uint16_t)(i % ARRAY_LEN(names)),
		                          .share = numbers[i]};

		cr_assert(lbtop_table_add(items, &item));
	}
}

static const struct {
	const char *name;
	size_t column;
	bool is_reversed;
	uint32_t want[4];
} orders[] = {
	{"texts from a to z", 0, false, {1, 3, 2, 0}},
	{"texts from z to a", 0, true, {0, 2, 3, 1}},
	{"numbers from the largest, unknown last", 1, false, {3, 0, 2, 1}},
	{"numbers from the smallest, unknown last", 1, true, {0, 2, 3, 1}},
	{"ids from the smallest", 4, false, {0, 2, 3, 1}},
};

Test(lbtop_table, sorts_by_a_column_and_equals_by_id)
{
	const double numbers[] = {5, NAN, 5, 9};

	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		struct lbtop_items items;

		fill(&items, numbers, ARRAY_LEN(numbers));
		lbtop_table_sort(&table, &items, orders[i].column, orders[i].is_reversed);
		for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
			cr_expect_eq(items.item[k].id, orders[i].want[k], "%s: place %zu",
			             orders[i].name, k);
		lbtop_table_free(&items);
	}
}

static const struct {
	const char *needle;
	size_t want;
} filters[] = {{"", 4}, {"A", 2}, {"api", 1}, {"API", 1}, {"xyz", 0}, {"5", 0}, {"eb", 1}};

Test(lbtop_table, a_filter_leaves_lines_whose_text_has_it_whatever_the_case)
{
	const double numbers[] = {5, 5, 5, 5};

	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		struct lbtop_items items;

		fill(&items, numbers, ARRAY_LEN(numbers));
		lbtop_table_filter(&table, &items, filters[i].needle);
		cr_expect_eq(items.n, filters[i].want, "%s", filters[i].needle);
		lbtop_table_free(&items);
	}
}

Test(lbtop_table, where_there_is_no_room_the_least_wanted_columns_go)
{
	const double numbers[] = {1, 2, 3};
	const struct {
		int width;
		bool shown[5];
	} cases[] = {
		{80, {true, true, true, true, true}}, // 4 + 4 times 2 + 6
		{35, {true, true, true, true, false}},    {28, {true, true, true, true, false}},
		{27, {true, true, false, true, false}},   {19, {true, true, false, false, false}},
		{11, {true, false, false, false, false}}, {1, {true, false, false, false, false}},
	};
	struct lbtop_items items;

	fill(&items, numbers, ARRAY_LEN(numbers));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lbtop_layout l;

		lbtop_table_fit(&l, &table, &items, cases[i].width);
		for (size_t k = 0; k < ARRAY_LEN(columns); k++)
			cr_expect_eq(l.width[k] > 0, cases[i].shown[k], "%d: column %zu",
			             cases[i].width, k);
	}
	lbtop_table_free(&items);
}

Test(lbtop_table, no_line_is_wider_than_the_screen)
{
	const double numbers[] = {1, 2, 3};
	struct lbtop_items items;

	fill(&items, numbers, ARRAY_LEN(numbers));
	for (int width = 4; width < 60; width++) {
		struct lbtop_layout l;
		int sum = -2;

		lbtop_table_fit(&l, &table, &items, width);
		for (size_t k = 0; k < ARRAY_LEN(columns); k++)
			sum += l.width[k] ? l.width[k] + 2 : 0;
		cr_expect_leq(sum, width);
	}
	lbtop_table_free(&items);
}

Test(lbtop_table, the_chosen_line_is_marked_and_the_first_ones_are_left_out)
{
	const double numbers[] = {1, 2, 3};
	struct lbtop_layout layout;
	struct lbtop_shown shown = {
		.layout = &layout, .sort = 1, .first = 1, .chosen = 2, .n_lines = 9};
	struct lbtop_items items;
	struct lbtop_grid g;

	fill(&items, numbers, ARRAY_LEN(numbers));
	cr_assert_eq(lbtop_grid_init(&g, 40, 5), 0);
	lbtop_table_fit(&layout, &table, &items, 39);
	lbtop_table_draw(&g, &table, &items, &shown);
	cr_expect_eq(g.cell[40].glyph, 'a', "api is the second item");
	cr_expect_neq(g.cell[40].style, LBTOP_CHOSEN);
	cr_expect_eq(g.cell[80].glyph, 'm');
	cr_expect_eq(g.cell[80].style, LBTOP_CHOSEN);
	cr_expect_eq(g.cell[120].glyph, ' ');
	lbtop_grid_fini(&g);
	lbtop_table_free(&items);
}
