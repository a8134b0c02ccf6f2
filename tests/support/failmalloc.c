// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/failmalloc.h"

#include <errno.h>
#include <stdlib.h>

static _Thread_local unsigned int countdown; // 0 = off, 1 = the next one fails
static _Thread_local bool has_failed;

#if defined(__SANITIZE_ADDRESS__)
#define HAS_OWN_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_OWN_MALLOC 1
#endif
#endif

#ifndef HAS_OWN_MALLOC
// glibc's own, under the names that it keeps for the likes of us; no header declares them.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);

static bool is_time_to_fail(void)
{
	if (countdown == 0)
		return false;
	if (countdown > 1) {
		countdown--;
		return false;
	}
	has_failed = true;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return is_time_to_fail() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return is_time_to_fail() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return is_time_to_fail() ? NULL : __libc_realloc(p, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return is_time_to_fail() ? NULL : __libc_memalign(align, size);
}
#endif

bool failmalloc_works(void)
{
#ifdef HAS_OWN_MALLOC
	return false;
#else
	return true;
#endif
}

void failmalloc_arm(unsigned int n)
{
	has_failed = false;
	countdown = n;
}

bool failmalloc_disarm(void)
{
	countdown = 0;
	return has_failed;
}
