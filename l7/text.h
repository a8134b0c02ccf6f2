// SPDX-License-Identifier: BSD-3-Clause
// Text appended to a buffer of fixed size. What does not fit is left out as a whole and is_cut says so, so that a
// chain of calls needs one check at its end.
#pragma once

#include "l4/base/slice.h"

struct text {
	char *ptr; // borrowed
	size_t len;
	size_t size;
	bool is_cut;
};

static inline struct text text_of(void *ptr, size_t size)
{
	return (struct text){.ptr = ptr, .size = size};
}

static inline struct slice text_slice(const struct text *t)
{
	return slice_of(t->ptr, t->len);
}

static inline void text_add(struct text *t, const void *bytes, size_t len)
{
	if (len > t->size - t->len) {
		t->is_cut = true;
		return;
	}
	memcpy(t->ptr + t->len, bytes, len);
	t->len += len;
}

static inline void text_add_slice(struct text *t, struct slice s)
{
	if (s.len)
		text_add(t, s.ptr, s.len);
}

#define TEXT_ADD_LITERAL(t, literal) text_add((t), (literal), sizeof(literal) - 1)

void text_add_z(struct text *t, const char *string);
void text_add_number(struct text *t, uint64_t number); // decimal
void text_add_hex(struct text *t, uint64_t number);    // lower case, no leading zeros; "0" for 0
