// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_grid.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// What the grid prints, for free(); the grid is gone then.
static char *printed(struct lbtop_grid *g, bool is_utf8)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	cr_assert(out);
	cr_assert_eq(lbtop_grid_print(g, out, is_utf8), 0);
	fclose(out);
	lbtop_grid_fini(g);
	return text;
}

static void expect_print(struct lbtop_grid *g, bool is_utf8, const char *want)
{
	char *text = printed(g, is_utf8);

	cr_expect_str_eq(text, want);
	free(text);
}

Test(lbtop_grid, what_lies_outside_is_clipped)
{
	struct lbtop_grid g;

	cr_assert_eq(lbtop_grid_init(&g, 5, 2), 0);
	cr_expect_eq(lbtop_grid_put(&g, 3, 0, LBTOP_PLAIN, "abcd"), 7);
	lbtop_grid_put(&g, -2, 1, LBTOP_PLAIN, "xyz");
	lbtop_grid_put(&g, 0, 2, LBTOP_PLAIN, "below");
	lbtop_grid_put(&g, 0, -1, LBTOP_PLAIN, "above");
	lbtop_grid_put_in(&g, 4, 1, LBTOP_PLAIN, -9, "right");
	lbtop_grid_fill(&g, 7, LBTOP_TITLE);
	expect_print(&g, true, "   ab\nz\n");
}

Test(lbtop_grid, a_text_that_is_too_long_for_its_column_shows_that_it_was_cut)
{
	struct lbtop_grid g;

	cr_assert_eq(lbtop_grid_init(&g, 20, 3), 0);
	lbtop_grid_put_in(&g, 0, 0, LBTOP_PLAIN, 4, "backend");
	lbtop_grid_put_in(&g, 6, 0, LBTOP_PLAIN, -6, "1.2k");
	lbtop_grid_put_in(&g, 0, 1, LBTOP_PLAIN, 7, "backend");
	lbtop_grid_put_in(&g, 0, 2, LBTOP_PLAIN, 0, "nothing");
	expect_print(&g, true, "bac~    1.2k\nbackend\n\n");
}

Test(lbtop_grid, a_text_is_wrapped_at_blanks_or_where_it_must)
{
	struct lbtop_grid g;

	cr_assert_eq(lbtop_grid_init(&g, 9, 6), 0);
	cr_expect_eq(lbtop_grid_wrap(&g, 1, 0, LBTOP_PLAIN, "the quick brown-fox-jumps on"), 5);
	expect_print(&g, true, " the\n quick\n brown-fo\n x-jumps\n on\n\n");
	cr_assert_eq(lbtop_grid_init(&g, 3, 1), 0);
	cr_expect_eq(lbtop_grid_wrap(&g, 3, 0, LBTOP_PLAIN, "no room"), 0);
	cr_expect_eq(lbtop_grid_wrap(&g, 0, 0, LBTOP_PLAIN, "much too long for one line"), 9);
	expect_print(&g, true, "muc\n");
}

Test(lbtop_grid, control_characters_never_reach_a_terminal)
{
	struct lbtop_grid g;

	cr_assert_eq(lbtop_grid_init(&g, 10, 1), 0);
	lbtop_grid_put(&g, 0, 0, LBTOP_PLAIN, "a\033[2J\xc3\xa4");
	expect_print(&g, true, "a?[2J??\n");
}

static const double graph[] = {0, 0.01, 12.5, 50, NAN, 100, 99.9, 200, -1};

Test(lbtop_grid, a_sparkline_shows_height_zero_and_what_is_not_known)
{
	struct lbtop_grid g;

	cr_assert_eq(lbtop_grid_init(&g, 10, 1), 0);
	lbtop_grid_spark(&g, 1, 0, graph, (int)ARRAY_LEN(graph), 100);
	expect_print(&g, true, " _▁▁▄ ███_\n");
	cr_assert_eq(lbtop_grid_init(&g, 10, 1), 0);
	lbtop_grid_spark(&g, 1, 0, graph, (int)ARRAY_LEN(graph), 100);
	expect_print(&g, false, " _..= @@@_\n");
}

Test(lbtop_grid, a_sparkline_of_nothing_is_flat)
{
	const double zeros[] = {0, 0, NAN};
	struct lbtop_grid g;

	cr_assert_eq(lbtop_grid_init(&g, 4, 1), 0);
	lbtop_grid_spark(&g, 0, 0, zeros, 3, NAN);
	expect_print(&g, true, "__\n");
}

Test(lbtop_grid, a_style_fills_a_line_around_what_has_one)
{
	struct lbtop_grid g;

	cr_assert_eq(lbtop_grid_init(&g, 3, 1), 0);
	lbtop_grid_put(&g, 1, 0, LBTOP_BAD, "x");
	lbtop_grid_fill(&g, 0, LBTOP_TITLE);
	cr_expect_eq(g.cell[0].style, LBTOP_TITLE);
	cr_expect_eq(g.cell[1].style, LBTOP_BAD);
	cr_expect_eq(g.cell[2].style, LBTOP_TITLE);
	lbtop_grid_fini(&g);
}

Test(lbtop_grid, a_page_that_cannot_be_written_is_an_error)
{
	FILE *full = fopen("/dev/full", "w");
	struct lbtop_grid g;

	cr_assert(full);
	cr_assert_eq(lbtop_grid_init(&g, 3, 1), 0);
	cr_expect_eq(lbtop_grid_print(&g, full, true), -EIO);
	lbtop_grid_fini(&g);
	fclose(full);
}
