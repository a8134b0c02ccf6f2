// SPDX-License-Identifier: BSD-3-Clause
// The commands of lbctl: one table, from which come the parser, --help, and the check that manual page and
// completion forget none.
#pragma once

#include "l4/base/args.h"
#include "l4/model/ctl_method.h"

enum lbctl_output { LBCTL_TABLE, LBCTL_JSON, LBCTL_OUTPUT_COUNT };

// Exit status.
enum lbctl_exit { LBCTL_DONE, LBCTL_NO, LBCTL_WRONG_USAGE };

enum lbctl_first_octet { LBCTL_FIRST_LENGTH, LBCTL_FIRST_RANDOM, LBCTL_FIRST_OCTET_COUNT };

// Of `quic-lb`, as typed; NULL = not given.
struct lbctl_quic_options {
	const char *config_id, *server_id_length, *nonce_length, *key, *draft;
	const char *conf, *service;
	const char *nonce, *extra; // encode
	uint8_t first_octet;       // encode; enum lbctl_first_octet
};

// Of `capture` and `trace`; NULL, 0, false = not given.
struct lbctl_capture_options {
	const char *service, *filter, *file;
	uint32_t count, seconds, snap, rate;
	bool only_received;
	bool is_long;
};

// What all options fill.
struct lbctl_options {
	const char *socket;
	uint8_t output;                               // enum lbctl_output
	const char *weight, *state, *mac, *server_id; // texts of the parameters of the same names
	const char *cid, *scid;                       // ditto
	bool long_header;
	struct lbctl_quic_options quic;
	struct lbctl_capture_options capture;
	bool by_backend;
	bool all;
	bool no_files; // check
};

// How operands become requests.
enum lbctl_operands {
	LBCTL_NONE,
	LBCTL_FILE,    // CONF: no daemon needed
	LBCTL_POOL,    // [POOL]
	LBCTL_ADD,     // POOL/NAME ADDRESS:PORT
	LBCTL_NAMES,   // POOL/NAME...: one request each
	LBCTL_WEIGHT,  // POOL/NAME WEIGHT
	LBCTL_KEY,     // PROTOCOL SOURCE:PORT DESTINATION:PORT
	LBCTL_CID,     // CID: no daemon needed
	LBCTL_NO_CID,  // none, as a CID comes out: no daemon needed
	LBCTL_CAPTURE, // none: packets, until it is over
	LBCTL_TRACE,   // ditto, as lines
};

// Operands of a command line.
struct lbctl_operands_left {
	int argc;
	char **argv;
	bool is_done; // all have become requests
};

struct lbctl_command {
	const char *word;
	const char *sub;               // second word, NULL = none
	bool is_default;               // the second word may be left out
	uint8_t operands;              // enum lbctl_operands
	uint8_t method;                // enum ctl_method, CTL_METHOD_NONE if no daemon is asked
	const struct ctl_type *answer; // if no daemon is asked: NULL = a line of text
	uint8_t state;                 // enum conf_state, for backend.state
	const char *usage;             // operands, for people
	const char *summary;
	const char *more; // may be NULL
	const struct args_option *options;
	size_t n_options;
	const char *hidden; // table of the result that is shown on demand only, NULL = none
};

extern const struct lbctl_command lbctl_commands[];
extern const size_t lbctl_n_commands;

// -s and -o, understood before and after the command.
extern const struct args_option lbctl_common[];
extern const size_t lbctl_n_common;

// The command that argv begins with; *n_words says how many words it took. NULL if there is none, or if
// its second word is missing.
const struct lbctl_command *lbctl_command_find(int argc, char **argv, int *n_words);

// Whether there are commands with this first word.
bool lbctl_command_is_word(const char *word);

// What a wrong word is like: a first word, or a second one behind `word`; NULL if like none.
const char *lbctl_command_meant(const char *typed);
const char *lbctl_command_sub_meant(const char *word, const char *typed);

// The second words of a first one, "decode, encode", into out; returns out.
const char *lbctl_command_subs(const char *word, char *out, size_t size);

// "lbctl backends drain" into out, returns out.
const char *lbctl_command_name(const struct lbctl_command *c, char *out, size_t size);

// The list of commands, and the fields of a command's answer, as texts for --help. free() them.
char *lbctl_command_list(void);
char *lbctl_command_columns(const struct lbctl_command *c);
