// SPDX-License-Identifier: BSD-3-Clause
// Bytes by pointer and length, borrowed: whoever hands one out says until when.
#pragma once

#include <string.h>

#include "l4/base/cc.h"

struct slice {
	const uint8_t *ptr;
	size_t len; // bytes
};

static inline struct slice slice_of(const void *ptr, size_t len)
{
	return (struct slice){.ptr = ptr, .len = len};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
