// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "l4/base/err.h"

static struct err err;

static void set_text(size_t len)
{
	char text[600];

	memset(text, 'x', len);
	text[len] = '\0';
	err_set(&err, -EINVAL, "%s", text);
}

Test(err, set_formats_and_returns_the_code)
{
	int rc = err_set(&err, -EINVAL, "vips[%zu].port: %d is not in 1..65535", (size_t)2, 70000);

	cr_expect_eq(rc, -EINVAL);
	cr_expect_eq(err.code, -EINVAL);
	cr_expect_str_eq(err.msg, "vips[2].port: 70000 is not in 1..65535");
}

Test(err, set_replaces_what_was_there)
{
	err_set(&err, -EINVAL, "a longer first sentence");
	err_set(&err, -ENOENT, "second");
	cr_expect_eq(err.code, -ENOENT);
	cr_expect_str_eq(err.msg, "second");
}

Test(err, nobody_has_to_listen)
{
	cr_expect_eq(err_set(NULL, -ENOMEM, "%s", "lost"), -ENOMEM);
	cr_expect_lt(err_prefix(NULL, "%s", "lost"), 0);
}

Test(err, the_longest_sentence_that_fits_is_not_cut)
{
	set_text(sizeof(err.msg) - 1);
	cr_expect_eq(strlen(err.msg), sizeof(err.msg) - 1);
	cr_expect_eq(err.msg[sizeof(err.msg) - 2], 'x');
}

Test(err, a_longer_sentence_ends_in_three_dots)
{
	for (size_t len = sizeof(err.msg); len < 2 * sizeof(err.msg); len++) {
		set_text(len);
		cr_assert_eq(strlen(err.msg), sizeof(err.msg) - 1);
		cr_assert_str_eq(err.msg + sizeof(err.msg) - 5, "x...");
	}
}

Test(err, prefix_goes_in_front_and_keeps_the_code)
{
	err_set(&err, -EINVAL, "port: 0");
	cr_expect_eq(err_prefix(&err, "services[%d]", 3), -EINVAL);
	cr_expect_eq(err_prefix(&err, "edge.json"), -EINVAL);
	cr_expect_str_eq(err.msg, "edge.json: services[3]: port: 0");
	cr_expect_eq(err.code, -EINVAL);
}

Test(err, a_prefix_may_quote_the_sentence_itself)
{
	err_set(&err, -EINVAL, "%s", "100%s");
	err_prefix(&err, "%s", "50%d");
	cr_expect_str_eq(err.msg, "50%d: 100%s");
}

Test(err, a_sentence_pushed_out_by_its_prefix_ends_in_three_dots)
{
	char prefix[600];

	for (size_t len = 0; len < sizeof(prefix) - 1; len++) {
		memset(prefix, 'p', len);
		prefix[len] = '\0';
		set_text(100);
		err_prefix(&err, "%s", prefix);
		if (len + 2 + 100 < sizeof(err.msg)) {
			cr_assert_eq(strlen(err.msg), len + 2 + 100);
			continue;
		}
		cr_assert_eq(strlen(err.msg), sizeof(err.msg) - 1, "%zu", len);
		cr_assert_str_eq(err.msg + sizeof(err.msg) - 4, "...", "%zu: %s", len, err.msg);
	}
}
