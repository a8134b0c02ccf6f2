// SPDX-License-Identifier: BSD-3-Clause
// The help of a page: the keys, side by side where there is room, then what its columns mean. Pure. One thread.
#pragma once

#include "tools/lbtop_page.h"

enum { LBTOP_HELP_MAX = 1000 }; // no help has so many lines

int lbtop_help_lines(const struct lbtop_page *page, int width);

// Draws the lines from `first` on at y and below, n of them.
void lbtop_help_draw(struct lbtop_grid *g, const struct lbtop_page *page, int first, int y, int n);
