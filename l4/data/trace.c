// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/trace.h"

#include <stdarg.h>
#include <stdio.h>

void trace_add(struct trace *t, const char *stage, const char *fmt, ...)
{
	va_list args;

	if (t->n_steps == TRACE_STEPS)
		return;
	t->step[t->n_steps].stage = stage;
	va_start(args, fmt);
	vsnprintf(t->step[t->n_steps].text, TRACE_TEXT, fmt, args);
	va_end(args);
	t->n_steps++;
}
