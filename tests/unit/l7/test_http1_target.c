// SPDX-License-Identifier: BSD-3-Clause
#include "l7/http1_target.h"
#include "tests/support/http1check.h"

#include <criterion/criterion.h>

#include <stdio.h>

static struct request request;

static ssize_t parse(const char *method, const char *target, const char *host)
{
	static char text[1024];
	int n = snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", method, target,
	                 host);
	struct slice in = http1check_copy(slice_of(text, (size_t)n), false);

	return http1_parse_request(&request, in, 0, &http1check_limits);
}

static const struct {
	const char *source;
	const char *method;
	const char *target;
	enum http1_error want; // 0: it is fine
} targets[] = {
	{"RFC 9112 section 3.2.4, * is for OPTIONS", "GET", "*", HTTP1_TARGET},
	{"ditto", "OPTIONS", "*", 0},
	{"ditto", "OPTIONS", "*x", HTTP1_TARGET},
	{"ditto", "OPTIONS", "**", HTTP1_TARGET},
	{"no form at all", "GET", "a/b", HTTP1_TARGET},
	{"a query alone", "GET", "?a", HTTP1_TARGET},
	{"an authority with GET", "GET", "a:80", HTTP1_TARGET},
	{"RFC 9112 section 3.2, a fragment", "GET", "/a#b", HTTP1_TARGET},
	{"ditto, of a query", "GET", "/a?b#c", HTTP1_TARGET},
	{"ditto, absolute", "GET", "http://a#b", HTTP1_TARGET},
	{"octets beyond ASCII", "GET", "/caf\xc3\xa9", HTTP1_TARGET},
	{"ditto, in the query", "GET", "/?caf\xc3\xa9", HTTP1_TARGET},
	{"ditto, a blank of Latin-1", "GET", "/a\xa0/b", HTTP1_TARGET},
	{"DEL", "GET", "/a\x7f", HTTP1_TARGET},
	{"RFC 3986 section 2.1, half an escape", "GET", "/a%", HTTP1_TARGET},
	{"ditto", "GET", "/a%2", HTTP1_TARGET},
	{"ditto", "GET", "/a%g0", HTTP1_TARGET},
	{"ditto", "GET", "/a%0g", HTTP1_TARGET},
	{"ditto, cut by the query", "GET", "/a%2?0", HTTP1_TARGET},
	{"NUL in an escape", "GET", "/a%00b", HTTP1_TARGET},
	{"escapes", "GET", "/%41%fF%0A%2e%2E", 0},
	{"browsers send a query as it was typed", "GET", "/?100%&x=%zz", 0},
	{"all that may stand in a path, and what browsers send besides", "GET",
         "/-._~!$&'()*+,;=:@/|^`{}\"<>[]\\", 0},
	{"two slashes", "GET", "//b/c", 0},
	{"another scheme", "GET", "ftp://a/", HTTP1_TARGET},
	{"no scheme", "GET", "://a/", HTTP1_TARGET},
	{"half a scheme", "GET", "http:/a/", HTTP1_TARGET},
	{"no host", "GET", "http://", HTTP1_TARGET},
	{"no host", "GET", "http:///b", HTTP1_TARGET},
	{"no host", "GET", "http://?b", HTTP1_TARGET},
	{"RFC 9110 section 4.2.4, userinfo", "GET", "http://u@a/", HTTP1_TARGET},
	{"ditto", "GET", "http://a:80@a/", HTTP1_TARGET},
	{"a port beyond 65535", "GET", "http://a:65536/", HTTP1_TARGET},
	{"a backslash as a slash", "GET", "http://a\\b/", HTTP1_TARGET},
	{"schemes are without case", "GET", "HTTP://a/b", 0},
	{"https", "GET", "https://a/b", 0},
	{"RFC 9110 section 9.3.6, CONNECT wants a port", "CONNECT", "a", HTTP1_TARGET},
	{"ditto", "CONNECT", "a:", HTTP1_TARGET},
	{"ditto", "CONNECT", "[::1]", HTTP1_TARGET},
	{"ditto", "CONNECT", "/a:80", HTTP1_TARGET},
	{"ditto", "CONNECT", "http://a:80", HTTP1_TARGET},
	{"ditto", "CONNECT", "*", HTTP1_TARGET},
	{"ditto", "CONNECT", "u@a:80", HTTP1_TARGET},
	{"ditto", "CONNECT", "a:80?b", HTTP1_TARGET},
	{"ditto", "CONNECT", "a:80/b", HTTP1_TARGET},
};

