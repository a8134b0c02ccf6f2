// SPDX-License-Identifier: BSD-3-Clause
// A sentence for the operator, carried beside the 0 / -errno that the program acts on.
// Only what an operator caused, or can mend, fills one. The sentence names the place first:
// "services[2].port: 70000 is not in 1..65535".
#pragma once

#include "l4/base/cc.h"

struct err {
	int code;      // negative errno, 0 = nothing went wrong
	char msg[256]; // one line, no newline; cut with "..." where longer
};

// Replaces whatever *err holds by the formatted sentence and returns `code`, so that a function
// can end with `return err_set(err, -EINVAL, ...)`. `err` may be NULL.
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

// Puts "PREFIX: " in front of the sentence that is already there. Returns err->code.
int err_prefix(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
