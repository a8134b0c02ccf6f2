// SPDX-License-Identifier: BSD-3-Clause
#include "l7/command_line.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <stdio.h>
#include <string.h>

enum { ARGS_MAX = 16 };

// Words by blanks; returns what command_line_parse() does.
static bool parse(struct command_line *c, const char *words, int *status)
{
	static char copy[512];
	char *argv[ARGS_MAX] = {copy};
	int argc = 0;

	snprintf(copy, sizeof(copy), "lb7d %s", words);
	for (char *word = strtok(copy, " "); word && argc < ARGS_MAX - 1; word = strtok(NULL, " "))
		argv[argc++] = word;
	return command_line_parse(c, argc, argv, status);
}

static const struct {
	const char *words;
	const char *conf_file, *control;
	uint32_t grace_s;
	bool is_managed;
	enum log_level level;
} good[] = {
	{"-c a.json", "a.json", NULL, 30, false, LOG_LEVEL_INFO},
	{"--conf a.json --grace 5", "a.json", NULL, 5, false, LOG_LEVEL_INFO},
	{"-c a -g 0", "a", NULL, 0, false, LOG_LEVEL_INFO},
	{"-c a --grace 86400 --log-level debug", "a", NULL, 86400, false, LOG_LEVEL_DEBUG},
	{"-c a --managed --control /run/x", "a", "/run/x", 30, true, LOG_LEVEL_INFO},
	{"-l error -s y -c a", "a", "y", 30, false, LOG_LEVEL_ERROR},
};

Test(command_line, options_are_read)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct command_line c;
		int status;

		cr_assert_not(parse(&c, good[i].words, &status), "%s", good[i].words);
		cr_expect_str_eq(c.conf_file, good[i].conf_file);
		cr_expect_eq(c.control == NULL, good[i].control == NULL, "%s", good[i].words);
		if (good[i].control)
			cr_expect_str_eq(c.control, good[i].control);
		cr_expect_eq(c.grace_s, good[i].grace_s, "%s", good[i].words);
		cr_expect_eq(c.is_managed, good[i].is_managed, "%s", good[i].words);
		cr_expect_eq(c.log_level, good[i].level, "%s", good[i].words);
	}
}

static const struct {
	const char *words;
	int status;
} ends[] = {
	{"", 2},
	{"-c", 2},
	{"-c a more", 2},
	{"-c a --frob", 2},
	{"-c a --grace", 2},
	{"-c a --grace -1", 2},
	{"-c a --grace 1.5", 2},
	{"-c a --grace 86401", 2},
	{"-c a --grace 99999999999999999999", 2},
	{"-c a --grace soon", 2},
	{"-c a --log-level loud", 2},
	{"--help", 0},
	{"-V", 0},
};

Test(command_line, mistakes_are_wrong_usage, .init = cr_redirect_stderr)
{
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct command_line c;
		int status = -1;

		cr_expect(parse(&c, ends[i].words, &status), "%s", ends[i].words);
		cr_expect_eq(status, ends[i].status, "%s", ends[i].words);
	}
}
