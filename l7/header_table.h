// SPDX-License-Identifier: BSD-3-Clause
// The table behind header_find(), for a parser that has the name in a register already: a slot from the name's length, first
// and last letter, hence one candidate, hence one comparison. No two names of the list share a slot.
#pragma once

#include "l7/header.h"

#include <immintrin.h>

enum {
	HEADER_TABLE_SLOTS = 128,
	HEADER_TABLE_NAME =
		32, // bytes of the longest name and a zero behind it, at least: one AVX2 register
};

// 25 was found by trying: the first multiplier that keeps the names of the list apart.
#define HEADER_TABLE_SLOT(first, last, len) (((first)*25U + (last) + (len)) % HEADER_TABLE_SLOTS)

extern const uint8_t header_table_slots[HEADER_TABLE_SLOTS]; // enum header
extern const uint8_t header_table_lens[HEADER_COUNT];        // bytes; 0 for HEADER_OTHER

// Zeros behind each name, and a row of zeros before the first.
extern const char header_table_names[1 + HEADER_COUNT][HEADER_TABLE_NAME];

// The only name of the list that may be this one; HEADER_OTHER if none may be. len > 0.
static MUST_INLINE enum header header_table_candidate(const uint8_t *name, size_t len)
{
	uint32_t first = name[0] | 0x20U, last = name[len - 1] | 0x20U;

	return (enum header)header_table_slots[HEADER_TABLE_SLOT(first, last, (uint32_t)len)];
}

// Like header_find() for a name of 1 to 31 octets that are all of RFC 9110's token. `block` holds it from octet `skip`
// on, skip + len <= 32; `name` is where it lies. Setting bit 5 of a token's octet changes case and nothing that the
// list holds.
static MUST_INLINE enum header header_table_find(__m256i block, const uint8_t *name, size_t len,
                                                 uint32_t skip)
{
	enum header candidate = header_table_candidate(name, len);
	const char *want = (const char *)header_table_names +
	                   (1 + (size_t)candidate) * HEADER_TABLE_NAME - skip;
	__m256i lowered = _mm256_or_si256(block, _mm256_set1_epi8(0x20));
	__m256i same = _mm256_cmpeq_epi8(lowered, _mm256_loadu_si256((const __m256i *)want));
	uint64_t others = ~(uint64_t)(uint32_t)_mm256_movemask_epi8(same) >> skip;

	if (header_table_lens[candidate] != len || (uint64_t)__builtin_ctzll(others) < len)
		return HEADER_OTHER;
	return candidate;
}
