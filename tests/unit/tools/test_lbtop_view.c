// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_view.h"

#include "tests/unit/tools/lbtopbuild.h"

#include <stdlib.h>

static struct lbtop_model model;
static struct lbtop_view view;

static void setup(void)
{
	lbtop_model_init(&model);
	lbtop_model_push(&model, busy_sample(100, 10));
	lbtop_model_push(&model, busy_sample(101, 20));
	lbtop_view_init(&view, LBTOP_PAGE_OVERVIEW);
}

static void teardown(void)
{
	lbtop_model_fini(&model);
}

TestSuite(lbtop_view, .init = setup, .fini = teardown);

static void press(const char *keys)
{
	for (; *keys; keys++)
		lbtop_view_key(&view, &model, *keys);
}

// The screen as text, for free().
static char *screen(int width, int height)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct lbtop_grid g;

	cr_assert(out);
	cr_assert_eq(lbtop_grid_init(&g, width, height), 0);
	cr_assert_eq(lbtop_view_draw(&view, &model, &g), 0);
	cr_assert_eq(lbtop_grid_print(&g, out, true), 0);
	lbtop_grid_fini(&g);
	fclose(out);
	return text;
}

static void expect_seen(const char *words, bool is_seen)
{
	char *text = screen(80, 24);

	cr_expect_eq(strstr(text, words) != NULL, is_seen, "%s %s in:\n%s", words,
	             is_seen ? "is not" : "is", text);
	free(text);
}

Test(lbtop_view, every_page_shows_what_it_is_about)
{
	static const char *const words[LBTOP_TABS] = {
		[LBTOP_PAGE_OVERVIEW] = "packets in/s     1.00k   1.00k",
		[LBTOP_PAGE_SERVICES] = "service-2  10.0.0.2:80  -      -        200",
		[LBTOP_PAGE_BACKENDS] = "75.0",
		[LBTOP_PAGE_STREAMS] = "no L7 service has had a stream",
		[LBTOP_PAGE_LANES] = "BUSY%",
		[LBTOP_PAGE_WORKERS] = "no workers: lb7d has not run here",
		[LBTOP_PAGE_DROPS] = "IPv4 header checksum is wrong",
		[LBTOP_PAGE_TCP] = "no TCP connection of an L7 service has been counted",
	};

	for (int i = 0; i < LBTOP_TABS; i++) {
		lbtop_view_key(&view, &model, '1' + i);
		cr_expect_eq(view.tab, i);
		expect_seen(words[i], true);
	}
}

Test(lbtop_view, every_tab_has_a_place_in_any_width_it_can_be_seen_in)
{
	static const struct {
		int width;
		const char *last;
	} forms[] = {
		{LBTOP_MIN_WIDTH, "7 drop 8 tcp"}, {80, "7 drops 8 tcp"}, {100, " 7 drops  8 tcp"}};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		char *text = screen(forms[i].width, 24);

		cr_expect(strstr(text, forms[i].last), "%d columns:\n%s", forms[i].width, text);
		free(text);
	}
}

Test(lbtop_view, tab_goes_round)
{
	for (int i = 0; i < LBTOP_TABS; i++)
		lbtop_view_key(&view, &model, LBTOP_KEY_TAB);
	cr_expect_eq(view.tab, LBTOP_PAGE_OVERVIEW);
	lbtop_view_key(&view, &model, LBTOP_KEY_BACKTAB);
	cr_expect_eq(view.tab, LBTOP_TABS - 1);
}

Test(lbtop_view, no_size_of_a_terminal_is_too_much_or_too_little)
{
	for (int key = '1'; key <= '9'; key++) {
		press((const char[]){(char)key, '\0'});
		for (int width = 1; width < 220; width += 3)
			for (int height = 1; height < 60; height += 5)
				free(screen(width, height));
	}
}

Test(lbtop_view, a_terminal_too_small_is_told_so)
{
	char *text = screen(LBTOP_MIN_WIDTH - 1, 24);

	cr_expect(strstr(text, "terminal too small"));
	cr_expect(strstr(text, "59x24, needs 60x12"));
	free(text);
	expect_seen("too small", false);
}

Test(lbtop_view, a_filter_is_typed_kept_and_taken_back)
{
	press("2/2");
	expect_seen("filter: 2_", true);
	expect_seen("service-1", false);
	press("x\b");
	press("\n");
	expect_seen("only: 2", true);
	expect_seen("service-2", true);
	press("/");
	for (int i = 0; i < 2 * LBTOP_FILTER_SIZE; i++)
		lbtop_view_key(&view, &model, 'q');
	cr_expect_not(view.has_quit, "what is typed is no command");
	expect_seen("nothing matches the filter", true);
	lbtop_view_key(&view, &model, LBTOP_KEY_ESCAPE);
	expect_seen("service-1", true);
}

