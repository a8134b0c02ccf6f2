// SPDX-License-Identifier: BSD-3-Clause
#include "l4/base/args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/nearest.h"

static const struct args_option built_in[] = {
	{.letter = 'h', .name = "help", .help = "this text"},
	{.letter = 'V', .name = "version", .help = "the version of lb47"},
};

// The words of a command line that are left to read.
struct words {
	char **argv;
	int argc;
	int i;          // the next one
	int n_operands; // moved to the front so far
};

static const struct args_option *option_in(const struct args_option *options, size_t n, char letter,
                                           const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		const struct args_option *o = &options[i];

		if (name ? o->name && strlen(o->name) == len && memcmp(o->name, name, len) == 0
		         : o->letter == letter)
			return o;
	}
	return NULL;
}

// By name if there is one, else by letter.
static const struct args_option *option_find(const struct args *a, char letter, const char *name,
                                             size_t len)
{
	const struct args_option *o = option_in(a->options, a->n_options, letter, name, len);

	if (!o)
		o = option_in(a->common, a->n_common, letter, name, len);
	return o ? o : option_in(built_in, ARRAY_LEN(built_in), letter, name, len);
}

static void offer_options(const char **best, const char *typed, const struct args_option *options,
                          size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (options[i].name)
			nearest_offer(best, typed, options[i].name);
}

static const char *nearest_option(const struct args *a, const char *name, size_t len)
{
	char typed[NEAREST_MAX + 1];
	const char *best = NULL;

	if (len > NEAREST_MAX)
		return NULL;
	memcpy(typed, name, len);
	typed[len] = '\0';
	offer_options(&best, typed, a->options, a->n_options);
	offer_options(&best, typed, a->common, a->n_common);
	offer_options(&best, typed, built_in, ARRAY_LEN(built_in));
	return best;
}

// "table, json"
static const char *list_words(const struct args_option *o, char *out, size_t size)
{
	int len = 0;

	*out = '\0';
	for (size_t i = 0; i < o->n_words && len < (int)size; i++)
		if (*o->words[i])
			len += snprintf(out + len, size - (size_t)len, "%s%s", len ? ", " : "",
			                o->words[i]);
	return out;
}

static void option_print(const struct args_option *o)
{
	char left[64], words[160];
	int n = 0;

	if (o->letter)
		n += snprintf(left + n, sizeof(left) - (size_t)n, "-%c%s", o->letter,
		              o->name ? ", " : "");
	else
		n += snprintf(left + n, sizeof(left) - (size_t)n, "    ");
	if (o->name)
		n += snprintf(left + n, sizeof(left) - (size_t)n, "--%s", o->name);
	if (o->value)
		snprintf(left + n, sizeof(left) - (size_t)n, " %s", o->value);
	printf("  %-24s  %s%s%s\n", left, o->help, o->kind == ARGS_WORD ? ": " : "",
	       o->kind == ARGS_WORD ? list_words(o, words, sizeof(words)) : "");
}

void args_help(const struct args *a)
{
	printf("usage: %s [OPTION...]%s%s\n\n%s\n\nOptions:\n", a->program, *a->usage ? " " : "",
	       a->usage, a->summary);
	for (size_t i = 0; i < a->n_options; i++)
		option_print(&a->options[i]);
	for (size_t i = 0; i < a->n_common; i++)
		option_print(&a->common[i]);
	for (size_t i = 0; i < ARRAY_LEN(built_in); i++)
		option_print(&built_in[i]);
	if (a->more)
		printf("\n%s\n", a->more);
}

int args_wrong(const struct args *a, const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: ", a->program);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nTry '%s --help'.\n", a->program);
	return ARGS_WRONG_USAGE;
}

static enum args_verdict read_number(const struct args *a, const struct args_option *o,
                                     uint32_t *out, const char *text)
{
	uint32_t max = o->max ? o->max : UINT32_MAX;
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n < o->min || n > max) {
		args_wrong(a, "--%s: '%s' is not a number in %u..%u", o->name, text, o->min, max);
		return ARGS_WRONG;
	}
	*out = (uint32_t)n;
	return ARGS_OK;
}

