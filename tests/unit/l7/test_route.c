// SPDX-License-Identifier: BSD-3-Clause
#include "l7/route.h"
#include "tests/support/failmalloc.h"
#include "tests/support/guard.h"
#include "tests/unit/l7/requestbuild.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_MAX = 64 };

static struct site_route compiled[N_MAX];
static struct conf_l7 conf;
static struct site_l7 l7;
static struct arena arena;

static void build(struct conf_route *routes, uint16_t n)
{
	conf = (struct conf_l7){.routes = routes, .n_routes = n};
	l7 = (struct site_l7){.conf = &conf, .routes = compiled};
	for (uint16_t i = 0; i < n; i++)
		compiled[i] = (struct site_route){.conf = &routes[i], .pool = i};
	cr_assert_eq(route_build(&l7, &arena), 0);
}

#define BUILD(...)                                                 \
	do {                                                       \
		static struct conf_route routes[] = {__VA_ARGS__}; \
		build(routes, ARRAY_LEN(routes));                  \
	} while (0)

// The route's number, -1 if there is none.
static int found(const struct request *r)
{
	const struct site_route *route = route_find(&l7, r);

	return route ? (int)(route - l7.routes) : -1;
}

static int find(const char *authority, const char *target)
{
	return found(requestbuild(authority, target));
}

// --- hosts ---

Test(route, an_exact_host_goes_before_wildcards_and_the_longest_wildcard_before_the_others)
{
	BUILD({.path = "/"}, {.host = "*.com", .path = "/"}, {.host = "*.example.com", .path = "/"},
	      {.host = "api.example.com", .path = "/"}, {.host = "*.b.example.com", .path = "/"});
	cr_expect_eq(find("api.example.com", "/"), 3);
	cr_expect_eq(find("x.example.com", "/"), 2);
	cr_expect_eq(find("y.x.example.com", "/"), 2);
	cr_expect_eq(find("x.api.example.com", "/"), 2);
	cr_expect_eq(find("a.b.example.com", "/"), 4);
	cr_expect_eq(find("b.example.com", "/"), 2, "no name below b.example.com");
	cr_expect_eq(find("example.com", "/"), 1, "not below example.com, but below com");
	cr_expect_eq(find("com", "/"), 0);
	cr_expect_eq(find("", "/"), 0, "HTTP/1.0 may name no host");
	cr_expect_eq(find("xexample.com", "/"), 1);
	cr_expect_eq(find("example.org", "/"), 0);
}

Test(route, hosts_are_compared_without_case_port_and_final_dot)
{
	static const char *const same[] = {
		"api.example.com",   "API.Example.COM",     "api.example.com:80",
		"api.example.com.",  "api.example.com.:80", "Api.example.com:65535",
		"api.example.com.:",
	};
	static const char *const others[] = {
		"api.example.com..",
		".api.example.com",
		"api.example.co",
		"api.example.comm",
		"api_example.com",
		"api.example.com,",
		"[api.example.com",
		".",
		":80",
		"..",
		"api.example.com\x80",
	};

	BUILD({.path = "/"}, {.host = "aPi.example.com", .path = "/"});
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		cr_expect_eq(find(same[i], "/"), 1, "%s", same[i]);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		cr_expect_eq(find(others[i], "/"), 0, "%s", others[i]);
}

Test(route, wildcards_are_compared_without_case_port_and_final_dot)
{
	BUILD({.host = "*.Example.com", .path = "/"});
	cr_expect_eq(find("A.EXAMPLE.com.:8080", "/"), 0);
	cr_expect_eq(find("a.b.c.d.example.com", "/"), 0);
	cr_expect_eq(find("example.com", "/"), -1);
	cr_expect_eq(find(".example.com", "/"), -1, "the empty name is none");
	cr_expect_eq(find("example.com.evil.org", "/"), -1);
}

Test(route, addresses_as_hosts_are_for_routes_of_any_host)
{
	BUILD({.path = "/"}, {.host = "*.0.0.1", .path = "/"}, {.host = "127.0.0.1", .path = "/"});
	cr_expect_eq(find("[::1]", "/"), 0);
	cr_expect_eq(find("[::1]:80", "/"), 0);
	cr_expect_eq(find("[::ffff:10.0.0.1]", "/"), 0);
	cr_expect_eq(find("127.0.0.1:8080", "/"), 2);
}