static const char *first_service(void)
{
	static char name[16];
	char *text = screen(80, 24), *at = strstr(text, "\nservice-");

	cr_assert(at, "%s", text);
	memcpy(name, at + 1, 9);
	name[9] = '\0';
	free(text);
	return name;
}

Test(lbtop_view, sorting_goes_by_column_and_direction)
{
	press("2");
	cr_expect_str_eq(first_service(), "service-1");
	press("r");
	cr_expect_str_eq(first_service(), "service-3");
	press(">>>>"); // PKT/S
	cr_expect_str_eq(first_service(), "service-3");
	press("r");
	cr_expect_str_eq(first_service(), "service-1");
	press("<<<<<"); // round to the last column
	expect_seen("DROP/Sv", true);
}

Test(lbtop_view, enter_zooms_into_the_chosen_line_and_escape_goes_back)
{
	press("2jj\n");
	expect_seen("service service-2  10.0.0.2:80", true);
	expect_seen("flows that were given a backend", true);
	press("\033");
	expect_seen("service service-2", false);
	expect_seen("service-3", true);
}

Test(lbtop_view, the_chosen_line_stays_chosen_when_the_order_changes)
{
	struct lbtop_sample *next = busy_sample(102, 30);

	press("2");
	first_service();
	press(">>>>j"); // by PKT/S: service-3
	cr_expect_eq(view.base[LBTOP_PAGE_SERVICES].chosen, 3);
	next->rows[LBTOP_SERVICE].row[0].value[0] += 100000;
	lbtop_model_push(&model, next);
	cr_expect_str_eq(first_service(), "service-1");
	press("\n");
	expect_seen("service service-3", true);
}

Test(lbtop_view, a_row_that_leaves_while_it_is_looked_at_is_said_to_be_gone)
{
	struct lbtop_sample *next = busy_sample(102, 30);

	press("2j\n");
	next->rows[LBTOP_SERVICE].n = 0;
	lbtop_model_push(&model, next);
	expect_seen("this service is gone", true);
	press("jk\n\033");
	expect_seen("no services", true);
}

Test(lbtop_view, the_chosen_line_is_always_on_the_screen)
{
	struct lbtop_sample *next = sample_at(102);

	rows_of(next, LBTOP_SERVICE, 300, "s");
	lbtop_model_push(&model, next);
	press("2");
	for (int i = 0; i < 310; i++) {
		char want[32];

		lbtop_view_key(&view, &model, i < 40 ? LBTOP_KEY_DOWN : LBTOP_KEY_PAGE_DOWN);
		snprintf(want, sizeof(want), "\ns-%u ", view.base[LBTOP_PAGE_SERVICES].chosen);
		expect_seen(want, true);
	}
	lbtop_view_key(&view, &model, LBTOP_KEY_HOME);
	cr_expect_eq(view.base[LBTOP_PAGE_SERVICES].chosen, 1);
	lbtop_view_key(&view, &model, LBTOP_KEY_END);
	cr_expect_eq(view.base[LBTOP_PAGE_SERVICES].chosen, 99, "s-99 is the last by name");
}

Test(lbtop_view, what_is_zero_or_retired_is_seen_on_demand)
{
	model.now->rows[LBTOP_SERVICE].row[1].is_retired = true;
	press("2");
	expect_seen("service-2", false);
	press("a");
	expect_seen("service-2", true);
	press("7");
	expect_seen("ip_options", true);
	press("a");
	expect_seen("ip_options", false);
	expect_seen("ip_cksum", true);
}

Test(lbtop_view, the_interval_stays_within_its_steps)
{
	for (int i = 0; i < 20; i++)
		press("+");
	cr_expect_eq(lbtop_view_intervals[view.interval], 60000);
	for (int i = 0; i < 20; i++)
		press("-");
	cr_expect_eq(lbtop_view_intervals[view.interval], 100);
}

Test(lbtop_view, help_explains_the_columns_and_any_key_leaves_it)
{
	press("5?");
	expect_seen("packets in a burst that was not empty", true);
	expect_seen("packets given to the lane that owns their flow", false);
	for (int i = 0; i < 50; i++)
		lbtop_view_key(&view, &model, LBTOP_KEY_DOWN);
	expect_seen("packets given to the lane that owns their flow", true);
	lbtop_view_key(&view, &model, LBTOP_KEY_UP);
	expect_seen("packets given to the lane that owns their flow", false);
	press("2");
	expect_seen("BUSY%", true);
	cr_expect_eq(view.tab, LBTOP_PAGE_LANES, "the key that closes the help does nothing else");
	press("?q");
	cr_expect(view.has_quit);
}

