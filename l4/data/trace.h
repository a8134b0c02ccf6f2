// SPDX-License-Identifier: BSD-3-Clause What the stages did with one packet, in sentences: for
// lbreplay --trace and lbctl explain, which run the same stages as the lanes. A lane that serves
// traffic has none, and pays one branch a burst.
#pragma once

#include "l4/base/cc.h"

enum { TRACE_STEPS = 16, TRACE_TEXT = 160 };

struct trace {
	uint8_t n_steps;
	struct {
		const char *stage; // "parse", "classify", "select", "forward"
		char text[TRACE_TEXT];
	} step[TRACE_STEPS];
};

// Adds a sentence; silently full after TRACE_STEPS. `stage` is borrowed for ever.
void trace_add(struct trace *t, const char *stage, const char *fmt, ...) PRINTF_LIKE(3, 4);
