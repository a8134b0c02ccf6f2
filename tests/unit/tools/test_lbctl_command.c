// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_command.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A file of the source tree; tests run at its top.
static char *file_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	cr_assert(f && getdelim(&text, &size, 0, f) > 0, "%s", path);
	fclose(f);
	return text;
}

// Whether `word` stands among the blank-separated words after `line_start` up to the closing quote.
static bool is_listed(const char *text, const char *line_start, const char *word)
{
	const char *at = strstr(text, line_start);
	size_t len = strlen(word);

	if (!at)
		return false;
	at += strlen(line_start);
	for (const char *end = at + strcspn(at, "\""); at < end;
	     at += strcspn(at, " \""), at += *at == ' ')
		if (strncmp(at, word, len) == 0 && strchr(" \"", at[len]))
			return true;
	return false;
}

Test(lbctl_command, the_manual_page_has_every_command_and_option)
{
	char *page = file_text("tools/lbctl.8");

	for (size_t i = 0; i < lbctl_n_commands; i++) {
		const struct lbctl_command *c = &lbctl_commands[i];
		char want[128];

		snprintf(want, sizeof(want), "Cm %s%s%s", c->word, c->sub ? " " : "",
		         c->sub ? c->sub : "");
		cr_expect(strstr(page, want), "%s", want);
		for (size_t k = 0; k < c->n_options; k++) {
			snprintf(want, sizeof(want), "-%s", c->options[k].name);
			cr_expect(strstr(page, want), "%s", want);
		}
	}
	free(page);
}

Test(lbctl_command, the_completion_has_every_command_and_option)
{
	char *script = file_text("tools/lbctl.bash-completion");

	for (size_t i = 0; i < lbctl_n_commands; i++) {
		const struct lbctl_command *c = &lbctl_commands[i];
		char want[128];

		cr_expect(is_listed(script, "commands=\"", c->word), "%s", c->word);
		if (c->sub) {
			size_t len = strlen(c->word);
			bool is_plural = c->word[len - 1] == 's';

			snprintf(want, sizeof(want), "\t%s%s%.*s) subs=\"", c->word,
			         is_plural ? " | " : "", is_plural ? (int)len - 1 : 0, c->word);
			cr_expect(is_listed(script, want, c->sub), "%s %s", c->word, c->sub);
		}
		for (size_t k = 0; k < c->n_options; k++) {
			snprintf(want, sizeof(want), "--%s", c->options[k].name);
			cr_expect(strstr(script, want), "%s", want);
		}
	}
	free(script);
}

static const struct {
	char words[3][12];
	int argc;
	const char *want;
	int n_words;
} lines[] = {
	{{"status"}, 1, "lbctl status", 1},
	{{"backends"}, 1, "lbctl backends list", 1},
	{{"backends", "web"}, 2, "lbctl backends list", 1},
	{{"backends", "list", "web"}, 3, "lbctl backends list", 2},
	{{"backend", "drain", "web/a"}, 3, "lbctl backends drain", 2},
	{{"flow", "lookup", "tcp"}, 3, "lbctl flows lookup", 2},
	{{"pools", "list"}, 2, "lbctl pools list", 2},
	{{"statu"}, 1, NULL, 1},
	{{"backendss"}, 1, NULL, 1},
	{{"quic-lb", "decode", "07"}, 3, "lbctl quic-lb decode", 2},
	{{"quic-lb", "07"}, 2, NULL, 1},
	{{""}, 1, NULL, 1},
};

Test(lbctl_command, words_find_their_command)
{
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		const struct lbctl_command *c;
		char words[3][12], name[64];
		char *argv[3] = {words[0], words[1], words[2]};
		int n_words;

		memcpy(words, lines[i].words, sizeof(words));
		c = lbctl_command_find(lines[i].argc, argv, &n_words);
		cr_assert_eq(c != NULL, lines[i].want != NULL, "%s", argv[0]);
		cr_expect_eq(n_words, lines[i].n_words);
		if (c)
			cr_expect_str_eq(lbctl_command_name(c, name, sizeof(name)), lines[i].want);
	}
}

Test(lbctl_command, a_misspelt_word_is_told_what_it_is_like)
{
	cr_expect_str_eq(lbctl_command_meant("statsu"), "status");
	cr_expect_str_eq(lbctl_command_meant("backend"), "backends");
	cr_expect_null(lbctl_command_meant("frobnicate"));
	cr_expect_str_eq(lbctl_command_sub_meant("backend", "drian"), "drain");
	cr_expect_str_eq(lbctl_command_sub_meant("quic-lb", "decod"), "decode");
	cr_expect_null(lbctl_command_sub_meant("backends", "web"));
	cr_expect_null(lbctl_command_sub_meant("status", "drian"), "it has no second words");
}

// Spoken between lb4d and lb7d only.
static bool is_between_daemons(unsigned method)
{
	return method == CTL_L7_CONFIGURE || method == CTL_HEALTH_WATCH ||
	       method == CTL_HEALTH_CHANGED;
}

Test(lbctl_command, every_method_has_a_command)
{
	for (unsigned m = CTL_METHOD_NONE + 1; m < CTL_METHOD_COUNT; m++) {
		bool is_there = is_between_daemons(m);

		for (size_t i = 0; i < lbctl_n_commands; i++)
			is_there |= lbctl_commands[i].method == m;
		cr_expect(is_there, "%s", ctl_method_types[m].name);
	}
}
