// SPDX-License-Identifier: BSD-3-Clause
// Which page is seen, and the lines that it has: what drawing and keys both ask. For lbtop_view*.c only.
#pragma once

#include <sys/types.h>

#include "tools/lbtop_view.h"

// A page as it is first seen.
struct lbtop_frame lbtop_frame_of(enum lbtop_page_id page);

// The one that is seen: the last zoom, else the tab's.
struct lbtop_frame *lbtop_frame_current(struct lbtop_view *v);

// Its lines, filtered and sorted, from m->now, which is there. lbtop_table_free() them in any case. False: no memory.
NODISCARD bool lbtop_frame_collect(struct lbtop_items *items, const struct lbtop_view *v,
                                   const struct lbtop_frame *f, const struct lbtop_model *m);

// Where the marked line is among them; -1 = nowhere.
ssize_t lbtop_frame_chosen(const struct lbtop_frame *f, const struct lbtop_items *items);
