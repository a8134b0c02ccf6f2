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

// How a character is written; returns its length.
static size_t escape(char out[ESCAPED_SIZE], char c)
{
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
static size_t append(char line[LINE_SIZE], size_t len, const char *event)
{
	for (; *event; event++) {
		char text[ESCAPED_SIZE];
		size_t n = escape(text, *event);

		if (len + n > LINE_SIZE - 1)
			break;
		memcpy(line + len, text, n);
		len += n;
	}
	return len;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LINE_SIZE], event[LINE_SIZE];
	va_list args;
	size_t len;
	int rc;

	if (level < least_level)
		return;
	va_start(args, fmt);
	rc = vsnprintf(event, sizeof(event), fmt, args);
	va_end(args);
	if (rc < 0)
		return;
	len = append(line, write_head(line, sizeof(line), level), event);
	line[len++] = '\n';
	// A log that cannot be written must not stop a load balancer.
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
