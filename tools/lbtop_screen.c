// SPDX-License-Identifier: BSD-3-Clause
#define NCURSES_WIDECHAR 1
#include "tools/lbtop_screen.h"

#include "tools/lbtop_view.h"

// After ours: term.h gives a meaning to words such as "columns".
#include <ncurses.h>
#include <term.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PAIR_GOOD = 1, PAIR_WARN, PAIR_BAD, PAIR_GRAPH, PAIR_TITLE };

static struct {
	SCREEN *screen;
	bool is_utf8;
	attr_t attributes[LBTOP_STYLE_COUNT];
	short pairs[LBTOP_STYLE_COUNT];
} term;

// What says everything without a colour; colours add to it.
static const attr_t plain_attributes[LBTOP_STYLE_COUNT] = {
	[LBTOP_TITLE] = A_REVERSE,
	[LBTOP_TAB] = A_REVERSE | A_BOLD,
	[LBTOP_HEAD] = A_BOLD,
	[LBTOP_CHOSEN] = A_REVERSE,
	[LBTOP_DIM] = A_DIM,
	[LBTOP_WARN] = A_BOLD,
	[LBTOP_BAD] = A_BOLD | A_UNDERLINE,
};

static void use_colors(void)
{
	if (start_color() == ERR || use_default_colors() == ERR)
		return;
	init_pair(PAIR_GOOD, COLOR_GREEN, -1);
	init_pair(PAIR_WARN, COLOR_YELLOW, -1);
	init_pair(PAIR_BAD, COLOR_RED, -1);
	init_pair(PAIR_GRAPH, COLOR_CYAN, -1);
	term.pairs[LBTOP_GOOD] = PAIR_GOOD;
	term.pairs[LBTOP_WARN] = PAIR_WARN;
	term.pairs[LBTOP_BAD] = PAIR_BAD;
	term.pairs[LBTOP_GRAPH] = PAIR_GRAPH;
	term.attributes[LBTOP_BAD] = A_BOLD;
}

static int check_terminal(struct err *err)
{
	const char *name = getenv("TERM");
	bool can_move;
	int status;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(err, -ENOTTY,
		               "this is no terminal; --once prints a page, --json "
		               "objects for programs");
	if (!name || !*name || setupterm(NULL, STDOUT_FILENO, &status) == ERR)
		return err_set(err, -ENOTTY,
		               "nothing is known of the terminal '%s'; set TERM to one that is, or "
		               "use --once",
		               name ? name : "");
	can_move = cursor_address;
	del_curterm(cur_term); // newterm() looks for itself
	if (!can_move)
		return err_set(err, -ENOTTY,
		               "the terminal '%s' cannot move its cursor; --once prints a page",
		               name);
	return 0;
}

int lbtop_screen_open(bool is_colored, bool is_utf8, struct err *err)
{
	int rc = check_terminal(err);

	if (rc)
		return rc;
	term.screen = newterm(NULL, stdout, stdin);
	if (!term.screen)
		return err_set(err, -ENOTTY, "cannot use this terminal; --once prints a page");
	term.is_utf8 = is_utf8;
	for (size_t i = 0; i < LBTOP_STYLE_COUNT; i++)
		term.attributes[i] = plain_attributes[i];
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50); // what tells the escape key from the begin of an arrow key
	curs_set(0);
	if (is_colored && has_colors())
		use_colors();
	return 0;
}

void lbtop_screen_close(void)
{
	if (!term.screen)
		return;
	endwin();
	delscreen(term.screen);
	term.screen = NULL;
}

// The terminal itself is asked: ncurses 6.4 believes LINES and COLUMNS if somebody has exported them, and does not
// look again after SIGWINCH if it is told not to (use_env(3)).
static bool has_new_size(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0 ||
	    (size.ws_col == COLS && size.ws_row == LINES))
		return false;
	resizeterm(size.ws_row, size.ws_col);
	return true;
}

void lbtop_screen_size(int *width, int *height)
{
	has_new_size();
	*width = COLS;
	*height = LINES;
}

void lbtop_screen_show(const struct lbtop_grid *g)
{
	for (int y = 0; y < g->height; y++) {
		for (int x = 0; x < g->width; x++) {
			const struct lbtop_cell *cell =
				&g->cell[(size_t)y * (size_t)g->width + (size_t)x];
			char glyph[LBTOP_GLYPH_SIZE];

			attr_set(term.attributes[cell->style], term.pairs[cell->style], NULL);
			mvaddstr(y, x, lbtop_grid_glyph(glyph, cell->glyph, term.is_utf8));
		}
	}
	refresh();
}

static int key_of(int c)
{
	switch (c) {
	case KEY_UP:
		return LBTOP_KEY_UP;
	case KEY_DOWN:
		return LBTOP_KEY_DOWN;
	case KEY_LEFT:
		return LBTOP_KEY_LEFT;
	case KEY_RIGHT:
		return LBTOP_KEY_RIGHT;
	case KEY_PPAGE:
		return LBTOP_KEY_PAGE_UP;
	case KEY_NPAGE:
		return LBTOP_KEY_PAGE_DOWN;
	case KEY_HOME:
		return LBTOP_KEY_HOME;
	case KEY_END:
		return LBTOP_KEY_END;
	case KEY_BTAB:
		return LBTOP_KEY_BACKTAB;
	case KEY_BACKSPACE:
		return LBTOP_KEY_BACKSPACE;
	case KEY_ENTER:
	case '\r':
		return LBTOP_KEY_ENTER;
	case KEY_RESIZE:
		return LBTOP_KEY_RESIZE;
	}
	return c < 256 ? c : LBTOP_KEY_NONE;
}

int lbtop_screen_key(int timeout_ms, bool *is_gone)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	int c = getch(), n;

	if (c == ERR) {
		n = poll(&in, 1, timeout_ms); // SIGWINCH ends it
		*is_gone = n > 0 && !(in.revents & POLLIN);
		c = getch();
	}
	if (c != ERR)
		return key_of(c);
	return has_new_size() ? LBTOP_KEY_RESIZE : LBTOP_KEY_NONE;
}
