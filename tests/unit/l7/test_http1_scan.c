// SPDX-License-Identifier: BSD-3-Clause
// The octet classes of the vector code beside their plain definitions, at every place of a block, near and far from the end.
#include "l7/http1_scan.h"
#include "tests/support/http1check.h"

#include <criterion/criterion.h>

static bool is_non_token(unsigned c)
{
	// RFC 9110 section 5.6.2
	return !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	         (c && c < 128 && strchr("!#$%&'*+-.^_`|~", (int)c)));
}

static bool is_control(unsigned c)
{
	return (c < 0x20 && c != '\t') || c == 0x7f;
}

static bool is_non_target(unsigned c)
{
	return c <= 0x20 || c >= 0x7f || c == '#';
}

static uint32_t naive(struct slice in, bool (*is_member)(unsigned))
{
	uint32_t bits = 0;

	for (size_t i = 0; i < in.len && i < HTTP1_SCAN_BLOCK; i++)
		bits |= (uint32_t)is_member(in.ptr[i]) << i;
	return bits;
}

// The block at the first of the last `valid` octets of `in`.
static void expect_classes(struct slice in, size_t valid)
{
	const struct http1_scan s = {in.ptr, in.ptr, in.ptr + in.len};
	const uint8_t *p = s.end - valid;
	struct http1_scan_block b = http1_scan_load(&s, p);
	struct slice rest = slice_of(p, valid);

	cr_assert_eq(b.valid, valid < HTTP1_SCAN_BLOCK ? valid : HTTP1_SCAN_BLOCK);
	cr_assert_eq(http1_scan_non_token(b), naive(rest, is_non_token));
	cr_assert_eq(http1_scan_control(b), naive(rest, is_control));
	cr_assert_eq(http1_scan_non_target(b), naive(rest, is_non_target));
}

Test(http1_scan, classes_are_the_same_as_octet_by_octet)
{
	uint8_t text[80];

	for (unsigned c = 0; c < 256; c++)
		for (size_t at = 0; at < sizeof(text); at++) {
			struct slice in;

			memset(text, 'a', sizeof(text));
			text[at] = (uint8_t)c;
			in = http1check_copy(slice_of(text, sizeof(text)), at % 2);
			for (size_t valid = 1; valid <= sizeof(text); valid += 3)
				expect_classes(in, valid);
		}
}

Test(http1_scan, nothing_is_read_outside_of_short_inputs)
{
	uint8_t text[64];

	for (size_t len = 1; len <= sizeof(text); len++)
		for (size_t valid = 1; valid <= len; valid++) {
			for (size_t i = 0; i < len; i++)
				text[i] = (uint8_t)(i * 37 + valid);
			expect_classes(http1check_copy(slice_of(text, len), false), valid);
			expect_classes(http1check_copy(slice_of(text, len), true), valid);
		}
}
