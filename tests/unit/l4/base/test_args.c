// SPDX-License-Identifier: BSD-3-Clause
#include "l4/base/args.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

struct options {
	const char *socket;
	uint32_t count;
	uint8_t output;
	bool is_verbose;
	bool is_quiet;
};

static const char *const outputs[] = {"", "table", "json"};

static const struct args_option options[] = {
	{.letter = 's',
         .name = "socket",
         .value = "SOCKET",
         .help = "where",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct options, socket)},
	{.letter = 'n',
         .name = "count",
         .value = "N",
         .help = "how many",
         .kind = ARGS_U32,
         .offset = offsetof(struct options, count),
         .min = 2,
         .max = 100},
	{.letter = 'v',
         .name = "verbose",
         .help = "say more",
         .offset = offsetof(struct options, is_verbose)},
};

static const struct args_option common[] = {
	{.letter = 'o',
         .name = "output",
         .value = "FORMAT",
         .help = "how",
         .kind = ARGS_WORD,
         .offset = offsetof(struct options, output),
         .words = outputs,
         .n_words = ARRAY_LEN(outputs)},
	{.name = "quiet", .help = "say less", .offset = offsetof(struct options, is_quiet)},
};

static const struct args args = {
	.program = "tool",
	.usage = "FILE...",
	.summary = "Does it.",
	.more = "More words.",
	.options = options,
	.n_options = ARRAY_LEN(options),
	.common = common,
	.n_common = ARRAY_LEN(common),
};

enum { MAX_WORDS = 12 };

// A command line, split at blanks as the shell would, and what came of it.
struct run {
	struct options opts;
	char text[256];
	char *argv[MAX_WORDS + 1];
	int argc;
	enum args_verdict verdict;
};

static void run_with(struct run *r, const struct args *a, const char *line)
{
	char *rest;

	*r = (struct run){.opts.output = 1};
	snprintf(r->text, sizeof(r->text), "%s", line);
	for (char *word = strtok_r(r->text, " ", &rest); word && r->argc < MAX_WORDS;
	     word = strtok_r(NULL, " ", &rest))
		r->argv[r->argc++] = word;
	r->verdict = args_read(a, &r->opts, &r->argc, r->argv);
}

static void run(struct run *r, const char *line)
{
	run_with(r, &args, line);
}

Test(args, every_way_to_write_a_value)
{
	static const char *const lines[] = {"tool -s X", "tool -sX", "tool --socket X",
	                                    "tool --socket=X"};
	struct run r;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		run(&r, lines[i]);
		cr_expect_eq(r.verdict, ARGS_OK, "%s", lines[i]);
		cr_expect_str_eq(r.opts.socket, "X", "%s", lines[i]);
		cr_expect_eq(r.argc, 1, "%s", lines[i]);
	}
}

Test(args, letters_may_be_joined)
{
	struct run r;

	run(&r, "tool -vn7");
	cr_expect_eq(r.verdict, ARGS_OK);
	cr_expect(r.opts.is_verbose);
	cr_expect_eq(r.opts.count, 7);
}

Test(args, options_may_follow_operands)
{
	struct run r;

	run(&r, "tool a -n 5 b --quiet - c");
	cr_expect_eq(r.verdict, ARGS_OK);
	cr_assert_eq(r.argc, 5);
	cr_expect_str_eq(r.argv[1], "a");
	cr_expect_str_eq(r.argv[2], "b");
	cr_expect_str_eq(r.argv[3], "-");
	cr_expect_str_eq(r.argv[4], "c");
	cr_expect(r.opts.is_quiet);
	cr_expect_eq(r.opts.count, 5);
}

Test(args, two_dashes_end_the_options)
{
	struct run r;

	run(&r, "tool a -- -n --nonsense");
	cr_expect_eq(r.verdict, ARGS_OK);
	cr_assert_eq(r.argc, 4);
	cr_expect_str_eq(r.argv[3], "--nonsense");
}

Test(args, a_program_with_commands_stops_at_the_command)
{
	struct args with_commands = args;
	struct run r;

	with_commands.stops_at_operand = true;
	run_with(&r, &with_commands, "tool -v command -n 5");
	cr_expect_eq(r.verdict, ARGS_OK);
	cr_assert_eq(r.argc, 4);
	cr_expect_str_eq(r.argv[2], "-n");
	cr_expect_eq(r.opts.count, 0);
}

Test(args, what_is_not_given_keeps_its_default)
{
	struct run r;

	run(&r, "tool");
	cr_expect_eq(r.verdict, ARGS_OK);
	cr_expect_eq(r.opts.output, 1);
	cr_expect_null(r.opts.socket);
}

Test(args, words_become_numbers)
{
	struct run r;

	run(&r, "tool -o json");
	cr_expect_eq(r.verdict, ARGS_OK);
	cr_expect_eq(r.opts.output, 2);
}

Test(args, mistakes_are_wrong_usage, .init = cr_redirect_stderr)
{
	static const char *const lines[] = {
		"tool -x",          "tool --nothing", "tool --socket",
		"tool -s",          "tool -n 1",      "tool -n 101",
		"tool -n -5",       "tool -n 5x",     "tool -n 99999999999999999999999",
		"tool --verbose=1", "tool -o xml",    "tool --output=",
		"tool --sock X",    "tool -vx",       "tool --count=",
	};
	struct run r;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		run(&r, lines[i]);
		cr_expect_eq(r.verdict, ARGS_WRONG, "%s", lines[i]);
	}
}

Test(args, a_mistake_is_named_and_help_is_hinted_at, .init = cr_redirect_stderr)
{
	struct run r;

	run(&r, "tool --nothing=7");
	fflush(stderr);
	cr_expect_stderr_eq_str("tool: there is no option --nothing\nTry 'tool --help'.\n");
}

Test(args, help_comes_from_the_tables, .init = cr_redirect_stdout)
{
	struct run r;

	run(&r, "tool --help");
	cr_expect_eq(r.verdict, ARGS_SAID);
	fflush(stdout);
	cr_expect_stdout_eq_str("usage: tool [OPTION...] FILE...\n\nDoes it.\n\nOptions:\n"
	                        "  -s, --socket SOCKET       where\n"
	                        "  -n, --count N             how many\n"
	                        "  -v, --verbose             say more\n"
	                        "  -o, --output FORMAT       how: table, json\n"
	                        "      --quiet               say less\n"
	                        "  -h, --help                this text\n"
	                        "  -V, --version             the version of lb47\n"
	                        "\nMore words.\n");
}

Test(args, the_version_names_the_program, .init = cr_redirect_stdout)
{
	struct args command = args;
	struct run r;

	command.program = "tool command";
	run_with(&r, &command, "tool -V");
	cr_expect_eq(r.verdict, ARGS_SAID);
	fflush(stdout);
	cr_expect_stdout_eq_str("tool " LB47_VERSION "\n");
}
