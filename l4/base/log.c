// SPDX-License-Identifier: BSD-3-Clause
#include "l4/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE_SIZE = 1024,
	ESCAPED_SIZE = 5, // "\\x1b" and the end
};

static const char *const level_names[LOG_LEVEL_COUNT] = {
	[LOG_LEVEL_DEBUG] = "DEBUG",
	[LOG_LEVEL_INFO] = "INFO",
	[LOG_LEVEL_WARN] = "WARN",
	[LOG_LEVEL_ERROR] = "ERROR",
};

const char *const log_level_words[LOG_LEVEL_COUNT] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error",
};

static const char *program_name = "lb47";
static enum log_level least_level = LOG_LEVEL_INFO;

void log_init(const char *program, enum log_level least)
{
	program_name = program;
	least_level = least;
}

static size_t write_head(char *line, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm utc;
	char date[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	return (size_t)snprintf(line, size, "%s.%03ldZ %s %s ", date, now.tv_nsec / 1000000,
	                        level_names[level], program_name);
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

// The quotes of a format, which begin and end a value, are told from those in values by this mark.
enum { QUOTE = '\x01' };

// Of the quotes in an event.
enum quotes {
	QUOTES_PLAIN,  // its format has none
	QUOTES_MARKED, // those of its format are marked
	QUOTES_MIXED,  // a value has the mark itself: no quote is known to be the format's
};

// How a character is written, in quotes or not; returns its length.
static size_t escape(char out[ESCAPED_SIZE], char c, bool is_quoted)
{
	if (is_quoted && (c == '"' || c == '\\'))
		return (size_t)snprintf(out, ESCAPED_SIZE, "\\%c", c);
	if (c == '\n')
		return (size_t)snprintf(out, ESCAPED_SIZE, "\\n");
	if (c == '\t')
		return (size_t)snprintf(out, ESCAPED_SIZE, "\\t");
	if (is_control(c))
		return (size_t)snprintf(out, ESCAPED_SIZE, "\\x%02x", (unsigned char)c);
	out[0] = c;
	return 1;
}

// Appends the event as far as it fits, leaving room for the newline; returns the line's new length.
static size_t append(char line[LINE_SIZE], size_t len, const char *event, enum quotes quotes)
{
	bool is_quoted = quotes == QUOTES_MIXED; // so that none ends a value

	for (; *event; event++) {
		bool is_mark = quotes == QUOTES_MARKED && *event == QUOTE;
		char text[ESCAPED_SIZE] = {'"'};
		size_t n = is_mark ? 1 : escape(text, *event, is_quoted);

		is_quoted ^= is_mark;

		if (len + n > LINE_SIZE - 1)
			break;
		memcpy(line + len, text, n);
		len += n;
	}
	return len;
}

// The event, with its format's quotes marked if that can be done.
PRINTF_LIKE(2, 0)
static enum quotes write_event(char event[LINE_SIZE], const char *fmt, va_list args)
{
	char marked[LINE_SIZE];
	size_t len = strnlen(fmt, sizeof(marked) - 1);
	va_list again;

	va_copy(again, args);
	if (vsnprintf(event, LINE_SIZE, fmt, again) < 0)
		*event = '\0';
	va_end(again);
	if (!memchr(fmt, '"', len))
		return QUOTES_PLAIN;
	if (strchr(event, QUOTE))
		return QUOTES_MIXED;
	for (size_t i = 0; i < len; i++)
		marked[i] = fmt[i] == '"' ? QUOTE : fmt[i];
	marked[len] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" // the compiler has seen it as log_line()'s
	vsnprintf(event, LINE_SIZE, marked, args);
#pragma GCC diagnostic pop
	return QUOTES_MARKED;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LINE_SIZE], event[LINE_SIZE];
	va_list args;
	enum quotes quotes;
	size_t len;

	if (level < least_level)
		return;
	va_start(args, fmt);
	quotes = write_event(event, fmt, args);
	va_end(args);
	len = append(line, write_head(line, sizeof(line), level), event, quotes);
	line[len++] = '\n';
	// A log that cannot be written must not stop a load balancer.
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
