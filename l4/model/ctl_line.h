// SPDX-License-Identifier: BSD-3-Clause
// Lines of the control protocol as they come in pieces. All zero is empty. One thread.
#pragma once

#include "l4/base/cc.h"

struct ctl_line {
	char *bytes; // owned; NULL while there are none
	size_t len, room;
	size_t used;    // bytes at the front that were handed out
	size_t scanned; // bytes that hold no newline, behind `used`
};

// Appends. 0 or -ENOMEM.
NODISCARD int ctl_line_add(struct ctl_line *l, const void *bytes, size_t len);

// The next whole line, newline included, borrowed until the next call; NULL if there is none yet.
const char *ctl_line_next(struct ctl_line *l, size_t *len);

// The same for what is left when the stream has ended, which ends a line too.
const char *ctl_line_last(struct ctl_line *l, size_t *len);

// Bytes that were not handed out.
static inline size_t ctl_line_waiting(const struct ctl_line *l)
{
	return l->len - l->used;
}

void ctl_line_fini(struct ctl_line *l);
