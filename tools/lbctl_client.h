// SPDX-License-Identifier: BSD-3-Clause
// The asking side of the control socket: one request, one answer, then the connection ends, or lives on for a capture.
#pragma once

#include "l4/base/err.h"

// Sends `line` (with its newline) to the daemon at `path` and waits for the line that comes back:
// *answer, free() it, *len bytes without a NUL behind. On failure *err is a sentence that begins with the path.
NODISCARD int lbctl_client_ask(const char *path, const char *line, size_t line_len, char **answer,
                               size_t *len, struct err *err);

// Asks the first of these daemons that is there; paths[] ends with NULL and has at least one. If none is, *err is
// about the first.
NODISCARD int lbctl_client_ask_any(const char *const *paths, const char *line, size_t line_len,
                                   char **answer, size_t *len, struct err *err);

// A connection that goes on after its first answer.
struct lbctl_client {
	int fd;       // whose end is the daemon's
	int passed;   // descriptor that came with the answer; -1 = none
	char *answer; // owned
	size_t len;
};

// Asks likewise, and keeps the connection.
NODISCARD int lbctl_client_open(struct lbctl_client *c, const char *const *paths, const char *line,
                                size_t line_len, struct err *err);
void lbctl_client_close(struct lbctl_client *c);
