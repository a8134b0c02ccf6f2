// SPDX-License-Identifier: BSD-3-Clause
// Words that C lacks. Everything else that looks like a keyword in lb47 is defined here.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define CACHE_ALIGNED __attribute__((aligned(CACHE_LINE)))
#define PACKED __attribute__((packed))
#define UNUSED __attribute__((unused))

// Only with a measurement in the commit that introduces the use.
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

// Bytes that two cores never share for writing; every x86-64 and most arm64 parts.
enum { CACHE_LINE = 64 };

#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

// Fetches the line at p for reading, into all levels. Never faults, so any address may be given.
static MUST_INLINE void prefetch(const void *p)
{
	__builtin_prefetch(p, 0, 3);
}

// What the programmer guarantees, stated where the packet path cannot afford a branch: checked in
// BUILD=debug and under the sanitizers, free in release. Everywhere else use assert().
#ifdef LB47_HOT_ASSERT
#define HOT_ASSERT(x) assert(x)
#else
#define HOT_ASSERT(x) ((void)sizeof(!(x)))
#endif
