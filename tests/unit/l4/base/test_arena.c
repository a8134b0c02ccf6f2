// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <string.h>

#include "l4/base/arena.h"

static bool is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

Test(arena, a_new_one_is_empty_and_may_be_freed)
{
	struct arena a = {0};

	arena_fini(&a);
	cr_expect_null(a.chunks);
}

Test(arena, memory_is_zeroed_at_every_size_around_a_chunk)
{
	struct arena a = {0};

	for (size_t size = 1; size < 70000; size += size / 3 + 1) {
		uint8_t *p = arena_alloc(&a, 1, size, 1);

		cr_assert_not_null(p);
		cr_expect(is_zero(p, size), "%zu", size);
		memset(p, 0xff, size);
	}
	arena_fini(&a);
}

Test(arena, alignment_is_as_asked)
{
	struct arena a = {0};

	for (size_t round = 0; round < 200; round++)
		for (size_t align = 1; align <= CACHE_LINE; align *= 2) {
			void *p = arena_alloc(&a, 1, 1 + round % 7, align);

			cr_assert_eq((uintptr_t)p % align, 0, "%zu", align);
		}
	arena_fini(&a);
}

Test(arena, pieces_do_not_overlap_and_do_not_move)
{
	enum { N = 3000 };
	static uint8_t *piece[N];
	struct arena a = {0};

	for (size_t i = 0; i < N; i++) {
		piece[i] = arena_alloc(&a, 1, i % 97 + 1, (size_t)1 << i % 7);
		memset(piece[i], (int)(i % 251), i % 97 + 1);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < i % 97 + 1; k++)
			cr_assert_eq(piece[i][k], i % 251);
	arena_fini(&a);
}

// Chunks are 16 KiB with a header of one cache line.
Test(arena, what_just_fits_and_what_just_does_not)
{
	for (size_t size = 16 * 1024 - 2 * CACHE_LINE; size < 16 * 1024 + CACHE_LINE; size++) {
		struct arena a = {0};
		uint8_t *p = arena_alloc(&a, 1, size, CACHE_LINE);
		uint8_t *q = arena_alloc(&a, 1, 1, CACHE_LINE);

		cr_assert_not_null(p);
		cr_assert_not_null(q);
		p[size - 1] = 1; // the sanitizer watches
		q[0] = 2;
		cr_assert_eq(p[size - 1], 1);
		arena_fini(&a);
	}
}

Test(arena, impossible_sizes_give_nothing)
{
	struct arena a = {0};

	cr_expect_null(arena_alloc(&a, SIZE_MAX, 2, 1));
	cr_expect_null(arena_alloc(&a, SIZE_MAX / 2, 2, 1));
	cr_expect_null(arena_alloc(&a, 1, SIZE_MAX, 1));
	cr_expect_null(arena_alloc(&a, SIZE_MAX / 2 + 2, 1, 64));
	cr_expect_not_null(arena_alloc(&a, 3, 5, 1));
	arena_fini(&a);
}

Test(arena, nothing_is_a_valid_amount)
{
	struct arena a = {0};

	cr_expect_not_null(arena_alloc(&a, 0, 8, 8));
	arena_fini(&a);
}

Test(arena, strdup_copies_with_the_end)
{
	struct arena a = {0};
	char text[] = "web-1";
	char *copy = arena_strdup(&a, text), *empty = arena_strdup(&a, "");

	text[0] = 'X';
	cr_expect_str_eq(text, "Xeb-1");
	cr_expect_str_eq(copy, "web-1");
	cr_expect_str_eq(empty, "");
	arena_fini(&a);
}

Test(arena, may_be_used_again_after_fini)
{
	struct arena a = {0};

	cr_expect_not_null(arena_strdup(&a, "first"));
	arena_fini(&a);
	cr_expect_null(a.chunks);
	cr_expect_str_eq(arena_strdup(&a, "second"), "second");
	arena_fini(&a);
}
