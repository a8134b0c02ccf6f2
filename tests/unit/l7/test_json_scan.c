// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <stdio.h>

#include "l4/base/hash.h"
#include "tests/support/guard.h"
#include "tests/support/jsoncheck.h"

enum { A = 1, DEEP, LIST, COUNT };

static const struct json_scan_path in_b[] = {{JSON_SCAN_KEY("deep"), .id = DEEP}};
static const struct json_scan_path in_list[] = {{JSON_SCAN_KEY("a"), .id = A}};
static const struct json_scan_path below[] = {
	{JSON_SCAN_KEY("a"), .id = A},
	{JSON_SCAN_KEY("b"), .below = in_b, .n_below = 1},
	{JSON_SCAN_KEY("list"), .id = LIST, .below = in_list, .n_below = 1},
	{JSON_SCAN_KEY("count"), .id = COUNT},
};
static const struct json_scan_path root = {.below = below, .n_below = ARRAY_LEN(below)};

static struct slice slice_z(const char *text)
{
	return slice_of(text, strlen(text));
}

// Where the text ends a page does.
static bool scan(struct jsoncheck *c, struct slice text)
{
	uint8_t *guarded = guard_alloc(text.len);
	bool is_read;

	memcpy(guarded, text.ptr, text.len);
	is_read = json_scan(slice_of(guarded, text.len), &root, jsoncheck_note, c);
	guard_free(guarded, text.len);
	return is_read;
}

static const struct {
	const char *text;
	size_t n; // values found
} valid[] = {
	{"{}", 0},
	{"[]", 0},
	{"null", 0},
	{"\"a\"", 0},
	{" { } ", 0},
	{"{\"a\":1}", 1},
	{" {\n\"a\" :\t\"x\" , \"b\":{\"deep\":true}}\r\n", 2},
	{"{\"deep\":1,\"x\":{\"a\":1,\"deep\":[{\"a\":2}]}}", 0},
	{"{\"a\":{\"a\":1}}", 1},
	{"{\"list\":[{\"a\":1},{\"a\":2},{\"x\":3}]}", 6},
	{"{\"list\":[[{\"a\":1}],{\"a\":[{\"a\":3}]}]}", 6},
	{"{\"list\":[]}", 1},
	{"[{\"a\":1},{\"a\":2}]", 2},
	{"{\"x\":\"}\\\"]{\",\"a\":\"\\\\\"}", 1},
	{"{\"\":{},\"a\":-1.25e+3,\"count\":18446744073709551615}", 2},
	{"{\"a\":\"0123456789012345678901234567890123456789\\n0123456789\"}", 1},
	{"{\"a\":\"01234567890123\\\"\"}", 1},
	{"{\"a\":false,\"a\":null}", 2},
};

Test(json_scan, finds_what_is_on_a_path_and_nothing_else)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
		struct jsoncheck got = {.has_text = false};

		cr_expect(scan(&got, slice_z(valid[i].text)), "%s", valid[i].text);
		cr_expect_eq(got.seen.n, valid[i].n, "%s: %zu", valid[i].text, got.seen.n);
		eventcheck_fini(&got.seen);
	}
}

Test(json_scan, no_truncation_is_json_nor_read_beyond)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
		struct slice text = slice_z(valid[i].text);

		while (text.len && strchr(" \r\n", text.ptr[text.len - 1]))
			text.len--;
		for (size_t len = 0; len < text.len; len++) {
			struct jsoncheck got = {.has_text = false};

			cr_expect_not(scan(&got, slice_of(text.ptr, len)), "%s at %zu",
			              valid[i].text, len);
			eventcheck_fini(&got.seen);
		}
	}
}

Test(json_scan, what_is_no_json_is_refused)
{
	static const char *const bad[] = {
		"",          " ",           "{",           "}",
		"{\"a\"}",   "{\"a\":}",    "{\"a\" 1}",   "{\"a\":1,}",
		"{\"a\":1]", "{\"a\":1}}",  "{\"a\":1}x",  "hello",
		"{a:1}",     "{\"a\":1 2}", "{\"a\":tru}", "{\"a\":\"x}",
		"[1,2",      "{\"a\":\"\\", "{\"a\":'x'}", "{1:2}",
		"[}",        "{\"b\":{]",   "data: {}",    "{\"a\"::1}",
		"{,}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct jsoncheck got = {.has_text = false};

		cr_expect_not(scan(&got, slice_z(bad[i])), "%s", bad[i]);
		eventcheck_fini(&got.seen);
	}
}

// Half a million texts of words that make sense together now and then.
Test(json_scan, finds_what_jansson_finds)
{
	static const char *const words[] = {
		"{",         "}", "[",     "]",    ",",  "\"a\":", "\"b\":", "\"deep\":",
		"\"list\":", "1", "\"x\"", "null", "{}", "\"x\":", "[]",     " ",
	};
	size_t n_json = 0;

	for (uint64_t k = 0; k < 500000; k++) {
		struct jsoncheck want = {.has_text = true}, got = want;
		char text[128] = "{";
		size_t len = 1, n_words = 2 + hash_mix(k, 0, 7) % 9;

		for (size_t i = 0; i < n_words; i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s",
			                        words[hash_mix(k, i, 8) % ARRAY_LEN(words)]);
		if (jsoncheck_read(&want, slice_of(text, len), &root)) {
			n_json++;
			cr_assert(json_scan(slice_of(text, len), &root, jsoncheck_note, &got), "%s",
			          text);
			cr_assert(eventcheck_eq(&got.seen, &want.seen), "%s", text);
		}
		eventcheck_fini(&want.seen);
		eventcheck_fini(&got.seen);
	}
	cr_expect_gt(n_json, 500);
}

Test(json_scan, a_million_brackets_take_no_stack)
{
	static uint8_t text[1000000];
	struct jsoncheck got = {.has_text = false};

	memset(text, '[', sizeof(text) / 2);
	memset(text + sizeof(text) / 2, ']', sizeof(text) / 2);
	cr_expect(scan(&got, slice_of(text, sizeof(text))));
	memset(text, '[', sizeof(text));
	cr_expect_not(scan(&got, slice_of(text, sizeof(text))));
	eventcheck_fini(&got.seen);
}

static const struct {
	const char *text;
	uint64_t want;
	bool is_number;
} numbers[] = {
	{"0", 0, true},
	{"7", 7, true},
	{"999999999999999999", UINT64_C(999999999999999999), true},
	{"1000000000000000000", 0, false},
	{"-1", 0, false},
	{"1.0", 0, false},
	{"1e3", 0, false},
};

Test(json_scan, only_whole_numbers_that_fit_are_numbers)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct json_scan_value v = {.type = JSON_SCAN_NUMBER,
		                            .text = slice_z(numbers[i].text)};
		uint64_t n = 0;

		cr_expect_eq(json_scan_number(&v, &n), numbers[i].is_number, "%s", numbers[i].text);
		cr_expect_eq(n, numbers[i].want, "%s", numbers[i].text);
	}
	cr_expect_not(json_scan_number(
		&(struct json_scan_value){.type = JSON_SCAN_STRING, .text = slice_z("7")},
		&(uint64_t){0}));
}