Test(lbtop_view, no_key_is_missing_from_the_help_of_a_narrow_terminal)
{
	static const char *const words[] = {"1 .. 8, tab     pages\n",
	                                    "/  text         only lines with it (esc: all)\n",
	                                    "+  -            longer, shorter interval\n"};
	char *text;

	press("?");
	text = screen(LBTOP_MIN_WIDTH, 40);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		cr_expect(strstr(text, words[i]), "%s in:\n%s", words[i], text);
	free(text);
}

Test(lbtop_view, the_help_goes_by_pages_and_to_its_ends)
{
	press("8?");
	lbtop_view_key(&view, &model, LBTOP_KEY_END);
	expect_seen("LIFE99", true);
	lbtop_view_key(&view, &model, LBTOP_KEY_HOME);
	expect_seen("LIFE99", false);
	expect_seen("1 .. 8", true);
	lbtop_view_key(&view, &model, LBTOP_KEY_PAGE_DOWN);
	expect_seen("LIFE99", true);
	lbtop_view_key(&view, &model, LBTOP_KEY_PAGE_UP);
	expect_seen("1 .. 8", true);
	cr_expect(view.shows_help);
}

// By chance, but always the same: characters, keys that are none, sizes, samples in which lines come and go.
Test(lbtop_view, no_sequence_of_keys_hurts)
{
	static const int more[] = {LBTOP_KEY_UP,    LBTOP_KEY_DOWN,    LBTOP_KEY_LEFT,
	                           LBTOP_KEY_RIGHT, LBTOP_KEY_PAGE_UP, LBTOP_KEY_PAGE_DOWN,
	                           LBTOP_KEY_HOME,  LBTOP_KEY_END,     LBTOP_KEY_BACKTAB,
	                           LBTOP_KEY_ENTER, LBTOP_KEY_ESCAPE,  LBTOP_KEY_BACKSPACE};

	srand(47);
	for (int i = 0; i < 20000; i++) {
		int key = rand() % 2 ? more[(size_t)rand() % ARRAY_LEN(more)] : 1 + rand() % 255;

		lbtop_view_key(&view, &model, key == 'q' || key == 'Q' ? 'i' : key);
		if (i % 16 == 0)
			free(screen(1 + rand() % 200, 1 + rand() % 60));
		if (i % 500 == 0)
			lbtop_model_push(&model,
			                 i % 1000 ? busy_sample(102 + i, 30) : sample_at(102 + i));
	}
	cr_expect_not(view.has_quit);
}

static const struct {
	enum lbtop_state state;
	const char *words;
} states[] = {
	{LBTOP_RUNNING, "lb4d up 1m41s"},
	{LBTOP_UNKNOWN, "lb4d (pid 4711) cannot be seen from here"},
	{LBTOP_STOPPED, "lb4d has stopped"},
	{LBTOP_DEAD, "lb4d (pid 4711) is dead"},
	{LBTOP_REMOVED, "counters of lb4d were removed"},
};

Test(lbtop_view, the_title_tells_how_the_daemon_is)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		model.now->daemon[LBTOP_LB4D].state = states[i].state;
		expect_seen(states[i].words, true);
	}
	press(" ");
	expect_seen("PAUSED", true);
}

Test(lbtop_view, why_there_are_no_figures_is_said_with_and_without_old_ones)
{
	struct err err = {.code = -13, .msg = "not permitted to read the counters"};

	lbtop_model_miss(&model, &err);
	expect_seen("these are old: not permitted to read the counters", true);
	expect_seen("service-1", true);
	lbtop_model_fini(&model);
	lbtop_model_miss(&model, &err);
	press("2jjk\n\033/x\n");
	expect_seen("not permitted to read the counters", true);
}

Test(lbtop_view, an_explanation_that_is_cut_stands_whole_in_the_last_line)
{
	press("7a");
	expect_seen("hop-by-hop options not first (RFC 8200 4.1)", true);
	press("/udp_len\n");
	lbtop_view_key(&view, &model, LBTOP_KEY_DOWN);
	lbtop_view_key(&view, &model, LBTOP_KEY_ESCAPE);
	expect_seen("\nUDP length below 8 or beyond the packet\n", true);
}
