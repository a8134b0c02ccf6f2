// SPDX-License-Identifier: BSD-3-Clause
// Any authority, path, query and Cookie (a line each), against routes that look at all of them. Whatever route is found takes
// the request by its host and path as read here, and not by the tree.
#include "l7/route.h"

#include <stdlib.h>
#include <strings.h>

static struct conf_condition sid[] = {{"sid", "1"}}, debug[] = {{"debug", NULL}};
static struct conf_route routes[] = {
	{.path = "/"},
	{.path = "/a"},
	{.path = "/a/"},
	{.path = "/a/b", .match = MATCH_EXACT},
	{.path = "/a/b", .cookies = sid, .n_cookies = 1},
	{.path = "//", .query = debug, .n_query = 1},
	{.host = "a.example", .path = "/b"},
	{.host = "*.example", .path = "/a/b/c/"},
	{.host = "*.a.example", .path = "/a/b/c", .match = MATCH_EXACT},
};
static struct site_route compiled[ARRAY_LEN(routes)];
static struct conf_l7 conf = {.routes = routes, .n_routes = ARRAY_LEN(routes)};
static struct site_l7 l7 = {.conf = &conf, .routes = compiled};
static struct arena arena;
static struct request r;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		compiled[i].conf = &routes[i];
	if (route_build(&l7, &arena))
		abort();
	return 0;
}

// A copy of its own, so that a read beyond its end is seen.
static struct slice line(const uint8_t **data, size_t *size)
{
	const uint8_t *end = memchr(*data, '\n', *size);
	size_t len = end ? (size_t)(end - *data) : *size;
	uint8_t *copy = malloc(len + !len);

	if (!copy)
		abort();
	memcpy(copy, *data, len);
	*data += len + !!end;
	*size -= len + !!end;
	return slice_of(copy, len);
}

static void need(bool is_so)
{
	if (!is_so)
		abort();
}

static void check(const struct conf_route *c)
{
	size_t len = strlen(c->path);

	need(r.path.len >= len && memcmp(r.path.ptr, c->path, len) == 0);
	need(c->match != MATCH_EXACT || r.path.len == len);
	if (c->host) {
		const char *host = c->host + (c->host[0] == '*');
		size_t n = strlen(host);
		bool is_there = false;

		for (size_t i = 0; i + n <= r.authority.len; i++)
			is_there |= strncasecmp((const char *)r.authority.ptr + i, host, n) == 0;
		need(is_there);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct site_route *found;
	struct slice cookie;

	r.authority = line(&data, &size);
	r.path = line(&data, &size);
	r.query = line(&data, &size);
	cookie = line(&data, &size);
	r.fields.n = 0;
	need(message_add(&r.fields, HEADER_COOKIE, slice_of("Cookie", 6), cookie));
	found = route_find(&l7, &r);
	if (found)
		check(found->conf);
	need(!!found == (r.path.len && r.path.ptr[0] == '/'));
	free((void *)(uintptr_t)r.authority.ptr);
	free((void *)(uintptr_t)r.path.ptr);
	free((void *)(uintptr_t)r.query.ptr);
	free((void *)(uintptr_t)cookie.ptr);
	return 0;
}
