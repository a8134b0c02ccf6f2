// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_hex.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(lbctl_hex, either_case_is_read_and_lower_case_written)
{
	uint8_t bytes[3];
	char text[7];
	size_t len;

	cr_assert_eq(lbctl_hex_read(bytes, sizeof(bytes), &len, "00aFFf", NULL), 0);
	cr_expect_eq(len, 3);
	lbctl_hex_write(text, bytes, len);
	cr_expect_str_eq(text, "00afff");
	cr_assert_eq(lbctl_hex_read(bytes, sizeof(bytes), &len, "", NULL), 0);
	cr_expect_eq(len, 0);
	lbctl_hex_write(text, bytes, 0);
	cr_expect_str_empty(text);
}

static const struct {
	const char *text, *msg;
} wrong[] = {
	{"0", "1 hex digits, but a byte is two"},
	{"0g", "character 2 is not a hex digit"},
	{"g0", "character 1 is not a hex digit"},
	{"@0", "character 1 is not a hex digit"},
	{"0`", "character 2 is not a hex digit"},
	{"G0", "character 1 is not a hex digit"},
	{" 00", "character 1 is not a hex digit"},
	{"00:0", "character 3 is not a hex digit"},
	{"\xff"
         "0",
         "character 1 is not a hex digit"},
	{"00000000", "4 bytes, more than 3"},
};

Test(lbctl_hex, anything_else_is_refused_and_leaves_the_bytes_alone)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		uint8_t bytes[3] = {1, 2, 3};
		size_t len = 47;
		struct err err;

		cr_expect_eq(lbctl_hex_read(bytes, sizeof(bytes), &len, wrong[i].text, &err),
		             -EINVAL);
		cr_expect_str_eq(err.msg, wrong[i].msg);
		cr_expect_eq(len, 47);
		cr_expect_eq(bytes[0] + bytes[1] + bytes[2], 6);
	}
}

Test(lbctl_hex, exactly_means_exactly)
{
	uint8_t bytes[2];
	struct err err;

	cr_expect_eq(lbctl_hex_read_exactly(bytes, 2, "0102", &err), 0);
	cr_expect_eq(lbctl_hex_read_exactly(bytes, 2, "01", &err), -EINVAL);
	cr_expect_str_eq(err.msg, "2 characters, not 4 hex digits");
	cr_expect_eq(lbctl_hex_read_exactly(bytes, 2, "010203", &err), -EINVAL);
}
