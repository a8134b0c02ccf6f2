// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_command.h"

#include <stdio.h>
#include <string.h>

#include "l4/base/nearest.h"

// Singular and plural are the same.
static bool is_word(const char *word, const char *typed)
{
	size_t len = strlen(word);

	if (strcmp(word, typed) == 0)
		return true;
	return len > 1 && word[len - 1] == 's' && strcmp(word, "status") != 0 &&
	       strlen(typed) == len - 1 && memcmp(word, typed, len - 1) == 0;
}

bool lbctl_command_is_word(const char *word)
{
	for (size_t i = 0; i < lbctl_n_commands; i++)
		if (is_word(lbctl_commands[i].word, word))
			return true;
	return false;
}

const char *lbctl_command_meant(const char *typed)
{
	const char *best = NULL;

	for (size_t i = 0; i < lbctl_n_commands; i++)
		nearest_offer(&best, typed, lbctl_commands[i].word);
	return best;
}

const char *lbctl_command_sub_meant(const char *word, const char *typed)
{
	const char *best = NULL;

	for (size_t i = 0; i < lbctl_n_commands; i++)
		if (lbctl_commands[i].sub && is_word(lbctl_commands[i].word, word))
			nearest_offer(&best, typed, lbctl_commands[i].sub);
	return best;
}

const char *lbctl_command_subs(const char *word, char *out, size_t size)
{
	int len = 0;

	*out = '\0';
	for (size_t i = 0; i < lbctl_n_commands && len < (int)size; i++)
		if (lbctl_commands[i].sub && is_word(lbctl_commands[i].word, word))
			len += snprintf(out + len, size - (size_t)len, "%s%s", len ? ", " : "",
			                lbctl_commands[i].sub);
	return out;
}

const struct lbctl_command *lbctl_command_find(int argc, char **argv, int *n_words)
{
	const struct lbctl_command *found = NULL;

	for (size_t i = 0; argc > 0 && i < lbctl_n_commands; i++) {
		const struct lbctl_command *c = &lbctl_commands[i];

		if (!is_word(c->word, argv[0]))
			continue;
		if (c->sub && argc > 1 && strcmp(c->sub, argv[1]) == 0) {
			*n_words = 2;
			return c;
		}
		if (!c->sub || c->is_default)
			found = c;
	}
	*n_words = 1;
	return found;
}

const char *lbctl_command_name(const struct lbctl_command *c, char *out, size_t size)
{
	snprintf(out, size, "lbctl %s%s%s", c->word, c->sub ? " " : "", c->sub ? c->sub : "");
	return out;
}

char *lbctl_command_list(void)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	fprintf(f, "Commands:");
	for (size_t i = 0; i < lbctl_n_commands; i++) {
		const struct lbctl_command *c = &lbctl_commands[i];
		int n = fprintf(f, "\n  %s%s%s%s%s%s%s", c->word, c->sub ? " " : "",
		                c->sub && c->is_default ? "[" : "", c->sub ? c->sub : "",
		                c->sub && c->is_default ? "]" : "", *c->usage ? " " : "", c->usage);

		fprintf(f, "%*s  %.*s", n < 36 ? 36 - n : 0, "", (int)strcspn(c->summary, ".:\n"),
		        c->summary);
	}
	fprintf(f,
	        "\n\nlbctl COMMAND --help, or lbctl help COMMAND, tells more. Exit status: 0 done, 1 the answer is no, 2 wrong usage.");
	fclose(f);
	return text;
}

static void print_fields(FILE *f, const struct ctl_type *type)
{
	for (size_t i = 0; i < type->n_fields; i++)
		if (type->fields[i].kind != CTL_ROWS)
			fprintf(f, "\n  %-16s %-16s %s", type->fields[i].heading,
			        type->fields[i].name, type->fields[i].help);
	for (size_t i = 0; i < type->n_fields; i++)
		if (type->fields[i].kind == CTL_ROWS) {
			fprintf(f, "\n %s: %s", type->fields[i].name, type->fields[i].help);
			print_fields(f, type->fields[i].rows);
		}
}

char *lbctl_command_columns(const struct lbctl_command *c)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	if (c->more)
		fprintf(f, "%s\n\n", c->more);
	if (c->operands == LBCTL_CAPTURE || c->operands == LBCTL_TRACE) {
		fprintf(f,
		        "The packets of %s are lost when the rings of shared memory are full, 1 to 4 MiB a lane.",
		        c->word);
	} else if (c->method) {
		fprintf(f, "The answer, as in tables and as in JSON:");
		print_fields(f, ctl_method_types[c->method].result);
	} else if (c->answer) {
		fprintf(f, "The answer, as in tables and as in JSON:");
		print_fields(f, c->answer);
	} else {
		fprintf(f,
		        "Prints one line, and nothing but errors if something is wrong. Advice, about what is\n"
		        "right but should not stay, goes to the standard error and does not change the exit status.");
	}
	fclose(f);
	return text;
}
