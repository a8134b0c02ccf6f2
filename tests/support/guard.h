// SPDX-License-Identifier: BSD-3-Clause
// Buffers that touch a page nobody may access: reading or writing one octet too many is a crash at
// the place where it happens, also in code that a sanitizer cannot see (vector loads, libraries).
#pragma once

#include "l4/base/cc.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// Bytes of the accessible middle of a buffer of `len`: whole pages, at least one.
static inline size_t guard_middle(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (len / page + 1) * page;
}

// The begin of the middle; both neighbours are inaccessible pages.
static inline uint8_t *guard_map(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), middle = guard_middle(len);
	// cppcheck-suppress invalidFunctionArg ; -1 is right for anonymous memory (mmap(2))
	uint8_t *p = mmap(NULL, middle + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + page, middle, PROT_READ | PROT_WRITE) != 0)
		abort();
	return p + page;
}

static inline void guard_unmap(uint8_t *begin, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	munmap(begin - page, guard_middle(len) + 2 * page);
}

// `len` zeroed bytes (0 is fine) that end where an inaccessible page begins.
// Release with guard_free() of the same len.
static inline uint8_t *guard_alloc(size_t len)
{
	return guard_map(len) + guard_middle(len) - len;
}

static inline void guard_free(uint8_t *p, size_t len)
{
	if (p)
		guard_unmap(p + len - guard_middle(len), len);
}

// `len` zeroed bytes that begin where an inaccessible page ends.
// Release with guard_free_low() of the same len.
static inline uint8_t *guard_alloc_low(size_t len)
{
	return guard_map(len);
}

static inline void guard_free_low(uint8_t *p, size_t len)
{
	if (p)
		guard_unmap(p, len);
}