Test(http1_target, forms_are_those_of_the_method)
{
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		ssize_t rc = parse(targets[i].method, targets[i].target, "a");

		if (targets[i].want)
			cr_expect_eq(rc, -(ssize_t)targets[i].want, "%s: %s", targets[i].source,
			             targets[i].target);
		else
			cr_expect_gt(rc, 0, "%s: %s", targets[i].source, targets[i].target);
	}
}

Test(http1_target, the_host_of_an_absolute_target_must_be_that_of_host)
{
	static const struct {
		const char *target, *host;
		ssize_t want;
	} pairs[] = {
		{"http://a/", "a", 1},
		{"http://A/", "a", 1},
		{"http://a:80/", "a:80", 1},
		{"http://a/", "b", -HTTP1_HOST},
		{"http://a/", "ab", -HTTP1_HOST},
		{"http://a:81/", "a:80", -HTTP1_HOST},
		{"http://a/", "a:80", -HTTP1_HOST},
		{"http://a^/", "a~", -HTTP1_TARGET},
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		ssize_t rc = parse("GET", pairs[i].target, pairs[i].host);

		cr_expect_eq(rc > 0 ? 1 : rc, pairs[i].want, "%s %s", pairs[i].target,
		             pairs[i].host);
	}
	cr_expect_gt(parse("CONNECT", "a:443", "a:443"), 0);
	cr_expect_eq(parse("CONNECT", "a:443", "b:443"), -HTTP1_HOST);
}

Test(http1_target, the_query_begins_at_the_first_mark_wherever_it_stands)
{
	for (size_t path = 1; path < 100; path++) {
		char target[256] = "";

		memset(target, 'p', path);
		target[0] = '/';
		strcpy(target + path,
		       "?q?q?qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq");
		cr_assert_gt(parse("GET", target, "a"), 0);
		cr_expect_eq(request.path.len, path);
		cr_expect_eq(request.query.len, strlen(target) - path - 1);
		target[path] = '\0';
		cr_assert_gt(parse("GET", target, "a"), 0);
		cr_expect_eq(request.path.len, path);
		cr_expect_null(request.query.ptr);
	}
}

static const struct {
	const char *text;
	bool want;
} authorities[] = {
	{"a", true},
	{"www.example.com", true},
	{"WWW.Example.Com.", true},
	{"xn--bcher-kva.example", true},
	{"under_score", true},
	{"a~b", true},
	{"192.0.2.1", true},
	{"a:1", true},
	{"a:65535", true},
	{"a:00080", true},
	{"[::1]", true},
	{"[::]", true},
	{"[2001:db8::192.0.2.1]:8443", true},
	{"", false},
	{":80", false},
	{"a:", false},
	{"a:0", false},
	{"a:65536", false},
	{"a:99999", false},
	{"a:000080", false},
	{"a:-1", false},
	{"a:+1", false},
	{"a:8o", false},
	{"a:80:80", false},
	{"a b", false},
	{"a\tb", false},
	{"a,b", false},
	{"a/b", false},
	{"a?b", false},
	{"a#b", false},
	{"u@a", false},
	{"a\\b", false},
	{"a%41", false},
	{"a;b", false},
	{"\"a\"", false},
	{"<a>", false},
	{"caf\xc3\xa9", false},
	{"[::1", false},
	{"::1", false},
	{"[]", false},
	{"[a]", false},
	{"[::1]a", false},
	{"[::1]:", false},
	{"[::1]:x", false},
	{"[fe80::1%25eth0]", false},
	{"[v1.x:y]", false},
	{"[[::1]]", false},
};

Test(http1_target, an_authority_is_host_and_port)
{
	for (size_t i = 0; i < ARRAY_LEN(authorities); i++) {
		struct slice s = slice_of(authorities[i].text, strlen(authorities[i].text));

		cr_expect_eq(http1_target_is_authority(http1check_copy(s, false)),
		             authorities[i].want, "%s", authorities[i].text);
		cr_expect_eq(parse("GET", "/", authorities[i].text) > 0, authorities[i].want,
		             "Host: %s", authorities[i].text);
	}
}
