// SPDX-License-Identifier: BSD-3-Clause
// lb7d's command line.
#pragma once

#include "l4/base/log.h"

struct command_line {
	const char *conf_file; // borrowed from argv
	const char *control; // likewise: where to listen for operators; NULL = what conf_file says
	uint32_t grace_s;    // how long streams may go on after a SIGTERM
	bool is_managed;     // the configuration comes from lb4d
	uint8_t log_level;   // enum log_level
};

// True if the program should end now with *status: after --help or --version (0), or a mistake (2),
// each of which has said all there is to say.
bool command_line_parse(struct command_line *c, int argc, char **argv, int *status);
