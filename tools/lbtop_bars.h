// SPDX-License-Identifier: BSD-3-Clause
// The lines around a page: above it whose figures they are and which pages there are, below it what there is to say or to do.
// For lbtop_view*.c only.
#pragma once

#include "tools/lbtop_view.h"

// Lines of the grid: the two above, the first of the page, and how many there are below it.
enum { LBTOP_BARS_TITLE, LBTOP_BARS_TABS, LBTOP_BARS_HEAD, LBTOP_BARS_LAST_LINES = 1 };

void lbtop_bars_title(const struct lbtop_view *v, const struct lbtop_model *m,
                      struct lbtop_grid *g);
void lbtop_bars_tabs(const struct lbtop_view *v, struct lbtop_grid *g);

// An error that makes the figures old ones takes more lines, from the page.
void lbtop_bars_last(const struct lbtop_view *v, const struct lbtop_frame *f,
                     const struct lbtop_model *m, struct lbtop_grid *g);
