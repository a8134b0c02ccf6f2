// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/l7/load_chunks.h"

#include <stdlib.h>
#include <string.h>

// Adds a byte to a line. True if it ends the line, which then has no CR LF but a NUL.
static bool ends_line(char *line, size_t *len, char byte)
{
	if (byte != '\n') {
		if (*len < CHUNKS_LINE_MAX - 1)
			line[(*len)++] = byte;
		return false;
	}
	if (*len > 0 && line[*len - 1] == '\r')
		(*len)--;
	line[*len] = '\0';
	*len = 0;
	return true;
}

static enum load_chunks_at after_head_line(struct load_chunks *c)
{
	if (!c->is_ok) {
		c->is_ok = !strncmp(c->wire_line, "HTTP/1.1 200 ", 13);
		return c->is_ok ? CHUNKS_AT_HEAD : CHUNKS_AT_FAULT;
	}
	return c->wire_line[0] ? CHUNKS_AT_HEAD : CHUNKS_AT_SIZE;
}

static enum load_chunks_at after_size_line(struct load_chunks *c)
{
	char *end;

	c->n_left = strtoull(c->wire_line, &end, 16);
	if (end == c->wire_line)
		return CHUNKS_AT_FAULT;
	return c->n_left ? CHUNKS_AT_DATA : CHUNKS_AT_END;
}

static enum load_chunks_at take_data(struct load_chunks *c, char byte)
{
	if (ends_line(c->body_line, &c->body_len, byte))
		c->line(c->user, c->body_line);
	return --c->n_left ? CHUNKS_AT_DATA : CHUNKS_AT_DATA_END;
}

void load_chunks_feed(struct load_chunks *c, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (c->at == CHUNKS_AT_DATA)
			c->at = take_data(c, bytes[i]);
		else if (c->at >= CHUNKS_AT_END)
			return;
		else if (!ends_line(c->wire_line, &c->wire_len, bytes[i]))
			continue;
		else if (c->at == CHUNKS_AT_HEAD)
			c->at = after_head_line(c);
		else if (c->at == CHUNKS_AT_SIZE)
			c->at = after_size_line(c);
		else
			c->at = CHUNKS_AT_SIZE;
	}
}
