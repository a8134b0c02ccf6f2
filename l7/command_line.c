// SPDX-License-Identifier: BSD-3-Clause
#include "l7/command_line.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRACE_DEFAULT_S = 30, GRACE_MAX_S = 86400 };

static const char usage[] =
	"usage: lb7d -c CONF [options]\n"
	"\n"
	"The L7 workers of lb47: HTTP, TLS, WebSocket, health probes, metrics. Stays in the foreground\n"
	"and logs to stderr. SIGHUP reads the configuration again and opens the access log anew;\n"
	"SIGTERM and SIGINT stop once the streams have ended, a second one stops at once.\n"
	"\n"
	"  -c, --conf CONF       configuration (conf/reference.md describes every key)\n"
	"  -g, --grace SECONDS   how long streams may go on after SIGTERM (30; 0: not at all)\n"
	"  -s, --control SOCKET  control socket, instead of the configuration's control_l7\n"
	"      --managed         lb4d gives the configuration over the control socket\n"
	"  -l, --log-level LEVEL debug, info (default), warn or error\n"
	"  -h, --help            this text\n"
	"  -V, --version         version\n"
	"\n"
	"lbctl check CONF checks a configuration; lbctl -s SOCKET l7 asks a running lb7d.\n";

static bool read_level(const char *word, enum log_level *out)
{
	static const char *const words[LOG_LEVEL_COUNT] = {"debug", "info", "warn", "error"};

	for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
		if (strcmp(word, words[i]) != 0)
			continue;
		*out = (enum log_level)i;
		return true;
	}
	fprintf(stderr, "lb7d: --log-level: \"%s\" is not one of debug, info, warn, error\n", word);
	return false;
}

static bool read_grace(const char *word, uint32_t *out_ms)
{
	char *end;
	unsigned long seconds;

	errno = 0;
	seconds = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || seconds > GRACE_MAX_S) {
		fprintf(stderr, "lb7d: --grace: \"%s\" is not in 0..%d seconds\n", word,
		        GRACE_MAX_S);
		return false;
	}
	*out_ms = (uint32_t)seconds * 1000;
	return true;
}

static bool mistake(int *status, const char *text)
{
	if (text)
		fprintf(stderr, "lb7d: %s\n", text);
	fprintf(stderr, "Try lb7d --help.\n");
	*status = 2;
	return true;
}

// One option; false if it is a mistake.
static bool take(struct command_line *c, int opt)
{
	switch (opt) {
	case 'c':
		c->conf_file = optarg;
		return true;
	case 's':
		c->control = optarg;
		return true;
	case 'm':
		c->is_managed = true;
		return true;
	case 'g':
		return read_grace(optarg, &c->grace_ms);
	case 'l':
		return read_level(optarg, &c->log_level);
	default:
		return false;
	}
}

bool command_line_parse(struct command_line *c, int argc, char **argv, int *status)
{
	static const struct option table[] = {
		{"conf", required_argument, NULL, 'c'},
		{"grace", required_argument, NULL, 'g'},
		{"control", required_argument, NULL, 's'},
		{"managed", no_argument, NULL, 'm'},
		{"log-level", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int opt;

	*c = (struct command_line){.log_level = LOG_LEVEL_INFO, .grace_ms = GRACE_DEFAULT_S * 1000};
	*status = 0;
	while ((opt = getopt_long(argc, argv, "c:g:s:l:hV", table, NULL)) != -1) {
		if (opt == 'h')
			return fputs(usage, stdout), true;
		if (opt == 'V')
			return puts("lb7d " LB47_VERSION), true;
		if (!take(c, opt))
			return mistake(status, NULL);
	}
	if (optind < argc)
		return mistake(status, "unexpected argument");
	if (!c->conf_file)
		return mistake(status, "-c CONF is missing");
	return false;
}