static enum args_verdict read_word(const struct args *a, const struct args_option *o, uint8_t *out,
                                   const char *text)
{
	char list[160];

	for (size_t i = 0; i < o->n_words; i++) {
		if (!*text || strcmp(o->words[i], text) != 0)
			continue;
		*out = (uint8_t)i;
		return ARGS_OK;
	}
	args_wrong(a, "--%s: '%s' is not one of %s", o->name, text,
	           list_words(o, list, sizeof(list)));
	return ARGS_WRONG;
}

static enum args_verdict set(const struct args *a, const struct args_option *o, void *out,
                             const char *text)
{
	void *field = (char *)out + o->offset;

	switch ((enum args_kind)o->kind) {
	case ARGS_TEXT:
		*(const char **)field = text;
		return ARGS_OK;
	case ARGS_U32:
		return read_number(a, o, field, text);
	case ARGS_WORD:
		return read_word(a, o, field, text);
	case ARGS_FLAG:
		break;
	}
	*(bool *)field = true;
	return ARGS_OK;
}

static enum args_verdict say_built_in(const struct args *a, const struct args_option *o)
{
	if (o->letter == 'h')
		args_help(a);
	else
		printf("%.*s %s\n", (int)strcspn(a->program, " "), a->program, LB47_VERSION);
	if (fflush(stdout) == 0)
		return ARGS_SAID;
	fprintf(stderr, "%s: cannot write: %s\n", a->program, strerror(errno));
	return ARGS_WRONG;
}

// `attached` is the value written together with the option, or NULL.
static enum args_verdict apply(const struct args *a, const struct args_option *o, void *out,
                               const char *attached, struct words *w)
{
	if (o >= built_in && o < built_in + ARRAY_LEN(built_in))
		return say_built_in(a, o);
	if (o->kind == ARGS_FLAG)
		return set(a, o, out, NULL);
	if (attached)
		return set(a, o, out, attached);
	if (w->i < w->argc)
		return set(a, o, out, w->argv[w->i++]);
	args_wrong(a, "%s needs a value: %s", w->argv[w->i - 1], o->value);
	return ARGS_WRONG;
}

// "--name", "--name=value"
static enum args_verdict read_long(const struct args *a, void *out, struct words *w,
                                   const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct args_option *o = option_find(a, 0, word + 2, len - 2);

	if (!o) {
		const char *meant = nearest_option(a, word + 2, len - 2);

		args_wrong(a, "there is no option %.*s%s%s%s", (int)len, word,
		           meant ? " (did you mean --" : "", meant ? meant : "", meant ? "?)" : "");
		return ARGS_WRONG;
	}
	if (equals && o->kind == ARGS_FLAG) {
		args_wrong(a, "%.*s takes no value", (int)len, word);
		return ARGS_WRONG;
	}
	return apply(a, o, out, equals ? equals + 1 : NULL, w);
}

// "-x", "-xy", "-xVALUE"
static enum args_verdict read_short(const struct args *a, void *out, struct words *w,
                                    const char *word)
{
	enum args_verdict verdict = ARGS_OK;

	for (const char *c = word + 1; *c && verdict == ARGS_OK; c++) {
		const struct args_option *o = option_find(a, *c, NULL, 0);

		if (!o) {
			args_wrong(a, "there is no option -%c", *c);
			return ARGS_WRONG;
		}
		if (o->kind != ARGS_FLAG)
			return apply(a, o, out, c[1] ? c + 1 : NULL, w);
		verdict = apply(a, o, out, NULL, w);
	}
	return verdict;
}

static void take_operands(struct words *w, int end)
{
	while (w->i < end)
		w->argv[1 + w->n_operands++] = w->argv[w->i++];
}

enum args_verdict args_read(const struct args *a, void *out, int *argc, char **argv)
{
	struct words w = {.argv = argv, .argc = *argc, .i = 1};
	enum args_verdict verdict = ARGS_OK;

	while (verdict == ARGS_OK && w.i < w.argc) {
		const char *word = argv[w.i];

		if (word[0] != '-' || !word[1]) {
			take_operands(&w, a->stops_at_operand ? w.argc : w.i + 1);
			continue;
		}
		w.i++;
		if (strcmp(word, "--") == 0)
			take_operands(&w, w.argc);
		else if (word[1] == '-')
			verdict = read_long(a, out, &w, word);
		else
			verdict = read_short(a, out, &w, word);
	}
	*argc = 1 + w.n_operands;
	return verdict;
}
