// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/model/conf.h"
#include "tests/support/confcase.h"

#define SET_REQUEST "'set_request_headers': [{'name': 'Host', 'value': 'rest'}]"
#define REMOVE_REQUEST "['X-E', 'X-F']"
#define BODY "{'status': 404, 'body': '<p>\\n\\thi', 'content_type': 'text/html'}"

static const struct {
	const char *from, *to, *want;
} cases[] = {
	// one target
	{", 'redirect': {'status': 308, 'location': 'https://$host/new$uri'}", "",
         "l7[1].routes[1]: has none of pool, redirect and answer, not one"},
	{"'/old', ", "'/old', 'pool': 'rest', ",
         "l7[1].routes[1]: has several of pool, redirect and answer, not one"},
	{"'/hi', ", "'/hi', 'redirect': {'location': '/'}, ",
         "l7[1].routes[2]: has several of pool, redirect and answer, not one"},
	{"'pool': 'rest'", "'pool': 'res'", "l7[1].routes[0].pool: there is no pool \"res\""},
	// conditions
	{"'/v1'", "'/v1?a'", "l7[1].routes[0].path: holds \"?\"; the query has a key of its own"},
	{"{'name': 'X-B'}", "{'name': 'x-a'}",
         "l7[1].routes[0].headers[1].name: \"x-a\" is already headers[0]"},
	{"'a b'", "' a'",
         "l7[1].routes[0].headers[0].value: begins or ends with a space, which no header's value "
         "does"},
	{"'a b'", "'a '",
         "l7[1].routes[0].headers[0].value: begins or ends with a space, which no header's value "
         "does"},
	{"'me'}", "'me'}, {'name': 'user'}",
         "l7[1].routes[0].cookies[1].name: \"user\" is already cookies[0]"},
	{"'me'", "'me;you'",
         "l7[1].routes[0].cookies[0].value: has a semicolon or a space at its end, which no "
         "cookie has"},
	{"'me'", "'me '",
         "l7[1].routes[0].cookies[0].value: has a semicolon or a space at its end, which no "
         "cookie has"},
	{"'name': 'q'", "'name': 'q=1'",
         "l7[1].routes[0].query[0].name: cannot be that of a parameter; write it as it stands in "
         "a URL"},
	{"'name': 'q'", "'name': '\xc3\xbc'",
         "l7[1].routes[0].query[0].name: cannot be that of a parameter; write it as it stands in "
         "a URL"},
	{"'value': ''}], 'pool'", "'value': 'a b'}], 'pool'",
         "l7[1].routes[0].query[0].value: cannot be that of a parameter; write it as it stands in "
         "a URL"},
	{"'value': ''}], 'pool'", "'value': 'a&b'}], 'pool'",
         "l7[1].routes[0].query[0].value: cannot be that of a parameter; write it as it stands in "
         "a URL"},
	{"'value': ''}], 'pool'", "'value': ''}, {'name': 'q'}], 'pool'",
         "l7[1].routes[0].query[1].name: \"q\" is already query[0]"},
	// redirects
	{"'status': 308", "'status': 304",
         "l7[1].routes[1].redirect.status: 304 is not one of 301 302 303 307 308"},
	{"'status': 308, 'location': 'https://$host/new$uri'", "",
         "l7[1].routes[1].redirect.location: missing"},
	{"$host/", "$hosts/",
         "l7[1].routes[1].redirect.location: \"$\" begins neither $host nor $uri"},
	{"$uri'", "$'", "l7[1].routes[1].redirect.location: \"$\" begins neither $host nor $uri"},
	{"$uri'", "$uri_'",
         "l7[1].routes[1].redirect.location: \"$\" begins neither $host nor $uri"},
	{"/new$uri", "/a b",
         "l7[1].routes[1].redirect.location: a URL has no spaces and nothing beyond ASCII, write "
         "them as %20 and the like"},
	{"/new$uri", "/\xc3\xbc",
         "l7[1].routes[1].redirect.location: a URL has no spaces and nothing beyond ASCII, write "
         "them as %20 and the like"},
	// answers
	{BODY, "{'status': 204, 'body': 'a'}", "l7[1].routes[2].answer.body: status 204 has none"},
	{BODY, "{'status': 205, 'body': 'a'}", "l7[1].routes[2].answer.body: status 205 has none"},
	{BODY, "{'status': 304, 'body': 'a'}", "l7[1].routes[2].answer.body: status 304 has none"},
	{"'text/html'", "' text/html'",
         "l7[1].routes[2].answer.content_type: begins or ends with a space"},
	// what only goes with a pool
	{"'/old', ", "'/old', 'rewrite': '/new', ", "l7[1].routes[1].rewrite: only with pool"},
	{"'/hi', ", "'/hi', 'set_request_headers': [{'name': 'a', 'value': 'b'}], ",
         "l7[1].routes[2].set_request_headers: only with pool"},
	{"'/hi', ", "'/hi', 'remove_request_headers': ['a'], ",
         "l7[1].routes[2].remove_request_headers: only with pool"},
	{"'/v2'", "'/v2?a'", "l7[1].routes[0].rewrite: holds \"?\"; the request keeps its query"},
	// headers
	{SET_REQUEST, "'set_request_headers': [{'name': 'a'}]",
         "l7[1].routes[0].set_request_headers[0].value: missing"},
	{SET_REQUEST, "'set_request_headers': [{'name': 'a', 'value': 'b '}]",
         "l7[1].routes[0].set_request_headers[0].value: begins or ends with a space"},
	{SET_REQUEST,
         "'set_request_headers': [{'name': 'a', 'value': '1'}, {'name': 'A', 'value': '2'}]",
         "l7[1].routes[0].set_request_headers[1].name: \"A\" is already set_request_headers[0]"},
	{SET_REQUEST, "'set_request_headers': [{'name': 'x-f', 'value': '1'}]",
         "l7[1].routes[0].remove_request_headers[1]: \"X-F\" is set_request_headers[0]"},
	{SET_REQUEST, "'set_request_headers': [{'name': 'host', 'value': ''}]",
         "l7[1].routes[0].set_request_headers[0].value: not a host"},
	{SET_REQUEST, "'set_request_headers': [{'name': 'host', 'value': 'a b'}]",
         "l7[1].routes[0].set_request_headers[0].value: not a host"},
	{SET_REQUEST, "'set_request_headers': [{'name': 'host', 'value': 'a/b'}]",
         "l7[1].routes[0].set_request_headers[0].value: not a host"},
	{REMOVE_REQUEST, "['X-E', 'x-e']",
         "l7[1].routes[0].remove_request_headers[1]: \"x-e\" is already "
         "remove_request_headers[0]"},
	{REMOVE_REQUEST, "['host']",
         "l7[1].routes[0].remove_request_headers[0]: \"host\" is in every request (RFC 9110 "
         "section 7.2)"},
	// twins
	{"{'path': '/hi'", "{'path': '/old'",
         "l7[1].routes[2]: same host, path and conditions as routes[1]"},
};