Test(route, a_host_of_any_length_is_read_within_bounds)
{
	static char label[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk";
	static const uint8_t com[] = {'.', 'c', 'o', 'm'};
	static char longest[260], wild[270];

	snprintf(longest, sizeof(longest), "%s.%s.%s.%.61s", label, label, label, label);
	snprintf(wild, sizeof(wild), "*.%s", longest);
	cr_assert_eq(strlen(longest), 253);
	BUILD({.path = "/"}, {.host = longest, .path = "/"}, {.host = wild, .path = "/"},
	      {.host = "*.com", .path = "/"});
	cr_expect_eq(find(longest, "/"), 1);
	for (size_t len = 0; len < 600; len++) {
		uint8_t *p = guard_alloc(len);
		struct request *r = requestbuild("", "/");

		memset(p, 'a', len);
		if (len > 4)
			memcpy(p + len - 4, com, sizeof(com));
		r->authority = slice_of(p, len);
		cr_expect_eq(found(r), len > 4 && len <= 253 ? 3 : 0, "%zu", len);
		memset(p, '.', len);
		cr_expect_eq(found(r), 0, "%zu dots", len);
		guard_free(p, len);
	}
}

Test(route, a_host_whose_routes_do_not_match_falls_through_to_less_specific_hosts)
{
	BUILD({.host = "a.b.c", .path = "/one"}, {.host = "*.b.c", .path = "/two"},
	      {.host = "*.c", .path = "/three"}, {.path = "/four"});
	cr_expect_eq(find("a.b.c", "/one"), 0);
	cr_expect_eq(find("a.b.c", "/two"), 1);
	cr_expect_eq(find("a.b.c", "/three"), 2);
	cr_expect_eq(find("a.b.c", "/four"), 3);
	cr_expect_eq(find("a.b.c", "/five"), -1);
	cr_expect_eq(find("x.b.c", "/one"), -1);
}

// --- paths ---

Test(route, a_prefix_takes_whole_segments)
{
	BUILD({.path = "/chat"});
	cr_expect_eq(find("", "/chat"), 0);
	cr_expect_eq(find("", "/chat/"), 0);
	cr_expect_eq(find("", "/chat/x"), 0);
	cr_expect_eq(find("", "/chat//"), 0);
	cr_expect_eq(find("", "/chat?x=1"), 0);
	cr_expect_eq(find("", "/chatter"), -1);
	cr_expect_eq(find("", "/cha"), -1);
	cr_expect_eq(find("", "/"), -1);
	cr_expect_eq(find("", "//chat"), -1);
	cr_expect_eq(find("", "/x/chat"), -1);
}

Test(route, a_prefix_with_a_slash_at_its_end_takes_what_begins_with_it)
{
	BUILD({.path = "/chat/"});
	cr_expect_eq(find("", "/chat/"), 0);
	cr_expect_eq(find("", "/chat/x"), 0);
	cr_expect_eq(find("", "/chat//"), 0);
	cr_expect_eq(find("", "/chat"), -1);
	cr_expect_eq(find("", "/chatter/"), -1);
}

Test(route, the_root_takes_all_paths_but_not_the_asterisk)
{
	BUILD({.path = "/"});
	cr_expect_eq(find("", "/"), 0);
	cr_expect_eq(find("", "//"), 0);
	cr_expect_eq(find("", "/a/b/c"), 0);
	cr_expect_eq(find("", "*"), -1);
	cr_expect_eq(find("", ""), -1);
	cr_expect_eq(find("", "a"), -1);
}

Test(route, exact_goes_before_prefixes_and_the_longest_prefix_before_the_others)
{
	BUILD({.path = "/"}, {.path = "/a"}, {.path = "/a/"}, {.path = "/a/b"},
	      {.path = "/a/b", .match = MATCH_EXACT}, {.path = "/a/", .match = MATCH_EXACT},
	      {.path = "/", .match = MATCH_EXACT});
	cr_expect_eq(find("", "/"), 6);
	cr_expect_eq(find("", "/a"), 1);
	cr_expect_eq(find("", "/a/"), 5);
	cr_expect_eq(find("", "/a/x"), 2);
	cr_expect_eq(find("", "/a/b"), 4);
	cr_expect_eq(find("", "/a/b/"), 3);
	cr_expect_eq(find("", "/a/bb"), 2);
	cr_expect_eq(find("", "/x"), 0);
}

Test(route, an_exact_path_takes_nothing_else)
{
	BUILD({.path = "/a/b", .match = MATCH_EXACT});
	cr_expect_eq(find("", "/a/b?c"), 0);
	cr_expect_eq(find("", "/a/b/"), -1);
	cr_expect_eq(find("", "/a/b/c"), -1);
	cr_expect_eq(find("", "/a"), -1);
	cr_expect_eq(find("", "/A/b"), -1);
}

Test(route, paths_are_compared_as_sent)
{
	BUILD({.path = "/"}, {.path = "/chat"}, {.path = "/a/../b"});
	cr_expect_eq(find("", "/%63hat"), 0);
	cr_expect_eq(find("", "/x/../chat"), 0);
	cr_expect_eq(find("", "/./chat"), 0);
	cr_expect_eq(find("", "/chat;v=1"), 0);
	cr_expect_eq(find("", "/a/../b"), 2);
	cr_expect_eq(find("", "/b"), 0);
}

Test(route, segments_of_any_length_are_told_apart)
{
	static char paths[N_MAX][N_MAX + 3];
	static struct conf_route routes[N_MAX];

	for (size_t i = 0; i < N_MAX; i++) {
		memset(paths[i], 'x', i + 2u);
		paths[i][0] = '/';
		routes[i] = (struct conf_route){.path = paths[i]};
	}
	build(routes, N_MAX);
	for (size_t i = 0; i < N_MAX; i++) {
		cr_expect_eq(find("", paths[i]), (int)i);
		paths[i][i / 2 + 1] = 'y';
		build(routes, N_MAX);
		cr_expect_eq(find("", paths[i]), (int)i);
	}
}

Test(route, every_byte_of_a_path_matters)
{
	static char path[] = "/abcdefghijklmnopqrstuvwxyz0123456789/x";

	BUILD({.path = "/abcdefghijklmnopqrstuvwxyz0123456789/x"});
	cr_expect_eq(find("", path), 0);
	for (size_t i = 0; path[i]; i++) {
		path[i] ^= 1;
		cr_expect_eq(find("", path), -1, "%zu", i);
		path[i] ^= 1;
	}
}

Test(route, every_truncation_of_a_path_is_read_within_bounds)
{
	static const char path[] = "/a/bb/cccccccccccccccccccccccc/d/";

	BUILD({.path = "/"}, {.path = "/a/bb/cccccccccccccccccccccccc/d/"});
	for (size_t len = 0; len < sizeof(path); len++) {
		uint8_t *p = guard_alloc(len);
		struct request *r = requestbuild("", "/");

		memcpy(p, path, len);
		r->path = slice_of(p, len);
		cr_expect_eq(found(r), len == 0 ? -1 : len + 1 == sizeof(path), "%zu", len);
		guard_free(p, len);
	}
}

// --- conditions ---

static struct conf_condition canary[] = {{"X-Canary", "1"}}, user[] = {{"sid", NULL}},
			     debug[] = {{"debug", NULL}},
			     both[] = {{"X-Canary", "1"}, {"x-b", NULL}};

Test(route, more_conditions_go_before_fewer_then_the_files_order)
{
	struct request *r;

	BUILD({.path = "/"}, {.path = "/", .method = "GET"},
	      {.path = "/", .headers = canary, .n_headers = 1},
	      {.path = "/", .headers = canary, .n_headers = 1, .cookies = user, .n_cookies = 1},
	      {.path = "/", .query = debug, .n_query = 1, .method = "GET"},
	      {.path = "/", .headers = both, .n_headers = 2, .method = "GET"});
	cr_expect_eq(find("", "/"), 1);
	r = requestbuild("", "/");
	requestbuild_add(r, "x-canary", "1");
	cr_expect_eq(found(r), 1, "one condition each: the file's order");
	r->method_text = requestbuild_slice("POST");
	cr_expect_eq(found(r), 2);
	requestbuild_add(r, "Cookie", "sid=7");
	cr_expect_eq(found(r), 3);
	r->query = requestbuild_slice("debug");
	r->method_text = requestbuild_slice("GET");
	cr_expect_eq(found(r), 3, "two conditions each: the file's order");
	requestbuild_add(r, "X-B", "");
	cr_expect_eq(found(r), 5);
	cr_expect_eq(find("", "/?debug"), 4);
}

Test(route, a_longer_path_goes_before_more_conditions)
{
	struct request *r = requestbuild("", "/a");

	BUILD({.path = "/", .headers = canary, .n_headers = 1}, {.path = "/a"});
	requestbuild_add(r, "X-Canary", "1");
	cr_expect_eq(found(r), 1);
}

Test(route, a_path_whose_conditions_fail_leaves_the_request_to_shorter_ones)
{
	struct request *r;

	BUILD({.path = "/a/b", .match = MATCH_EXACT, .method = "PUT"},
	      {.path = "/a/b", .method = "POST"}, {.path = "/a/", .method = "DELETE"},
	      {.path = "/a"});
	r = requestbuild("", "/a/b");
	cr_expect_eq(found(r), 3);
	r->method_text = requestbuild_slice("DELETE");
	cr_expect_eq(found(r), 2);
	r->method_text = requestbuild_slice("POST");
	cr_expect_eq(found(r), 1);
	r->method_text = requestbuild_slice("PUT");
	cr_expect_eq(found(r), 0);
	r->method_text = requestbuild_slice("put");
	cr_expect_eq(found(r), 3, "methods have a case");
}

Test(route, a_header_is_found_without_case_and_compared_with_it)
{
	static struct conf_condition on[] = {{"X-Tag", "Blue"}};
	struct request *r;

	BUILD({.path = "/", .headers = on, .n_headers = 1});
	r = requestbuild("", "/");
	cr_expect_eq(found(r), -1);
	requestbuild_add(r, "x-tag", "Blue");
	cr_expect_eq(found(r), 0);
	r->fields.at[0].is_dropped = true;
	cr_expect_eq(found(r), -1);
	requestbuild_add(r, "X-TAG", "blue");
	cr_expect_eq(found(r), -1);
	r->fields.at[1].value = requestbuild_slice("");
	cr_expect_eq(found(r), -1);
}

Test(route, a_condition_without_value_wants_presence_only)
{
	struct request *r;

	BUILD({.path = "/", .headers = canary + 0, .n_headers = 0, .query = debug, .n_query = 1});
	cr_expect_eq(find("", "/?debug"), 0);
	cr_expect_eq(find("", "/?debug="), 0);
	cr_expect_eq(find("", "/?a=1&debug=0"), 0);
	cr_expect_eq(find("", "/?debugger=1"), -1);
	cr_expect_eq(find("", "/?"), -1);
	cr_expect_eq(find("", "/"), -1);
	BUILD({.path = "/", .cookies = user, .n_cookies = 1});
	r = requestbuild("", "/");
	requestbuild_add(r, "cookie", "sid=");
	cr_expect_eq(found(r), 0);
}

Test(route, an_empty_value_is_a_value)
{
	static struct conf_condition empty[] = {{"a", ""}};

	BUILD({.path = "/", .query = empty, .n_query = 1});
	cr_expect_eq(find("", "/?a"), 0);
	cr_expect_eq(find("", "/?a="), 0);
	cr_expect_eq(find("", "/?a=1"), -1);
	cr_expect_eq(find("", "/?b"), -1);
}

// --- cookies and queries ---

static const struct {
	const char *fields[3];
	const char *value; // of "sid"; NULL = there is none
} cookies[] = {
	{{"sid=31d4d96e407aad42; lang=en-US"}, "31d4d96e407aad42"}, // RFC 6265 section 3.1
	{{"lang=en-US; sid=31d4d96e407aad42"}, "31d4d96e407aad42"},
	{{"sid=1"}, "1"},
	{{"sid="}, ""},
	{{"sid=a=b"}, "a=b"},
	{{"sid=\"a b\""}, "\"a b\""},
	{{" sid = 1 \t; x=2"}, "1"},
	{{"a=1;sid=2;b=3"}, "2"},
	{{"sid=1; sid=2"}, "1"},
	{{"a=1", "sid=2", "sid=3"}, "2"}, // HTTP/2 may split them (RFC 9113 section 8.2.3)
	{{"sid"}, NULL},
	{{"SID=1"}, NULL},
	{{"xsid=1; sidx=2"}, NULL},
	{{"a=sid=1"}, NULL},
	{{"=sid; ;;=; = "}, NULL},
	{{"sid; sid=2"}, "2"},
	{{""}, NULL},
	{{NULL}, NULL},
};

Test(route, cookies_are_found_by_name)
{
	for (size_t i = 0; i < ARRAY_LEN(cookies); i++) {
		struct request *r = requestbuild("", "/");
		struct slice got;

		requestbuild_add(r, "X-Cookie", "sid=9");
		for (size_t k = 0; k < 3 && cookies[i].fields[k]; k++)
			requestbuild_add(r, "Cookie", cookies[i].fields[k]);
		got = route_cookie(&r->fields, "sid");
		cr_expect_eq(!got.ptr, !cookies[i].value, "%zu", i);
		if (cookies[i].value)
			cr_expect(slice_eq(got, requestbuild_slice(cookies[i].value)), "%zu", i);
	}
}

Test(route, every_truncation_of_cookies_is_read_within_bounds)
{
	static const char text[] = "a=1; sid=22; ; =; b ; c=\"x;y\"; sid";

	for (size_t len = 0; len < sizeof(text); len++) {
		uint8_t *p = guard_alloc(len);
		struct request *r = requestbuild("", "/");
		struct slice got;

		memcpy(p, text, len);
		requestbuild_add(r, "Cookie", "");
		r->fields.at[0].value = slice_of(p, len);
		got = route_cookie(&r->fields, "sid");
		cr_expect_eq(got.ptr != NULL, len >= 9, "%zu", len);
		cr_expect_eq(got.len, len < 9 ? 0 : len > 11 ? 2 : len - 9, "%zu", len);
		guard_free(p, len);
	}
}

static const struct {
	const char *query, *value; // of "a"
} queries[] = {
	{"a=1", "1"},    {"b=2&a=1", "1"}, {"a", ""},           {"a=", ""},
	{"a&b", ""},     {"a=1&a=2", "1"}, {"a=b=c", "b=c"},    {"a=%20+", "%20+"},
	{"&&a=1&", "1"}, {"", NULL},       {"aa=1&ba=2", NULL}, {"A=1", NULL},
	{"b=a", NULL},   {"=a", NULL},     {"b=1;a=2", NULL},   {"%61=1", NULL},
	{"&", NULL},     {"a=&a=1", ""},
};

Test(route, query_parameters_are_found_by_name_and_stay_as_sent)
{
	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		size_t len = strlen(queries[i].query);
		uint8_t *p = guard_alloc(len);
		struct slice got;

		memcpy(p, queries[i].query, len);
		got = route_query(slice_of(p, len), "a");
		cr_expect_eq(!got.ptr, !queries[i].value, "%s", queries[i].query);
		if (queries[i].value)
			cr_expect(slice_eq(got, requestbuild_slice(queries[i].value)), "%s",
			          queries[i].query);
		guard_free(p, len);
	}
	cr_expect_null(route_query((struct slice){0}, "a").ptr);
}

Test(route, building_without_memory_fails)
{
	static struct conf_route routes[] = {{.host = "a.b", .path = "/x/y"}, {.path = "/"}};
	unsigned int n = 1;
	int rc = -1;

	build(routes, ARRAY_LEN(routes));
	for (; rc && failmalloc_works(); n++) {
		arena_fini(&arena);
		failmalloc_arm(n);
		rc = route_build(&l7, &arena);
		failmalloc_disarm();
		cr_assert(rc == 0 || rc == -ENOMEM);
	}
	cr_expect(!failmalloc_works() || n > 2);
	cr_expect_eq(find("a.b", "/x/y/z"), 0);
}
