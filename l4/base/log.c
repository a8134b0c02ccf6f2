// SPDX-License-Identifier: BSD-3-Clause
#include "l4/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

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

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list args;
	size_t head;
	int len;

	if (level < least_level)
		return;
	head = write_head(line, sizeof(line), level);
	va_start(args, fmt);
	len = vsnprintf(line + head, sizeof(line) - head, fmt, args);
	va_end(args);
	if (len < 0)
		return;
	head += (size_t)len;
	if (head > sizeof(line) - 1)
		head = sizeof(line) - 1;
	line[head] = '\n';
	// A log that cannot be written must not stop a load balancer.
	if (write(STDERR_FILENO, line, head + 1) < 0)
		return;
}
