// SPDX-License-Identifier: BSD-3-Clause
// Where a redirect leads. What a client sent must name neither another host nor another line.
#include "l7/rewrite.h"

// What a URI may hold as it stands (RFC 3986 section 2), '%' included; a backslash would pass for a slash with browsers.
static bool is_uri_char(uint8_t c)
{
	return c > ' ' && c < 0x7f && !strchr("\"<>\\^`{|}", c);
}

static void add_uri_part(struct text *t, struct slice s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		char encoded[3] = {'%', hex[s.ptr[i] >> 4], hex[s.ptr[i] & 15]};

		if (is_uri_char(s.ptr[i]))
			text_add(t, s.ptr + i, 1);
		else
			text_add(t, encoded, sizeof(encoded));
	}
}

static struct slice without_slashes(struct slice path)
{
	while (path.len > 0 && (path.ptr[0] == '/' || path.ptr[0] == '\\'))
		path = slice_of(path.ptr + 1, path.len - 1);
	return path;
}

// Path and query. Two slashes at the location's very start ("$uri", "/$uri") would name a host of the client's choice.
static void add_uri(struct text *t, size_t begin, const struct request *r)
{
	struct slice path = r->path;

	if (t->len == begin) {
		TEXT_ADD_LITERAL(t, "/");
		path = without_slashes(path);
	} else if (t->len == begin + 1 && t->ptr[begin] == '/') {
		path = without_slashes(path);
	}
	add_uri_part(t, path);
	if (r->query.ptr) {
		TEXT_ADD_LITERAL(t, "?");
		add_uri_part(t, r->query);
	}
}

// The request's host without its port; false if there is none, or none that a URL may hold.
static bool add_host(struct text *t, struct slice authority)
{
	size_t len = authority.len;

	// The port is behind the last colon that is not inside an IPv6 address.
	for (size_t i = authority.len; i > 0 && authority.ptr[i - 1] != ']'; i--)
		if (authority.ptr[i - 1] == ':')
			len = i - 1;
	for (size_t i = 0; i < len; i++)
		if (!is_uri_char(authority.ptr[i]) || strchr("/?#@", authority.ptr[i]))
			return false;
	if (len == 0)
		return false;
	text_add(t, authority.ptr, len);
	return true;
}

bool rewrite_location(struct text *out, const char *location, const struct request *r)
{
	size_t begin = out->len;

	while (*location) {
		if (strncmp(location, "$host", 5) == 0) {
			if (!add_host(out, r->authority))
				return false;
			location += 5;
		} else if (strncmp(location, "$uri", 4) == 0) {
			add_uri(out, begin, r);
			location += 4;
		} else if ((uint8_t)*location > ' ' && (uint8_t)*location < 0x7f) {
			text_add(out, location++, 1);
		} else {
			return false;
		}
	}
	return !out->is_cut;
}
