// SPDX-License-Identifier: BSD-3-Clause
// The terminal: the only part of lbtop that knows ncurses. One screen a process.
#pragma once

#include "l4/base/err.h"
#include "tools/lbtop_grid.h"

// A terminal of another size, from lbtop_screen_key(): draw anew. Other keys: enum lbtop_key.
enum { LBTOP_KEY_RESIZE = 512 };

// -ENOTTY with *err, which says what to do instead: no terminal, or one whose cursor cannot be moved.
NODISCARD int lbtop_screen_open(bool is_colored, bool is_utf8, struct err *err);
void lbtop_screen_close(void);

void lbtop_screen_size(int *width, int *height);
void lbtop_screen_show(const struct lbtop_grid *g);

// The next key within timeout_ms; LBTOP_KEY_NONE if there was none. *is_gone: nobody is there any more.
int lbtop_screen_key(int timeout_ms, bool *is_gone);
