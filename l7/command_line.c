// SPDX-License-Identifier: BSD-3-Clause
#include "l7/command_line.h"

#include "l4/base/args.h"

enum { GRACE_DEFAULT_S = 30, GRACE_MAX_S = 86400 };

static const struct args_option table[] = {
	{.letter = 'c',
         .name = "conf",
         .value = "CONF",
         .help = "configuration (conf/reference.md describes every key)",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct command_line, conf_file)},
	{.letter = 'g',
         .name = "grace",
         .value = "SECONDS",
         .help = "how long streams may go on after SIGTERM (30; 0: not at all)",
         .kind = ARGS_U32,
         .offset = offsetof(struct command_line, grace_s),
         .max = GRACE_MAX_S},
	{.letter = 's',
         .name = "control",
         .value = "SOCKET",
         .help = "control socket, instead of the configuration's control_l7",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct command_line, control)},
	{.name = "managed",
         .help = "lb4d gives the configuration over the control socket",
         .offset = offsetof(struct command_line, is_managed)},
	{.letter = 'l',
         .name = "log-level",
         .value = "LEVEL",
         .help = "what is worth a line, info if not told",
         .kind = ARGS_WORD,
         .offset = offsetof(struct command_line, log_level),
         .words = log_level_words,
         .n_words = LOG_LEVEL_COUNT},
};

static const struct args args = {
	.program = "lb7d",
	.usage = "-c CONF",
	.summary =
		"The L7 workers of lb47: HTTP, TLS, WebSocket, health probes, metrics. Stays in the foreground\n"
		"and logs to stderr. SIGHUP reads the configuration again and opens the access log anew;\n"
		"SIGTERM and SIGINT stop once the streams have ended, a second one stops at once.",
	.more = "lbctl check CONF checks a configuration; lbctl -s SOCKET l7 asks a running lb7d.",
	.options = table,
	.n_options = ARRAY_LEN(table),
};

bool command_line_parse(struct command_line *c, int argc, char **argv, int *status)
{
	*c = (struct command_line){.log_level = LOG_LEVEL_INFO, .grace_s = GRACE_DEFAULT_S};
	*status = 0;
	switch (args_read(&args, c, &argc, argv)) {
	case ARGS_SAID:
		return true;
	case ARGS_WRONG:
		*status = ARGS_WRONG_USAGE;
		return true;
	case ARGS_OK:
		break;
	}
	if (argc > 1)
		*status = args_wrong(&args, "'%s' is too much", argv[1]);
	else if (!c->conf_file)
		*status = args_wrong(&args, "-c CONF is missing");
	return *status;
}
