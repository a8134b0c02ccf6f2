// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: lb4d -c CONF [options]\n"
	"\n"
	"The fast path and control plane of lb47. Stays in the foreground and logs to stderr.\n"
	"SIGHUP reads the configuration again; SIGTERM and SIGINT stop.\n"
	"\n"
	"  -c, --conf CONF       configuration (conf/reference.md describes every key)\n"
	"      --once            stop when the captures of all pcap ports have been read\n"
	"  -l, --log LEVEL       debug, info (default), warn or error\n"
	"  -h, --help            this text\n"
	"  -V, --version         version\n"
	"\n"
	"lbctl check CONF checks a configuration; lbctl status asks a running lb4d.\n";

static bool read_level(const char *word, enum log_level *out)
{
	static const char *const words[LOG_LEVEL_COUNT] = {"debug", "info", "warn", "error"};

	for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
		if (strcmp(word, words[i]) != 0)
			continue;
		*out = (enum log_level)i;
		return true;
	}
	fprintf(stderr, "lb4d: --log: \"%s\" is not one of debug, info, warn, error\n", word);
	return false;
}

static bool mistake(int *status, const char *text)
{
	if (text)
		fprintf(stderr, "lb4d: %s\n", text);
	fprintf(stderr, "Try lb4d --help.\n");
	*status = 2;
	return true;
}

bool options_parse(struct options *o, int argc, char **argv, int *status)
{
	enum { ONCE = 256 };
	static const struct option table[] = {
		{"conf", required_argument, NULL, 'c'}, {"once", no_argument, NULL, ONCE},
		{"log", required_argument, NULL, 'l'},  {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},    {0},
	};
	int opt;

	*o = (struct options){.log_level = LOG_LEVEL_INFO};
	*status = 0;
	while ((opt = getopt_long(argc, argv, "c:l:hV", table, NULL)) != -1) {
		if (opt == 'c')
			o->conf_file = optarg;
		else if (opt == ONCE)
			o->is_once = true;
		else if (opt == 'h')
			return fputs(usage, stdout), true;
		else if (opt == 'V')
			return puts("lb4d " LB47_VERSION), true;
		else if (opt != 'l' || !read_level(optarg, &o->log_level))
			return mistake(status, NULL);
	}
	if (optind < argc)
		return mistake(status, "unexpected argument");
	if (!o->conf_file)
		return mistake(status, "-c CONF is missing");
	return false;
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
