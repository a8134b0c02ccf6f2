// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l4/base/args.h"

static const struct args_option table[] = {
	{.letter = 'c',
         .name = "conf",
         .value = "CONF",
         .help = "configuration (conf/reference.md describes every key)",
         .kind = ARGS_TEXT,
         .offset = offsetof(struct options, conf_file)},
	{.name = "once",
         .help = "stop when the captures of all pcap ports have been read",
         .offset = offsetof(struct options, is_once)},
	{.letter = 'l',
         .name = "log-level",
         .value = "LEVEL",
         .help = "what is worth a line, info if not told",
         .kind = ARGS_WORD,
         .offset = offsetof(struct options, log_level),
         .words = log_level_words,
         .n_words = LOG_LEVEL_COUNT},
};

static const struct args args = {
	.program = "lb4d",
	.usage = "-c CONF",
	.summary =
		"The fast path and control plane of lb47. Stays in the foreground and logs to stderr.\n"
		"SIGHUP reads the configuration again; SIGTERM and SIGINT stop.",
	.more = "lbctl check CONF checks a configuration; lbctl status asks a running lb4d.",
	.options = table,
	.n_options = ARRAY_LEN(table),
};

bool options_parse(struct options *o, int argc, char **argv, int *status)
{
	*o = (struct options){.log_level = LOG_LEVEL_INFO};
	*status = 0;
	switch (args_read(&args, o, &argc, argv)) {
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
	else if (!o->conf_file)
		*status = args_wrong(&args, "-c CONF is missing");
	return *status;
}

char *options_absolute(const char *file)
{
	char *folder = *file == '/' ? NULL : getcwd(NULL, 0);
	char *path = NULL;

	if (!folder)
		return strdup(file);
	if (asprintf(&path, "%s/%s", folder, file) < 0)
		path = NULL;
	free(folder);
	return path;
}
