// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/eventcheck.h"

#include <stdlib.h>

static void put(struct eventcheck *c, struct slice s)
{
	if (s.len > c->room - c->len) {
		c->room = 2 * (c->len + s.len);
		c->text = realloc(c->text, c->room);
		if (!c->text)
			abort();
	}
	if (s.len)
		memcpy(c->text + c->len, s.ptr, s.len);
	c->len += s.len;
}

static void put_byte(struct eventcheck *c, uint8_t byte)
{
	put(c, slice_of(&byte, 1));
}

void eventcheck_add(struct eventcheck *c, struct slice name, struct slice data)
{
	put(c, name);
	put_byte(c, '|');
	put(c, data);
	put_byte(c, EVENTCHECK_END);
	c->n++;
}

// The buffers of section 9.2.6.
struct buffers {
	struct eventcheck data;
	struct slice name;
};

static void dispatch(struct eventcheck *c, struct buffers *b)
{
	if (b->data.len)
		eventcheck_add(c, b->name, slice_of(b->data.text, b->data.len - 1));
	b->data.len = 0;
	b->name = slice_of("", 0);
}

static void take_line(struct buffers *b, struct slice line, size_t name_max)
{
	const uint8_t *colon = memchr(line.ptr, ':', line.len);
	size_t field = colon ? (size_t)(colon - line.ptr) : line.len;
	size_t at = field + (colon != NULL);
	struct slice value;

	if (at < line.len && line.ptr[at] == ' ')
		at++;
	value = slice_of(line.ptr + at, line.len - at);
	if (field == 5 && memcmp(line.ptr, "event", 5) == 0) {
		b->name = slice_of(value.ptr, value.len < name_max ? value.len : name_max);
	} else if (field == 4 && memcmp(line.ptr, "data", 4) == 0) {
		put(&b->data, value);
		put_byte(&b->data, '\n');
	}
}

void eventcheck_read(struct eventcheck *c, struct slice stream, size_t name_max)
{
	struct buffers b = {.name = {(const uint8_t *)"", 0}};
	size_t i = 0, start;

	if (stream.len >= 3 && memcmp(stream.ptr, "\xef\xbb\xbf", 3) == 0)
		i = 3;
	for (start = i; i < stream.len; i++) {
		if (stream.ptr[i] != '\n' && stream.ptr[i] != '\r')
			continue;
		if (i == start)
			dispatch(c, &b);
		else
			take_line(&b, slice_of(stream.ptr + start, i - start), name_max);
		if (stream.ptr[i] == '\r' && i + 1 < stream.len && stream.ptr[i + 1] == '\n')
			i++;
		start = i + 1;
	}
	eventcheck_fini(&b.data);
}

bool eventcheck_eq(const struct eventcheck *a, const struct eventcheck *b)
{
	return a->n == b->n && slice_eq(slice_of(a->text, a->len), slice_of(b->text, b->len));
}

void eventcheck_fini(struct eventcheck *c)
{
	free(c->text);
	*c = (struct eventcheck){.n = 0};
}
