// SPDX-License-Identifier: BSD-3-Clause
// The control plane's log: one event, one line on stderr, `key=value`, no secrets.
//   2026-11-21T12:00:00.123Z INFO lb4d reloaded file=edge.json generation=7
// If an operator cannot act on it, it is a counter or a trace and does not belong here.
// Any thread may log; a line is one write(2). The packet path never does. Control characters in values, which
// come from operators and libraries, are written as \n, \t, \x1b: an event is always one line. In values that the format
// quotes, key="%s", quotes and backslashes are written as \" and \\: such a value ends at the next quote that is not; if one has the byte
// 1, all quotes of the event are.
#pragma once

#include "l4/base/cc.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_COUNT
};

extern const char *const log_level_words[LOG_LEVEL_COUNT]; // "debug" ..., as operators write them

// Call once, before the first line; `program` is borrowed for ever. Lines below `least` are not
// written.
void log_init(const char *program, enum log_level least);

void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define LOG_DEBUG(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARN(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_ERROR(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
