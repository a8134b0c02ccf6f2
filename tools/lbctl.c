// SPDX-License-Identifier: BSD-3-Clause
// lbctl: the operator's command line. A command of the table (lbctl_command_table.c) becomes requests over the
// control socket (lbctl_request.c), and the answers become tables or JSON (lbctl_table.c).
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/model/ctl.h"
#include "tools/lbctl_capture.h"
#include "tools/lbctl_check.h"
#include "tools/lbctl_client.h"
#include "tools/lbctl_command.h"
#include "tools/lbctl_json.h"
#include "tools/lbctl_quic_lb.h"
#include "tools/lbctl_request.h"
#include "tools/lbctl_table.h"

static int complain(const char *sentence)
{
	fflush(stdout);
	fprintf(stderr, "lbctl: %s\n", sentence);
	return LBCTL_NO;
}

// Where lb4d manages a host it also answers for lb7d, which may as well run alone.
static const char *const default_sockets[] = {"/run/lb47/lb4d.sock", "/run/lb47/lb7d.sock", NULL};

// NULL = the default ones.
static const char *named_socket(void)
{
	const char *path = getenv("LB47_SOCKET");

	return path && *path ? path : NULL;
}

// --- quic-lb ---

static int quic_lb(const struct args *args, const struct lbctl_command *c,
                   const struct lbctl_options *opts, struct lbctl_operands_left *left)
{
	struct lbctl_quic_lb answer;
	bool is_answered;
	struct err err;
	int rc = lbctl_quic_lb_run(&answer, &is_answered, c, opts, left, &err);

	if (rc == LBCTL_WRONG_USAGE)
		return args_wrong(args, "%s", err.msg);
	if (is_answered && opts->output == LBCTL_JSON)
		lbctl_json_print(stdout, c->answer, &answer);
	else if (is_answered && lbctl_table_print(c->answer, &answer, NULL))
		return complain("out of memory");
	return rc == LBCTL_NO ? complain(err.msg) : rc;
}

// --- answers ---

static void print_change(const struct lbctl_request *r, const struct ctl_change *change)
{
	printf("%s (generation %u, %s)\n", r->what, change->generation,
	       change->saved ? "saved" : "not saved");
	if (*change->note)
		printf("note: %s\n", change->note);
}

static int print_table(const struct lbctl_command *c, const struct lbctl_options *opts,
                       const struct lbctl_request *r, const char *line, size_t len)
{
	const char *hidden = opts->by_backend ? NULL : c->hidden;
	union ctl_result result;
	struct err err;
	int rc = ctl_answer_decode(&result, c->method, line, len, &err);

	if (rc)
		return complain(err.msg);
	if (*r->what)
		print_change(r, &result.change);
	else
		rc = lbctl_table_print(ctl_method_types[c->method].result, &result, hidden);
	ctl_method_free_result(c->method, &result);
	return rc ? complain("out of memory") : LBCTL_DONE;
}

static int print_json(const struct lbctl_command *c, const char *line, size_t len)
{
	union ctl_result result;
	struct err err;
	char *text;

	// Decoded as well, as that is what tells an error from a result.
	if (ctl_answer_decode(&result, c->method, line, len, &err))
		return complain(err.msg);
	ctl_method_free_result(c->method, &result);
	text = ctl_answer_text(line, len);
	if (!text)
		return complain("out of memory");
	fputs(text, stdout);
	free(text);
	return LBCTL_DONE;
}

// --- requests ---

static int ask(const struct lbctl_command *c, const struct lbctl_options *opts,
               const struct lbctl_request *r)
{
	size_t line_len = 0, answer_len = 0;
	char *line = ctl_request_encode(&r->request, &line_len);
	const char *const named[] = {opts->socket, NULL};
	char *answer = NULL;
	struct err err;
	int rc;

	if (!line)
		return complain("out of memory");
	rc = lbctl_client_ask_any(opts->socket ? named : default_sockets, line, line_len, &answer,
	                          &answer_len, &err);
	free(line);
	if (rc)
		return complain(err.msg);
	rc = opts->output == LBCTL_JSON ? print_json(c, answer, answer_len)
	                                : print_table(c, opts, r, answer, answer_len);
	free(answer);
	return rc;
}

// What stands behind the one that failed. What was done is on the standard output, a line each.
static void tell_untried(const struct lbctl_command *c, const struct lbctl_options *opts,
                         struct lbctl_operands_left *left)
{
	while (!left->is_done) {
		struct lbctl_request r;

		if (lbctl_request_next(&r, c, opts, left, NULL))
			return;
		fprintf(stderr, "lbctl: not tried: %s\n", r.what);
	}
}

