// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <stdint.h>

#include "l4/base/pages.h"

Test(pages, are_zero_and_may_be_written)
{
	static const size_t sizes[] = {1, 64, 4096, 4097, 3 << 20};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint8_t *memory = pages_new(sizes[i]);

		cr_assert_not_null(memory);
		for (size_t at = 0; at < sizes[i]; at++)
			cr_assert_eq(memory[at], 0);
		memory[sizes[i] - 1] = 1;
		pages_free(memory, sizes[i]);
	}
	pages_free(NULL, 0);
}

Test(pages, are_not_there_beyond_the_machine)
{
	cr_expect_null(pages_new(SIZE_MAX / 2));
	cr_expect_null(pages_new(0));
}
