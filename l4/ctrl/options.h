// SPDX-License-Identifier: BSD-3-Clause
// lb4d's command line.
#pragma once

#include "l4/base/log.h"

struct options {
	const char *conf_file; // borrowed from argv
	bool is_once;          // stop when captures (driver pcap) have been read to their end
	uint8_t log_level;     // enum log_level
};

// True if the program should end now with *status: after --help or --version (0), or a mistake (2),
// each of which has said all there is to say.
bool options_parse(struct options *o, int argc, char **argv, int *status);

// The same file whatever the working directory becomes, links in it as they are; free() it. NULL if there is
// no memory.
char *options_absolute(const char *file);