static int run(const struct args *args, const struct lbctl_command *c,
               const struct lbctl_options *opts, int argc, char **argv)
{
	struct lbctl_operands_left left = {.argc = argc, .argv = argv};
	const char *const named[] = {opts->socket, NULL};
	int rc = LBCTL_DONE;

	if (c->operands == LBCTL_FILE)
		return argc == 1 ? lbctl_check(argv[0], opts->no_files)
		                 : args_wrong(args, "one file expected");
	if (c->answer)
		return quic_lb(args, c, opts, &left);
	if (c->operands == LBCTL_CAPTURE || c->operands == LBCTL_TRACE)
		return argc ? args_wrong(args, "'%s' is too much", argv[0])
		            : lbctl_capture_run(args, c, opts,
		                                opts->socket ? named : default_sockets);
	// All of them are read before the first is sent: a typing error changes nothing.
	for (struct lbctl_operands_left probe = left; !probe.is_done;) {
		struct lbctl_request r;
		struct err err;

		if (lbctl_request_next(&r, c, opts, &probe, &err))
			return args_wrong(args, "%s", err.msg);
	}
	while (!left.is_done && rc == LBCTL_DONE) {
		struct lbctl_request r;

		if (lbctl_request_next(&r, c, opts, &left, NULL))
			return LBCTL_WRONG_USAGE;
		rc = ask(c, opts, &r);
	}
	tell_untried(c, opts, &left);
	return rc;
}

static int run_command(const struct lbctl_command *c, struct lbctl_options *opts, int argc,
                       char **argv)
{
	char name[64], *columns = lbctl_command_columns(c);
	struct args args = {
		.program = lbctl_command_name(c, name, sizeof(name)),
		.usage = c->usage,
		.summary = c->summary,
		.more = columns,
		.options = c->options,
		.n_options = c->n_options,
		.common = lbctl_common,
		.n_common = lbctl_n_common,
	};
	int rc = LBCTL_DONE;

	switch (args_read(&args, opts, &argc, argv)) {
	case ARGS_OK:
		rc = run(&args, c, opts, argc - 1, argv + 1);
		break;
	case ARGS_WRONG:
		rc = LBCTL_WRONG_USAGE;
		break;
	case ARGS_SAID:
		break;
	}
	free(columns);
	return rc;
}

// The first word is wrong, or the one that must follow it is missing or wrong.
static int no_command(const struct args *args, int argc, char **argv)
{
	bool has_second = argc > 1 && lbctl_command_is_word(argv[0]);
	const char *meant = has_second ? lbctl_command_sub_meant(argv[0], argv[1])
	                               : lbctl_command_meant(argv[0]);
	char subs[80];

	if (!has_second && lbctl_command_is_word(argv[0]))
		return args_wrong(args, "'%s' needs a second word: %s", argv[0],
		                  lbctl_command_subs(argv[0], subs, sizeof(subs)));
	return args_wrong(args, "there is no command '%s%s%s'%s%s%s", argv[0],
	                  has_second ? " " : "", has_second ? argv[1] : "",
	                  meant ? " (did you mean '" : "", meant ? meant : "", meant ? "'?)" : "");
}

// "help", and "help COMMAND" for "COMMAND --help".
static int help(const struct args *args, struct lbctl_options *opts, int argc, char **argv)
{
	static char option[] = "--help";
	char *words[] = {argv[0], option};
	const struct lbctl_command *c;
	int n_words;

	if (argc == 1) {
		args_help(args);
		return LBCTL_DONE;
	}
	c = lbctl_command_find(argc - 1, argv + 1, &n_words);
	return c ? run_command(c, opts, 2, words) : no_command(args, argc - 1, argv + 1);
}

static int dispatch(const struct args *args, struct lbctl_options *opts, int argc, char **argv)
{
	const struct lbctl_command *c;
	const char *meant = NULL;
	int n_words, rc;

	if (argc < 1)
		return args_wrong(args, "a command is missing");
	if (strcmp(argv[0], "help") == 0)
		return help(args, opts, argc, argv);
	c = lbctl_command_find(argc, argv, &n_words);
	if (!c)
		return no_command(args, argc, argv);
	// "backends drian" may be a list of the pool "drian"; with more behind it, it is none.
	if (c->sub && n_words == 1 && argc > 1)
		meant = lbctl_command_sub_meant(c->word, argv[1]);
	if (meant && argc > 2 && *argv[2] != '-')
		return no_command(args, argc, argv);
	// The last word of the command stands where a program's name does.
	rc = run_command(c, opts, argc - n_words + 1, argv + n_words - 1);
	if (rc && meant)
		fprintf(stderr, "lbctl: did you mean 'lbctl %s %s'?\n", c->word, meant);
	return rc;
}

// What could not be written was not done: a full disk behind a pipe must not look like success.
static int finish(int rc)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return rc;
	return rc ? rc : complain("cannot write the answer");
}

int main(int argc, char **argv)
{
	struct lbctl_options opts = {.socket = named_socket()};
	char *list = lbctl_command_list();
	struct args args = {
		.program = "lbctl",
		.usage = "COMMAND",
		.summary =
			"Asks and steers a running lb4d, or a lb7d that runs alone, over its control socket.",
		.more = list,
		.options = lbctl_common,
		.n_options = lbctl_n_common,
		.stops_at_operand = true,
	};
	int rc = LBCTL_DONE;

	setlocale(LC_CTYPE, "");
	switch (args_read(&args, &opts, &argc, argv)) {
	case ARGS_OK:
		rc = dispatch(&args, &opts, argc - 1, argv + 1);
		break;
	case ARGS_WRONG:
		rc = LBCTL_WRONG_USAGE;
		break;
	case ARGS_SAID:
		break;
	}
	free(list);
	return finish(rc);
}
