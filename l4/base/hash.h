// SPDX-License-Identifier: BSD-3-Clause
// Hashes. Two kinds that must not be confused:
// - hash_bytes() with a fixed seed names things the same on every node and for ever (Maglev);
// - hash_mix() with a random seed spreads keys over a table that an attacker may try to fill.
// Multiply-and-fold as in wyhash (Wang Yi, "wyhash", 2019; public domain): 64x64 -> 128 bits, the
// two halves xored. Not cryptographic.
#pragma once

#include "l4/base/cc.h"

// Odd constants with 32 bits set, from wyhash's default secret.
#define HASH_K0 UINT64_C(0xa0761d6478bd642f)
#define HASH_K1 UINT64_C(0xe7037ed1a0b428db)
#define HASH_K2 UINT64_C(0x8ebc6af09c88c6e3)

static MUST_INLINE uint64_t hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static MUST_INLINE uint64_t hash_mix(uint64_t a, uint64_t b, uint64_t seed)
{
	return hash_fold(hash_fold(a ^ HASH_K0, b ^ seed ^ HASH_K1), seed ^ HASH_K2);
}

// Any bytes; the result depends on len, the bytes and the seed only, on every machine.
uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed);

// Maps a 32-bit hash onto 0..n-1 without a division (Lemire, "Fast random integer generation in
// an interval", 2019): the high half of hash * n.
static MUST_INLINE uint32_t hash_range(uint32_t hash, uint32_t n)
{
	return (uint32_t)(((uint64_t)hash * n) >> 32);
}

// A seed that an attacker cannot guess, from the kernel; for tables, never for Maglev.
uint64_t hash_random_seed(void);
