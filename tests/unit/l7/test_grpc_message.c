// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include "l7/grpc_message.h"
#include "tests/support/guard.h"

// Three messages: of three bytes, of none, compressed of 300.
enum { LEN = 5 + 3 + 5 + 5 + 300 };

static void build(uint8_t out[LEN])
{
	static const uint8_t start[] = {0, 0, 0, 0, 3, 'a', 'b', 'c', 0,
	                                0, 0, 0, 0, 1, 0,   0,   1,   44};

	memset(out, 'x', LEN);
	memcpy(out, start, sizeof(start));
}

// In pieces that end at a and b, each where a page ends: DATA frames.
static struct grpc_message take(const uint8_t *bytes, size_t len, size_t a, size_t b)
{
	struct grpc_message g = {.n = 0};
	const size_t ends[] = {a, b, len};
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		size_t n = ends[i] - at;
		uint8_t *piece = guard_alloc(n);
		uint64_t before = g.n;

		memcpy(piece, bytes + at, n);
		cr_expect_eq(grpc_message_take(&g, slice_of(piece, n)), g.n - before);
		guard_free(piece, n);
		at = ends[i];
	}
	return g;
}

Test(grpc_message, are_counted_however_frames_cut_them)
{
	static const size_t seconds[] = {5, 8, 12, 13, 17, 18, 19, 100, LEN - 1, LEN};
	uint8_t bytes[LEN];

	build(bytes);
	for (size_t a = 0; a <= LEN; a++)
		for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
			size_t b = seconds[i] > a ? seconds[i] : a;
			struct grpc_message g = take(bytes, LEN, a, b);

			cr_expect_eq(g.n, 3, "%zu %zu: %lu", a, b, g.n);
			cr_expect_eq(g.n_compressed, 1);
			cr_expect_eq(g.n_bytes, 303);
			cr_expect(grpc_message_is_between(&g));
			cr_expect_not(g.is_broken);
		}
}

Test(grpc_message, every_truncation_has_those_that_ended)
{
	uint8_t bytes[LEN];

	build(bytes);
	for (size_t len = 0; len <= LEN; len++) {
		struct grpc_message g = take(bytes, len, len / 2, len);
		bool is_between = len == 0 || len == 8 || len == 13 || len == LEN;

		cr_expect_eq(g.n, (len >= 8) + (len >= 13) + (len >= LEN), "%zu: %lu", len, g.n);
		cr_expect_eq(grpc_message_is_between(&g), is_between, "%zu", len);
	}
}

// In pieces that end at `cut` and at the end; where each message ended, and whether all that is behind them was taken.
Test(grpc_message, next_stops_behind_each_message_however_frames_cut_them)
{
	static const size_t ends[] = {8, 13, LEN};
	uint8_t bytes[LEN];

	build(bytes);
	for (size_t cut = 0; cut <= LEN; cut++) {
		struct slice pieces[] = {slice_of(bytes, cut), slice_of(bytes + cut, LEN - cut)};
		struct grpc_message g = {.n = 0};

		for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
			while (grpc_message_next(&g, &pieces[i]))
				cr_expect_eq((size_t)(pieces[i].ptr - bytes), ends[g.n - 1], "%zu",
				             cut);
			cr_expect_eq(pieces[i].len, 0);
		}
		cr_expect_eq(g.n, 3);
	}
}

Test(grpc_message, next_takes_nothing_once_a_flag_is_wrong)
{
	static const uint8_t bytes[] = {0, 0, 0, 0, 1, 'a', 2, 0, 0, 0, 0, 0};
	struct slice in = slice_of(bytes, sizeof(bytes));
	struct grpc_message g = {.n = 0};

	cr_expect(grpc_message_next(&g, &in));
	cr_expect_eq(in.len, sizeof(bytes) - 6);
	cr_expect_not(grpc_message_next(&g, &in));
	cr_expect(g.is_broken);
	in = slice_of(bytes, 6);
	cr_expect_not(grpc_message_next(&g, &in), "a whole one behind it is none any more");
	cr_expect_eq(in.len, 6);
	cr_expect_eq(g.n, 1);
}

Test(grpc_message, the_longest_one_takes_no_memory)
{
	static const uint8_t head[] = {0, 0xff, 0xff, 0xff, 0xff};
	static uint8_t block[1 << 20];
	struct grpc_message g = {.n = 0};

	cr_expect_eq(grpc_message_take(&g, slice_of(head, sizeof(head))), 0);
	for (size_t i = 0; i < 4096; i++)
		cr_expect_eq(grpc_message_take(&g, slice_of(block, sizeof(block) - (i == 4095))),
		             i == 4095);
	cr_expect_eq(g.n_bytes, UINT32_MAX);
}

Test(grpc_message, what_is_no_message_is_counted_no_more)
{
	struct grpc_message g = {.n = 0};

	cr_expect_eq(grpc_message_take(&g, slice_of("\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0", 15)), 1);
	cr_expect(g.is_broken);
	cr_expect_eq(grpc_message_take(&g, slice_of("\0\0\0\0\0", 5)), 0);
}
