// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/ctl_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 4096 };

void ctl_line_fini(struct ctl_line *l)
{
	free(l->bytes);
	*l = (struct ctl_line){0};
}

static void drop_used(struct ctl_line *l)
{
	if (!l->used)
		return;
	l->len -= l->used;
	memmove(l->bytes, l->bytes + l->used, l->len);
	l->used = 0;
}

int ctl_line_add(struct ctl_line *l, const void *bytes, size_t len)
{
	size_t room = l->room ? l->room : FIRST_ROOM;
	char *grown;

	if (!len)
		return 0;
	drop_used(l);
	while (room - l->len < len)
		room *= 2;
	if (room != l->room) {
		grown = realloc(l->bytes, room);
		if (!grown)
			return -ENOMEM;
		l->bytes = grown;
		l->room = room;
	}
	memcpy(l->bytes + l->len, bytes, len);
	l->len += len;
	return 0;
}

const char *ctl_line_next(struct ctl_line *l, size_t *len)
{
	size_t waiting = ctl_line_waiting(l);
	const char *line, *end;

	if (!waiting) {
		ctl_line_fini(l); // an idle connection owns no buffer
		return NULL;
	}
	line = l->bytes + l->used;
	end = memchr(line + l->scanned, '\n', waiting - l->scanned);
	if (!end) {
		l->scanned = waiting;
		return NULL;
	}
	*len = (size_t)(end - line) + 1;
	l->used += *len;
	l->scanned = 0;
	return line;
}

const char *ctl_line_last(struct ctl_line *l, size_t *len)
{
	*len = ctl_line_waiting(l);
	l->scanned = 0;
	if (!*len)
		return NULL;
	l->used = l->len;
	return l->bytes + l->len - *len;
}
