// SPDX-License-Identifier: BSD-3-Clause
#include "l7/header_table.h"
#include "tests/support/http1check.h"

#include <criterion/criterion.h>

static struct slice of(const char *z)
{
	return slice_of(z, strlen(z));
}

// In upper case where `mask` has a bit, so that masks of 0 and ~0 are lower and upper.
static struct slice in_case(const char *name, uint32_t mask)
{
	static char copy[HEADER_TABLE_NAME];
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		copy[i] =
			name[i] >= 'a' && name[i] <= 'z' && mask >> i & 1 ? name[i] - 32 : name[i];
	return slice_of(copy, len);
}

Test(header, every_name_of_the_list_is_found_in_any_case)
{
	static const uint32_t masks[] = {0, UINT32_MAX, 0x55555555, 0xaaaaaaaa, 1, 0x33333333};

	for (unsigned int id = 1; id < HEADER_COUNT; id++)
		for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
			struct slice name = in_case(header_names[id], masks[i]);

			cr_expect_eq(header_find(http1check_copy(name, false)), id, "%s",
			             header_names[id]);
			cr_expect_eq(header_find(http1check_copy(name, true)), id, "%s",
			             header_names[id]);
		}
}

Test(header, one_octet_more_less_or_other_is_another_name)
{
	for (unsigned int id = 1; id < HEADER_COUNT; id++) {
		char name[HEADER_TABLE_NAME + 1];
		size_t len = strlen(header_names[id]);

		strcpy(name, header_names[id]);
		name[len] = 'x';
		cr_expect_neq(header_find(slice_of(name, len + 1)), id);
		cr_expect_neq(header_find(slice_of(name, len - 1)), id);
		for (size_t at = 0; at < len; at++)
			for (unsigned c = 0; c < 256; c++) {
				char was = name[at];

				name[at] = (char)c;
				cr_expect_eq(header_find(slice_of(name, len)) == (enum header)id,
				             c == (uint8_t)was || (was >= 'a' && was <= 'z' &&
				                                   c == (uint8_t)was - 32U),
				             "%s: %u at %zu", header_names[id], c, at);
				name[at] = was;
			}
	}
}

// The parser's way to the same answer, for names that are tokens.
Test(header, a_name_in_a_register_is_the_same_name)
{
	static const char *const others[] = {"x",
	                                     "a",
	                                     "host-",
	                                     "hosx",
	                                     "xost",
	                                     "content-lengti",
	                                     "x-forwarded-hosts",
	                                     "a-name-of-thirty-one-octets-xxx",
	                                     "^",
	                                     "_",
	                                     "~"};
	uint8_t block[HEADER_TABLE_NAME];

	for (size_t i = 1; i < HEADER_COUNT + ARRAY_LEN(others); i++) {
		struct slice name =
			i < HEADER_COUNT ? of(header_names[i]) : of(others[i - HEADER_COUNT]);

		for (uint32_t skip = 0; skip + name.len <= sizeof(block); skip++)
			for (unsigned other = 0; other < 256; other++) {
				__m256i bytes;

				memset(block, (int)other, sizeof(block));
				memcpy(block + skip, name.ptr, name.len);
				bytes = _mm256_loadu_si256((const __m256i *)block);
				cr_assert_eq(header_table_find(bytes, block + skip, name.len, skip),
				             header_find(name), "%zu", i);
			}
	}
}

Test(header, the_empty_name_is_none_of_the_list)
{
	cr_expect_eq(header_find(slice_of("", 0)), HEADER_OTHER);
	cr_expect_eq(header_find((struct slice){0}), HEADER_OTHER);
	cr_expect_str_eq(header_names[HEADER_OTHER], "");
	cr_expect_eq(header_classes[HEADER_OTHER], HEADER_END_TO_END);
}

Test(header, hop_by_hop_fields_are_those_of_the_standard)
{
	// RFC 9110 section 7.6.1
	static const char *const names[] = {"connection", "keep-alive", "proxy-connection", "te",
	                                    "upgrade"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		cr_expect_eq(header_classes[header_find(of(names[i]))], HEADER_HOP, "%s", names[i]);
	cr_expect_eq(header_classes[HEADER_TRANSFER_ENCODING], HEADER_FRAMING);
	cr_expect_eq(header_classes[HEADER_CONTENT_LENGTH], HEADER_FRAMING);
	cr_expect_eq(header_classes[HEADER_SET_COOKIE], HEADER_END_TO_END);
}

Test(header, comparison_is_without_case_for_letters_only)
{
	cr_expect(header_eq(of("HoSt"), "host"));
	cr_expect_not(header_eq(of("host"), "hosts"));
	cr_expect_not(header_eq(of("hosts"), "host"));
	cr_expect_not(header_eq(of("^"), "~"));
	cr_expect_not(header_eq(slice_of("a\0", 2), "a"));
	cr_expect(header_eq(slice_of("", 0), ""));
	cr_expect(header_same(of("A-b"), of("a-B")));
	cr_expect_not(header_same(of("a^"), of("a~")));
	cr_expect_not(header_same(of("a"), of("ab")));
}

Test(header, tokens_of_a_list_are_between_commas)
{
	static const struct {
		const char *list;
		bool want;
	} lists[] = {
		{"close", true},    {"Close", true},      {" \tclose\t ", true},
		{"a,close", true},  {"close,a", true},    {"a , close ,b", true},
		{",,close,", true}, {"", false},          {",", false},
		{"closed", false},  {"clos", false},      {"close a", false},
		{"a;close", false}, {"\"close\"", false}, {"xclose", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		cr_expect_eq(header_has_token(http1check_copy(of(lists[i].list), false), "close"),
		             lists[i].want, "%s", lists[i].list);
	cr_expect_not(header_has_token((struct slice){0}, "close"));
}
