// SPDX-License-Identifier: BSD-3-Clause
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "l4/base/be.h"

Test(be, bytes_lie_most_significant_first)
{
	static const uint8_t want[8] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08};
	be16 a = be16_from(0x0102);
	be32 b = be32_from(0x01020304);
	be64 c = be64_from(UINT64_C(0x0102030405060708));

	cr_expect_arr_eq(&a, want, sizeof(a));
	cr_expect_arr_eq(&b, want, sizeof(b));
	cr_expect_arr_eq(&c, want, sizeof(c));
}

Test(be, agrees_with_libc_for_every_16_bit_value)
{
	for (uint32_t v = 0; v <= 0xffff; v++) {
		uint32_t wide = v * 65537 ^ 0x5a5a;

		cr_assert_eq(be16_raw(be16_from((uint16_t)v)), htons((uint16_t)v));
		cr_assert_eq(be32_raw(be32_from(wide)), htonl(wide));
	}
}

Test(be, there_and_back_changes_nothing)
{
	static const uint64_t values[] = {0,         1, 0x80, 0xff00, UINT64_C(0x0123456789abcdef),
	                                  UINT64_MAX};

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		cr_expect_eq(be16_to(be16_from((uint16_t)values[i])), (uint16_t)values[i]);
		cr_expect_eq(be32_to(be32_from((uint32_t)values[i])), (uint32_t)values[i]);
		cr_expect_eq(be64_to(be64_from(values[i])), values[i]);
	}
}

Test(be, raw_is_what_lies_in_memory)
{
	uint32_t memory;
	be32 v;

	memcpy(&v, "\x0a\x00\x00\x01", 4);
	memcpy(&memory, &v, 4);
	cr_expect_eq(be32_raw(v), memory);
	cr_expect_eq(be32_to(be32_of_raw(memory)), 0x0a000001);
	cr_expect_eq(be16_to(be16_of_raw(be16_raw(be16_from(443)))), 443);
}
