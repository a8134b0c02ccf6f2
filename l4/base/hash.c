// SPDX-License-Identifier: BSD-3-Clause
#include "l4/base/hash.h"

#include <string.h>
#include <sys/random.h>

// Little-endian load of up to 8 bytes: the same number on every machine we build for (be.h asserts
// the byte order).
static uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed)
{
	const uint8_t *p = bytes;
	uint64_t h = seed ^ hash_fold(len ^ HASH_K2, HASH_K1);

	for (; len > 16; len -= 16, p += 16)
		h = hash_mix(load(p, 8), load(p + 8, 8), h);
	if (len > 8)
		return hash_mix(load(p, 8), load(p + 8, len - 8), h);
	return hash_mix(load(p, len), 0, h);
}

uint64_t hash_random_seed(void)
{
	uint64_t seed;

	// Up to 256 bytes are never cut short once the pool is ready (getrandom(2)).
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint64_t)(uintptr_t)&seed;
	return seed;
}
