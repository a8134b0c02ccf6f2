// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/hash.h"

// Maglev's identities come from hash_bytes(): a change here moves every flow of every node, and
// nodes of two versions disagree. The answers come from a second implementation, in
// Python with unbounded integers, written from hash.h.
static const struct {
	const char *bytes;
	size_t len;
	uint64_t seed, want;
} known[] = {
	{"", 0, 0x0, UINT64_C(0x2c658b543ca2ec29)},
	{"", 0, 0x1, UINT64_C(0x5d1136de0b8a6fd2)},
	{"a", 1, 0x0, UINT64_C(0xc6f3964dfc73689c)},
	{"12345678", 8, 0x0, UINT64_C(0x7f39eb82936d8700)},
	{"123456789", 9, 0x0, UINT64_C(0x15d75dfbe8f408a2)},
	{"0123456789abcdef", 16, 0x0, UINT64_C(0x99cb577701318b21)},
	{"0123456789abcdef0", 17, 0x0, UINT64_C(0x8e9e5ac9305e6938)},
	{"0123456789abcdef0123456789abcdef0123456789", 42, 0xfeedface,
         UINT64_C(0xf11ad497a382d2a0)},
};

Test(hash, bytes_have_the_values_of_the_first_release)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		uint64_t h = hash_bytes(known[i].bytes, known[i].len, known[i].seed);

		cr_expect_eq(h, known[i].want, "\"%s\": 0x%016lx", known[i].bytes, h);
	}
}

Test(hash, mix_has_the_values_of_the_first_release)
{
	cr_expect_eq(hash_mix(0, 0, 0), UINT64_C(0xa5506ff52926ac13));
	cr_expect_eq(hash_mix(1, 2, 3), UINT64_C(0xce52836bfbce773e));
	cr_expect_eq(hash_mix(UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_C(0xf60d6e21abffa424));
}

Test(hash, every_length_and_every_zero_counts)
{
	static const uint8_t zeros[80];
	uint64_t seen[81];

	for (size_t len = 0; len <= 80; len++) {
		seen[len] = hash_bytes(zeros, len, 0);
		for (size_t i = 0; i < len; i++)
			cr_assert_neq(seen[i], seen[len], "%zu and %zu zeros", i, len);
	}
}

Test(hash, alignment_does_not_count)
{
	uint8_t room[64 + 8];

	for (size_t at = 0; at < 8; at++) {
		memset(room, 0xee, sizeof(room));
		memcpy(room + at, "the same twenty-four by", 24);
		cr_expect_eq(hash_bytes(room + at, 24, 1),
		             hash_bytes("the same twenty-four by", 24, 1));
	}
}

// Flips each bit of the input: each bit of the output should change in half of the cases. 2000
// cases have a standard deviation of 1.1 %; 6 % off is no accident.
static void check_avalanche(size_t len)
{
	enum { CASES = 2000 };
	static uint32_t flips[64];
	uint8_t in[40];

	for (size_t bit = 0; bit < len * 8; bit++) {
		memset(flips, 0, sizeof(flips));
		for (uint64_t c = 0; c < CASES; c++) {
			uint64_t a, b;

			for (size_t i = 0; i < len; i++)
				in[i] = (uint8_t)hash_mix(c, i, 99);
			a = hash_bytes(in, len, 7);
			in[bit / 8] ^= (uint8_t)(1 << bit % 8);
			b = hash_bytes(in, len, 7);
			for (size_t o = 0; o < 64; o++)
				flips[o] += (a ^ b) >> o & 1;
		}
		for (size_t o = 0; o < 64; o++)
			cr_assert(flips[o] > CASES * 44 / 100 && flips[o] < CASES * 56 / 100,
			          "%zu bytes, bit %zu to bit %zu: %u", len, bit, o, flips[o]);
	}
}

Test(hash, one_flipped_bit_flips_half_of_the_result)
{
	static const size_t lengths[] = {4, 8, 13, 16, 22, 40};

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
		check_avalanche(lengths[i]);
}

Test(hash, the_seed_decides)
{
	uint32_t same_top_byte = 0;

	for (uint64_t seed = 0; seed < 10000; seed++)
		same_top_byte +=
			hash_bytes("x", 1, seed) >> 56 == hash_bytes("x", 1, seed + 1) >> 56;
	cr_expect(same_top_byte > 10 && same_top_byte < 80, "%u, 39 expected", same_top_byte);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

Test(hash, counters_do_not_collide)
{
	enum { N = 200000 };
	uint64_t *seen = calloc(N, sizeof(*seen));

	cr_assert_not_null(seen);
	for (uint64_t i = 0; i < N; i++)
		seen[i] = hash_mix(i & 0x1ff, i >> 9, 1);
	qsort(seen, N, sizeof(*seen), by_value);
	for (size_t i = 1; i < N; i++)
		cr_assert_neq(seen[i - 1], seen[i]);
	free(seen);
}

Test(hash, range_covers_exactly_0_to_n_minus_1)
{
	static const uint32_t sizes[] = {1, 2, 3, 7, 1000, 65537, 1u << 31, UINT32_MAX};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		cr_expect_eq(hash_range(0, sizes[i]), 0);
		cr_expect_eq(hash_range(UINT32_MAX, sizes[i]), sizes[i] - 1);
	}
	cr_expect_eq(hash_range(0x80000000, 65536), 32768);
}

Test(hash, range_is_even)
{
	uint32_t count[7] = {0};

	for (uint64_t i = 0; i < 70000; i++)
		count[hash_range((uint32_t)(hash_mix(i, 0, 0) >> 32), 7)]++;
	for (size_t i = 0; i < 7; i++)
		cr_expect(count[i] > 9500 && count[i] < 10500, "%zu: %u", i, count[i]);
}

Test(hash, random_seeds_differ)
{
	cr_expect_neq(hash_random_seed(), hash_random_seed());
}
