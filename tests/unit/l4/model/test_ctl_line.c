// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/ctl_line.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static const char text[] = "{\"a\":1}\n\n{}\r\n{\"last\":2}";

// What was handed out, with "|" behind each piece.
static void collect(struct ctl_line *l, char *out)
{
	const char *line;
	size_t len;

	while ((line = ctl_line_next(l, &len))) {
		strncat(out, line, len);
		strcat(out, "|");
	}
}

Test(ctl_line, every_split_gives_the_same_lines)
{
	for (size_t a = 0; a < sizeof(text); a++) {
		for (size_t b = a; b < sizeof(text); b++) {
			struct ctl_line l = {0};
			char out[128] = "";
			size_t len;

			cr_assert_eq(ctl_line_add(&l, text, a), 0);
			collect(&l, out);
			cr_assert_eq(ctl_line_add(&l, text + a, b - a), 0);
			collect(&l, out);
			cr_assert_eq(ctl_line_add(&l, text + b, sizeof(text) - 1 - b), 0);
			collect(&l, out);
			cr_expect_str_eq(out, "{\"a\":1}\n|\n|{}\r\n|", "%zu %zu", a, b);
			cr_expect_eq(ctl_line_waiting(&l), 10);
			cr_expect_eq(strncmp(ctl_line_last(&l, &len), "{\"last\":2}", 10), 0);
			cr_expect_eq(len, 10);
			cr_expect_null(ctl_line_last(&l, &len));
			ctl_line_fini(&l);
		}
	}
}

Test(ctl_line, owns_no_memory_while_idle)
{
	struct ctl_line l = {0};
	size_t len;

	cr_expect_null(ctl_line_next(&l, &len));
	cr_assert_eq(ctl_line_add(&l, "x\n", 2), 0);
	cr_expect_not_null(ctl_line_next(&l, &len));
	cr_expect_null(ctl_line_next(&l, &len));
	cr_expect_null(l.bytes);
}

Test(ctl_line, a_long_line_comes_whole)
{
	enum { CHUNK = 65536, CHUNKS = 512 };
	struct ctl_line l = {0};
	char *chunk = malloc(CHUNK);
	size_t len;

	memset(chunk, 'x', CHUNK);
	for (int i = 0; i < CHUNKS; i++) {
		cr_assert_eq(ctl_line_add(&l, chunk, CHUNK), 0);
		cr_assert_null(ctl_line_next(&l, &len));
	}
	cr_assert_eq(ctl_line_add(&l, "\nrest", 5), 0);
	cr_expect_not_null(ctl_line_next(&l, &len));
	cr_expect_eq(len, (size_t)CHUNK * CHUNKS + 1);
	cr_expect_null(ctl_line_next(&l, &len));
	cr_expect_eq(ctl_line_waiting(&l), 4);
	ctl_line_fini(&l);
	free(chunk);
}
