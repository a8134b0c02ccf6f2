// SPDX-License-Identifier: BSD-3-Clause
#include "l4/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void mark_cut(char *msg, size_t size, int wanted)
{
	if (wanted >= 0 && (size_t)wanted >= size)
		memcpy(msg + size - 4, "...", 4);
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return code;
	err->code = code;
	va_start(args, fmt);
	mark_cut(err->msg, sizeof(err->msg), vsnprintf(err->msg, sizeof(err->msg), fmt, args));
	va_end(args);
	return code;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char tail[sizeof(err->msg)];
	va_list args;
	int len;

	if (!err)
		return -EINVAL;
	memcpy(tail, err->msg, sizeof(tail));
	va_start(args, fmt);
	len = vsnprintf(err->msg, sizeof(err->msg), fmt, args);
	va_end(args);
	if (len >= 0 && (size_t)len < sizeof(err->msg))
		len += snprintf(err->msg + len, sizeof(err->msg) - (size_t)len, ": %s", tail);
	mark_cut(err->msg, sizeof(err->msg), len);
	return err->code;
}
