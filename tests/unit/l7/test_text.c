// SPDX-License-Identifier: BSD-3-Clause
#include "l7/text.h"
#include "tests/support/guard.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>

static const uint64_t numbers[] = {0,   1,   9,   10,         15,        16,        99,
                                   100, 255, 256, UINT32_MAX, INT64_MAX, UINT64_MAX};

Test(text, numbers_are_written_as_printf_does)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		char buffer[64], want[64];
		struct text t = text_of(buffer, sizeof(buffer));

		text_add_number(&t, numbers[i]);
		TEXT_ADD_LITERAL(&t, " ");
		text_add_hex(&t, numbers[i]);
		snprintf(want, sizeof(want), "%" PRIu64 " %" PRIx64, numbers[i], numbers[i]);
		cr_expect(slice_eq(text_slice(&t), slice_of(want, strlen(want))), "%s", want);
	}
}

Test(text, what_does_not_fit_is_left_out_as_a_whole)
{
	uint8_t *p = guard_alloc(5);
	struct text t = text_of(p, 5);

	text_add_z(&t, "abc");
	text_add_number(&t, 123);
	cr_expect(t.is_cut);
	cr_expect_eq(t.len, 3);
	text_add_z(&t, "de");
	cr_expect(slice_eq(text_slice(&t), slice_of("abcde", 5)));
	text_add_z(&t, "");
	text_add_slice(&t, (struct slice){0});
	cr_expect_eq(t.len, 5);
	cr_expect(t.is_cut, "it stays said");
	guard_free(p, 5);
}

Test(text, a_full_buffer_is_not_cut)
{
	uint8_t *p = guard_alloc(3);
	struct text t = text_of(p, 3);

	text_add_hex(&t, 0xabc);
	cr_expect_not(t.is_cut);
	text_add_z(&t, "");
	cr_expect_not(t.is_cut);
	guard_free(p, 3);
}
