// SPDX-License-Identifier: BSD-3-Clause
// Integers in network byte order, and the only conversions between them and host order.
// `make lint` runs sparse over them: mixing the two without a conversion is an error there.
#pragma once

#include "l4/base/cc.h"

#ifdef __CHECKER__
#define BITWISE __attribute__((bitwise))
#define FORCE __attribute__((force))
#else
#define BITWISE
#define FORCE
#endif

typedef uint16_t BITWISE be16;
typedef uint32_t BITWISE be32;
typedef uint64_t BITWISE be64;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the conversions below always swap");

static MUST_INLINE be16 be16_from(uint16_t host)
{
	return (FORCE be16)__builtin_bswap16(host);
}

static MUST_INLINE uint16_t be16_to(be16 net)
{
	return __builtin_bswap16((FORCE uint16_t)net);
}

static MUST_INLINE be32 be32_from(uint32_t host)
{
	return (FORCE be32)__builtin_bswap32(host);
}

static MUST_INLINE uint32_t be32_to(be32 net)
{
	return __builtin_bswap32((FORCE uint32_t)net);
}

static MUST_INLINE be64 be64_from(uint64_t host)
{
	return (FORCE be64)__builtin_bswap64(host);
}

static MUST_INLINE uint64_t be64_to(be64 net)
{
	return __builtin_bswap64((FORCE uint64_t)net);
}

// The bits as they lie in memory, for hashing and for sums that do not care about the order.
static MUST_INLINE uint16_t be16_raw(be16 net)
{
	return (FORCE uint16_t)net;
}

static MUST_INLINE uint32_t be32_raw(be32 net)
{
	return (FORCE uint32_t)net;
}

// The opposite of the two above: bits that are known to lie in network order.
static MUST_INLINE be16 be16_of_raw(uint16_t raw)
{
	return (FORCE be16)raw;
}

static MUST_INLINE be32 be32_of_raw(uint32_t raw)
{
	return (FORCE be32)raw;
}