Test(conf_check_route, every_error_names_the_place)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		cr_expect_str_eq(confcase_error(cases[i].from, cases[i].to), cases[i].want, "%s",
		                 confcase_error(cases[i].from, cases[i].to));
}

// --- headers that are ours ---

static const struct {
	const char *name, *why;
} ours[] = {
	{"Connection", "belongs to one connection, not to the message (RFC 9110 section 7.6.1)"},
	{"proxy-connection",
         "belongs to one connection, not to the message (RFC 9110 section 7.6.1)"},
	{"Keep-Alive", "belongs to one connection, not to the message (RFC 9110 section 7.6.1)"},
	{"TE", "belongs to one connection, not to the message (RFC 9110 section 7.6.1)"},
	{"UPGRADE", "belongs to one connection, not to the message (RFC 9110 section 7.6.1)"},
	{"Trailer", "announces what follows the body, which lb7d passes on"},
	{"Transfer-Encoding", "says where the message ends"},
	{"content-length", "says where the message ends"},
};

static void expect_refused(const char *from, const char *key, size_t i)
{
	bool is_set = key[0] == 's';
	char to[200], want[256];

	snprintf(to, sizeof(to), is_set ? "'%s': [{'name': '%s', 'value': '1'}]" : "'%s': ['%s']",
	         key, ours[i].name);
	snprintf(want, sizeof(want), "l7[1].routes[0].%s[0]%s: \"%s\" %s", key,
	         is_set ? ".name" : "", ours[i].name, ours[i].why);
	cr_expect_str_eq(confcase_error(from, to), want, "%s", confcase_error(from, to));
}

Test(conf_check_route, headers_of_the_connection_and_the_framing_are_ours)
{
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		expect_refused(SET_REQUEST, "set_request_headers", i);
		expect_refused("'remove_request_headers': ['X-E', 'X-F']", "remove_request_headers",
		               i);
		expect_refused("'set_response_headers': [{'name': 'X-C', 'value': ''}, {'name': "
		               "'X-D', 'value': 'd'}]",
		               "set_response_headers", i);
		expect_refused("'remove_response_headers': ['Server']", "remove_response_headers",
		               i);
	}
}

