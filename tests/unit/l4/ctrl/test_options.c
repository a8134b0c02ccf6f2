// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/options.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

enum { ARGS_MAX = 16 };

// Words by blanks; returns what options_parse() does.
static bool parse(struct options *o, const char *words, int *status)
{
	static char copy[512];
	char *argv[ARGS_MAX] = {copy};
	int argc = 0;

	snprintf(copy, sizeof(copy), "lb4d %s", words);
	for (char *word = strtok(copy, " "); word && argc < ARGS_MAX - 1; word = strtok(NULL, " "))
		argv[argc++] = word;
	return options_parse(o, argc, argv, status);
}

Test(options, options_are_read)
{
	struct options o;
	int status;

	cr_assert_not(parse(&o, "-c a.json", &status));
	cr_expect_str_eq(o.conf_file, "a.json");
	cr_expect(!o.is_once && o.log_level == LOG_LEVEL_INFO);
	cr_assert_not(parse(&o, "--once --log-level=debug --conf b", &status));
	cr_expect_str_eq(o.conf_file, "b");
	cr_expect(o.is_once && o.log_level == LOG_LEVEL_DEBUG);
}

static const struct {
	const char *words;
	int status;
} ends[] = {
	{"", 2},
	{"-c", 2},
	{"-c a more", 2},
	{"-c a --frob", 2},
	{"-c a --log-level loud", 2},
	{"-c a -l", 2},
	{"-c a --once=1", 2},
	{"--help", 0},
	{"-V", 0},
};

Test(options, mistakes_are_wrong_usage, .init = cr_redirect_stderr)
{
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct options o;
		int status = -1;

		cr_expect(parse(&o, ends[i].words, &status), "%s", ends[i].words);
		cr_expect_eq(status, ends[i].status, "%s", ends[i].words);
	}
}
