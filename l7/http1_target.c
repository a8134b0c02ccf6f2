// SPDX-License-Identifier: BSD-3-Clause
#include "l7/http1_target.h"

#include "l7/http1.h"

// What an octet may be a part of.
enum { NAME = 1, HEX = 2, DIGIT = 4, IP6 = 8 };

static const uint8_t classes[256] = {
	['0' ... '9'] = NAME | HEX | DIGIT | IP6,
	['a' ... 'f'] = NAME | HEX | IP6,
	['A' ... 'F'] = NAME | HEX | IP6,
	['g' ... 'z'] = NAME,
	['G' ... 'Z'] = NAME,
	['-'] = NAME,
	['_'] = NAME,
	['~'] = NAME,
	['.'] = NAME | IP6,
	[':'] = IP6,
};

static const uint8_t *skip_class(const uint8_t *p, const uint8_t *end, uint8_t class)
{
	while (p < end && classes[*p] & class)
		p++;
	return p;
}

static bool is_port(const uint8_t *p, const uint8_t *end)
{
	uint32_t port = 0;

	if (end - p < 1 || end - p > 5)
		return false;
	for (; p < end; p++) {
		if (!(classes[*p] & DIGIT))
			return false;
		port = port * 10 + (*p - '0');
	}
	return port >= 1 && port <= 65535;
}

// Behind "[...]" or a name; NULL if it is neither.
static const uint8_t *skip_host(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *begin = p;

	if (p < end && *p == '[') {
		p = skip_class(p + 1, end, IP6);
		// The shortest is "[::]".
		if (p == end || *p != ']' || p - begin < 3 ||
		    !memchr(begin, ':', (size_t)(p - begin)))
			return NULL;
		return p + 1;
	}
	p = skip_class(p, end, NAME);
	return p > begin ? p : NULL;
}

bool http1_target_is_authority(struct slice s)
{
	const uint8_t *end = s.ptr + s.len, *p = skip_host(s.ptr, end);

	if (!p)
		return false;
	return p == end || (*p == ':' && is_port(p + 1, end));
}

// Every '%' begins two hex digits that are not 00.
static bool is_path_encoded(struct slice path)
{
	const uint8_t *p = path.ptr, *end = p + path.len;

	while ((p = memchr(p, '%', (size_t)(end - p)))) {
		if (end - p < 3 || !(classes[p[1]] & HEX) || !(classes[p[2]] & HEX))
			return false;
		if (p[1] == '0' && p[2] == '0')
			return false;
		p += 3;
	}
	return true;
}

// Path and query from p to the end of the target.
static int split_path(struct request *r, const uint8_t *p, const struct http1_target_marks *marks)
{
	const uint8_t *end = r->target.ptr + r->target.len, *question = marks->question;

	r->path = slice_of(p, (size_t)((question ? question : end) - p));
	if (question)
		r->query = slice_of(question + 1, (size_t)(end - question - 1));
	return !marks->has_percent || is_path_encoded(r->path) ? 0 : HTTP1_TARGET;
}

// Bytes of "http://" or "https://", 0 if it begins with neither.
static size_t scheme_len(struct slice target)
{
	if (target.len >= 7 && header_eq(slice_of(target.ptr, 7), "http://"))
		return 7;
	if (target.len >= 8 && header_eq(slice_of(target.ptr, 8), "https://"))
		return 8;
	return 0;
}

static int split_absolute(struct request *r, const struct http1_target_marks *marks)
{
	const uint8_t *end = r->target.ptr + r->target.len, *question = marks->question;
	const uint8_t *host_end = question ? question : end, *slash;
	const uint8_t *host = r->target.ptr + scheme_len(r->target);

	if (host == r->target.ptr)
		return HTTP1_TARGET;
	slash = memchr(host, '/', (size_t)(host_end - host));
	if (slash)
		host_end = slash;
	r->authority = slice_of(host, (size_t)(host_end - host));
	if (!http1_target_is_authority(r->authority))
		return HTTP1_TARGET;
	if (slash)
		return split_path(r, slash, marks);
	if (question)
		r->query = slice_of(question + 1, (size_t)(end - question - 1));
	r->path = slice_of(r->method == METHOD_OPTIONS && !question ? "*" : "/", 1);
	return 0;
}

// CONNECT: host and port, both (RFC 9110 section 9.3.6).
static int split_authority(struct request *r)
{
	r->authority = r->target;
	if (!http1_target_is_authority(r->target))
		return HTTP1_TARGET;
	if (!(classes[r->target.ptr[r->target.len - 1]] & DIGIT))
		return HTTP1_TARGET;
	return memchr(r->target.ptr, ':', r->target.len) ? 0 : HTTP1_TARGET;
}

int http1_target_split(struct request *r, const struct http1_target_marks *marks)
{
	r->authority = r->path = r->query = (struct slice){0};
	if (r->method == METHOD_CONNECT)
		return split_authority(r);
	if (r->target.ptr[0] == '/')
		return split_path(r, r->target.ptr, marks);
	if (r->target.len == 1 && r->target.ptr[0] == '*' && r->method == METHOD_OPTIONS) {
		r->path = r->target;
		return 0;
	}
	return split_absolute(r, marks);
}
