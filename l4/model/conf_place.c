// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/conf_place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static size_t append(const struct conf_place *place, char *out)
{
	size_t at = place->up ? append(place->up, out) : 0;
	int len;

	if (place->key)
		len = snprintf(out + at, CONF_PLACE_SIZE - at, at ? ".%s" : "%s", place->key);
	else
		len = snprintf(out + at, CONF_PLACE_SIZE - at, "[%zu]", place->index);
	return (size_t)len < CONF_PLACE_SIZE - at ? at + (size_t)len : CONF_PLACE_SIZE - 1;
}

const char *conf_place_text(const struct conf_place *place, char *out)
{
	out[0] = '\0';
	if (place)
		append(place, out);
	return out;
}

int conf_place_err(const struct conf_place *place, struct err *err, int code, const char *fmt, ...)
{
	char where[CONF_PLACE_SIZE], what[sizeof(err->msg)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	conf_place_text(place, where);
	return err_set(err, code, "%s%s%s", where, where[0] ? ": " : "", what);
}

const char *conf_place_quote(const char *text, char *out)
{
	size_t n = strlen(text), room = CONF_QUOTE_SIZE - 6; // two quotes, "...", the end
	bool is_cut = n > room;
	char *p = out;

	*p++ = '"';
	for (size_t i = 0; i < (is_cut ? room : n); i++)
		*p++ = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	strcpy(p, is_cut ? "...\"" : "\"");
	return out;
}