// --- what is fine ---

static const struct {
	const char *name, *from, *to;
} fine[] = {
	{"a bracketed host with a port", "'value': 'rest'", "'value': '[2001:db8::1]:80'"},
	{"the same header in both directions", "'Server'", "'X-E'"},
	{"a response header for a redirect", "'/old', ",
         "'/old', 'set_response_headers': [{'name': 'a', 'value': 'b'}], "},
	{"a response header for an answer", "'/hi', ",
         "'/hi', 'remove_response_headers': ['Date'], "},
	{"a location without variables", "https://$host/new$uri", "/"},
	{"a location of variables only", "https://$host/new$uri", "//$host$uri"},
	{"204 without a body", BODY, "{'status': 204}"},
	{"cookies differ by case", "'me'}", "'me'}, {'name': 'User'}"},
	{"a parameter in its encoding", "'name': 'q'", "'name': 'a%20b[]'"},
	{"a parameter's value with =", "'value': ''}], 'pool'", "'value': 'a=b='}], 'pool'"},
};

Test(conf_check_route, what_makes_sense_is_accepted)
{
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		cr_expect_str_eq(confcase_error(fine[i].from, fine[i].to), "", "%s: %s",
		                 fine[i].name, confcase_error(fine[i].from, fine[i].to));
}

// --- twins ---

#define FULL                                                                                     \
	"'host': 'a.example', 'path': '/', 'method': 'GET', 'headers': [{'name': 'A', 'value': " \
	"'1'}, {'name': 'B'}], 'cookies': [{'name': 'c', 'value': '1'}], 'query': [{'name': 'q'}]"

static const struct {
	const char *name, *a, *b;
	bool is_twin;
} pairs[] = {
	{"all the same", FULL, FULL, true},
	{"hosts in another case", "'host': 'A.example', 'path': '/'",
         "'host': 'a.EXAMPLE', 'path': '/'", true},
	{"headers in another order and case",
         "'path': '/', 'headers': [{'name': 'A', 'value': '1'}, {'name': 'B'}]",
         "'path': '/', 'headers': [{'name': 'b'}, {'name': 'a', 'value': '1'}]", true},
	{"match by default", "'path': '/'", "'path': '/', 'match': 'prefix'", true},
	{"path", "'path': '/a'", "'path': '/A'", false},
	{"match", "'path': '/', 'match': 'exact'", "'path': '/'", false},
	{"host", "'path': '/', 'host': 'a'", "'path': '/'", false},
	{"method", "'path': '/', 'method': 'GET'", "'path': '/', 'method': 'get'", false},
	{"any method", "'path': '/', 'method': 'GET'", "'path': '/'", false},
	{"number of headers", "'path': '/', 'headers': [{'name': 'a'}]",
         "'path': '/', 'headers': [{'name': 'a'}, {'name': 'b'}]", false},
	{"value of a header", "'path': '/', 'headers': [{'name': 'a', 'value': 'x'}]",
         "'path': '/', 'headers': [{'name': 'a', 'value': 'X'}]", false},
	{"no value and an empty one", "'path': '/', 'headers': [{'name': 'a'}]",
         "'path': '/', 'headers': [{'name': 'a', 'value': ''}]", false},
	{"name of a header", "'path': '/', 'headers': [{'name': 'a'}]",
         "'path': '/', 'headers': [{'name': 'b'}]", false},
	{"case of a cookie", "'path': '/', 'cookies': [{'name': 'a'}]",
         "'path': '/', 'cookies': [{'name': 'A'}]", false},
	{"case of a parameter", "'path': '/', 'query': [{'name': 'a'}]",
         "'path': '/', 'query': [{'name': 'A'}]", false},
	{"a cookie and a parameter", "'path': '/', 'cookies': [{'name': 'a'}]",
         "'path': '/', 'query': [{'name': 'a'}]", false},
};

Test(conf_check_route, two_routes_never_ask_the_same)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		char *text;

		cr_assert(asprintf(&text,
		                   "{'l7': [{'name': 'x', 'routes': [{%s, 'answer': {}},"
		                   " {%s, 'redirect': {'location': '/'}}]}]}",
		                   pairs[i].a, pairs[i].b) > 0);
		cr_expect_str_eq(confcase_text_error(text),
		                 pairs[i].is_twin ? "l7[0].routes[1]: same host, path and "
		                                    "conditions as routes[0]"
		                                  : "",
		                 "%s", pairs[i].name);
		free(text);
	}
}
