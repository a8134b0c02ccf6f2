// SPDX-License-Identifier: BSD-3-Clause
#include "l7/buf.h"

#include <criterion/criterion.h>

static const struct {
	size_t size;
	uint8_t class_;
} classes[] = {
	{0, BUF_SMALL},
	{BUF_SMALL_SIZE, BUF_SMALL},
	{BUF_SMALL_SIZE + 1, BUF_MEDIUM},
	{BUF_MEDIUM_SIZE + 1, BUF_LARGE},
	{BUF_LARGE_SIZE + 1, BUF_HUGE},
	{BUF_HUGE_SIZE, BUF_HUGE},
};

Test(buf, is_of_the_smallest_class_that_holds_it)
{
	struct buf_pool pool = {.budget = 1};

	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		struct buf *b = buf_get(&pool, classes[i].size);

		cr_assert(b);
		cr_expect_eq(b->class_, classes[i].class_, "%zu", classes[i].size);
		cr_expect_geq(buf_room(b), classes[i].size);
		cr_expect_eq(buf_slice(b).len, 0);
		buf_put(&pool, b);
	}
	buf_fini(&pool);
}

Test(buf, given_back_it_is_given_out_again_empty)
{
	struct buf_pool pool = {.budget = 1 << 20};
	struct buf *b = buf_get(&pool, 100);

	b->start = 3;
	b->end = 9;
	buf_put(&pool, b);
	cr_expect_eq(buf_get(&pool, 50), b);
	cr_expect_eq(buf_slice(b).len, 0);
	buf_put(&pool, b);
	buf_fini(&pool);
}

Test(buf, beyond_the_budget_the_pool_is_full_until_some_come_back)
{
	struct buf_pool pool = {.budget = 3 * (sizeof(struct buf) + BUF_SMALL_SIZE)};
	struct buf *b[4];

	for (size_t i = 0; i < ARRAY_LEN(b); i++) {
		cr_expect_eq(buf_is_full(&pool), i >= 3, "%zu", i);
		b[i] = buf_get(&pool, 10);
		cr_assert(b[i], "what is in flight must be kept");
	}
	buf_put(&pool, b[0]);
	buf_put(&pool, b[1]);
	cr_expect_not(buf_is_full(&pool));
	buf_put(&pool, b[2]);
	buf_put(&pool, b[3]);
	cr_expect_eq(pool.used_size, 0);
	buf_fini(&pool);
}

Test(buf, what_is_extra_has_a_share_of_the_budget_and_no_more)
{
	const size_t one = sizeof(struct buf) + BUF_SMALL_SIZE;
	struct buf_pool pool = {.budget = BUF_EXTRA_SHARE * 2 * one};
	struct buf *b[3], *ordinary;

	cr_expect_null(buf_get_extra(&pool, BUF_MEDIUM_SIZE), "larger than the share");
	for (size_t i = 0; i < ARRAY_LEN(b); i++)
		b[i] = buf_get_extra(&pool, 10);
	cr_assert(b[0] && b[1] && !b[2]);
	cr_expect_not(buf_is_full(&pool), "others have theirs");
	ordinary = buf_get(&pool, 10);
	buf_put(&pool, b[0]);
	cr_assert(b[0] = buf_get_extra(&pool, 10));
	buf_put(&pool, b[0]);
	buf_put(&pool, b[1]);
	b[0] = buf_get(&pool, 10);
	buf_put(&pool, b[0]); // was extra before, and is no more
	cr_expect_eq(pool.extra_size, 0);
	cr_expect_eq(pool.used_size, one);
	buf_put(&pool, ordinary);
	buf_fini(&pool);
}

Test(buf, no_more_than_its_keep_stays_in_a_pool)
{
	struct buf_pool pool = {.budget = SIZE_MAX};
	struct buf *first = NULL;

	for (int i = 0; i < 100; i++) {
		struct buf *b = buf_get(&pool, BUF_LARGE_SIZE);

		b->next = first;
		first = b;
	}
	while (first) {
		struct buf *b = first;

		first = b->next;
		buf_put(&pool, b);
	}
	cr_expect_leq(pool.spare_size, BUF_KEEP);
	cr_expect_eq(pool.used_size, 0);
	buf_fini(&pool);
}
