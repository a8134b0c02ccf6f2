// SPDX-License-Identifier: BSD-3-Clause
// Command lines from tables: a table of options fills a struct, and gives --help and --version their
// text. -x VALUE, -xVALUE, -xy, --name VALUE and --name=VALUE; "--" ends the options.
//
//	static const struct args_option options[] = {
//		{.letter = 'c', .name = "conf", .value = "FILE", .help = "the configuration",
//		 .kind = ARGS_TEXT, .offset = offsetof(struct opts, conf)},
//		{.name = "trace", .help = "tell every step", .offset = offsetof(struct opts, trace)},
//	};
//	static const struct args args = {
//		.program = "lbreplay", .usage = "-c CONF -r IN.pcap", .summary = "Replays packets.",
//		.options = options, .n_options = ARRAY_LEN(options),
//	};
//	switch (args_read(&args, &opts, &argc, argv)) {
//	case ARGS_SAID: return 0;
//	case ARGS_WRONG: return 2;
//	}                                // argv[1..argc-1] are the operands
#pragma once

#include "l4/base/cc.h"

enum args_kind {
	ARGS_FLAG, // bool: given or not
	ARGS_TEXT, // const char *, borrowed from argv
	ARGS_U32,  // uint32_t, decimal, min..max
	ARGS_WORD, // uint8_t: index into words[n_words], of which "" cannot be chosen
};

struct args_option {
	char letter;              // 0 = none
	const char *name;         // without dashes; NULL = none
	const char *value;        // what help calls the value: "FILE"; NULL for a flag
	const char *help;         // one line
	uint8_t kind;             // enum args_kind
	size_t offset;            // of the field in the struct
	uint32_t min, max;        // ARGS_U32; max 0 = no limit
	const char *const *words; // ARGS_WORD; borrowed
	size_t n_words;
};

struct args {
	const char *program; // "lbctl", or "lbctl backends" for a command of it
	const char *usage;   // after "usage: PROGRAM [OPTION...] "; "" = no operands
	const char *summary; // one sentence or paragraph
	const char *more;    // printed by --help after the options; may be NULL
	const struct args_option *options;
	size_t n_options;
	const struct args_option *common; // further options, listed last; may be NULL
	size_t n_common;
	bool stops_at_operand; // leave what follows the first operand alone (commands of a program)
};

enum { ARGS_WRONG_USAGE = 2 }; // exit status

enum args_verdict {
	ARGS_OK,
	ARGS_SAID,  // --help or --version was printed: exit 0
	ARGS_WRONG, // the mistake and a hint were printed on stderr: exit 2
};

// Fills the fields of the options that are given and leaves the others as they are (defaults are
// the caller's). Moves the operands to argv[1..*argc-1]. -h and --help, -V and --version are built in.
NODISCARD enum args_verdict args_read(const struct args *a, void *out, int *argc, char **argv);

// "PROGRAM: SENTENCE" and the hint to --help, on stderr; returns ARGS_WRONG_USAGE, so that main can return it.
int args_wrong(const struct args *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

// The text of --help on stdout.
void args_help(const struct args *a);
