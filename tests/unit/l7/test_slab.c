// SPDX-License-Identifier: BSD-3-Clause
#include "l7/slab.h"

#include <criterion/criterion.h>
#include <stddef.h>

static const size_t sizes[] = {0,    1,    47,   48,   49,   111,  112,  113,
                               1000, 2032, 2033, 4079, 4080, 4081, 70000};

Test(slab, memory_of_every_size_is_whole_and_aligned)
{
	struct slab s = {0};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint8_t *p = slab_get(&s, sizes[i]);

		cr_assert_not_null(p);
		cr_expect_eq((uintptr_t)p % _Alignof(max_align_t), 0);
		memset(p, 0xa5, sizes[i]); // the sanitizer looks
		slab_put(&s, p);
	}
	slab_fini(&s);
}

Test(slab, what_is_given_back_is_taken_again)
{
	struct slab s = {0};
	void *p = slab_get(&s, 100), *again;

	slab_put(&s, p);
	again = slab_get(&s, 90);
	cr_expect(again == p || SLAB_KEEP == 0);
	cr_expect_eq(s.spare_size, 0);
	slab_put(&s, again);
	slab_fini(&s);
}

Test(slab, zeroed_memory_is_zero_though_it_was_used)
{
	struct slab s = {0};
	uint8_t *p = slab_get(&s, 200);

	memset(p, 0xff, 200);
	slab_put(&s, p);
	p = slab_get_zero(&s, 200);
	for (int i = 0; i < 200; i++)
		cr_expect_eq(p[i], 0);
	slab_put(&s, p);
	slab_fini(&s);
}

Test(slab, resized_memory_keeps_what_was_there)
{
	struct slab s = {0};
	uint8_t *p = NULL;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		p = slab_resize(&s, p, sizes[i] + 1);
		cr_assert_not_null(p);
		for (size_t k = 0; i && k <= sizes[i - 1]; k++)
			cr_assert_eq(p[k], (uint8_t)k);
		for (size_t k = 0; k <= sizes[i]; k++)
			p[k] = (uint8_t)k;
	}
	p = slab_resize(&s, p, 3);
	cr_expect_eq(p[2], 2);
	slab_put(&s, p);
	slab_fini(&s);
}

Test(slab, no_more_is_kept_than_promised)
{
	struct slab s = {0};
	static void *all[2 * (1 << 20) / 1000];

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		all[i] = slab_get(&s, 1000);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		slab_put(&s, all[i]);
	cr_expect_leq(s.spare_size, SLAB_KEEP);
	cr_expect(s.spare_size > 0 || SLAB_KEEP == 0);
	slab_fini(&s);
}

Test(slab, more_than_there_is_fails)
{
	struct slab s = {0};

	cr_expect_null(slab_get(&s, SIZE_MAX));
}
