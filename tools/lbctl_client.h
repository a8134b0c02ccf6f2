// SPDX-License-Identifier: BSD-3-Clause
// The asking side of the control socket: one request, one answer, then the connection ends.
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
