// SPDX-License-Identifier: BSD-3-Clause
// First lines, limits, and heads as a whole. What fields may look like is in test_http1_fields.c, what they mean for the
// body and the host in test_http1_framing.c and test_http1_target.c.
#include "l7/http1.h"
#include "tests/support/http1check.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

static struct request request;
static struct response response;

static ssize_t parse(const char *text, size_t len)
{
	struct slice in = http1check_copy(slice_of(text, len), false);

	return http1_parse_request(&request, in, 0, &http1check_limits);
}

static bool is_text(struct slice s, const char *want)
{
	return want ? s.len == strlen(want) && memcmp(s.ptr, want, s.len) == 0 : s.ptr == NULL;
}

// --- valid requests ---

struct valid {
	const char *source;
	const char *text;
	const char *path, *query, *authority, *upgrade; // NULL: not there
	uint64_t length;
	uint16_t n_fields;
	uint8_t method, minor, body;
	bool closes, expects_continue, accepts_trailers;
};

#define BROWSER                                                                                  \
	"GET /wiki/Load_balancing?action=edit&section=2 HTTP/1.1\r\n"                            \
	"Host: en.example.org\r\n"                                                               \
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0\r\n" \
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n" \
	"Accept-Language: en-US,en;q=0.5\r\n"                                                    \
	"Accept-Encoding: gzip, deflate, br\r\n"                                                 \
	"Referer: https://en.example.org/wiki/Proxy_server\r\n"                                  \
	"Connection: keep-alive\r\n"                                                             \
	"Cookie: session=4f9c2e1ab0; theme=dark; consent=1\r\n"                                  \
	"Upgrade-Insecure-Requests: 1\r\n"                                                       \
	"Sec-Fetch-Dest: document\r\n"                                                           \
	"\r\n"

static const struct valid valid[] = {
	{"RFC 9112 section 3.2.1", "GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
         .path = "/where", .query = "q=now", .authority = "www.example.org", .n_fields = 1,
         .method = METHOD_GET, .minor = 1},
	{"RFC 9112 section 3.2.2, the host of an absolute target",
         "GET http://www.example.org/pub/WWW/TheProject.html HTTP/1.1\r\nHost: WWW.example.org\r\n\r\n",
         .path = "/pub/WWW/TheProject.html", .authority = "WWW.example.org", .n_fields = 1,
         .method = METHOD_GET, .minor = 1},
	{"RFC 9112 section 3.2.3",
         "CONNECT www.example.com:80 HTTP/1.1\r\nHost: www.example.com:80\r\n\r\n", .path = NULL,
         .authority = "www.example.com:80", .n_fields = 1, .method = METHOD_CONNECT, .minor = 1},
	{"RFC 9112 section 3.2.4", "OPTIONS * HTTP/1.1\r\nHost: www.example.org:8001\r\n\r\n",
         .path = "*", .authority = "www.example.org:8001", .n_fields = 1, .method = METHOD_OPTIONS,
         .minor = 1},
	{"RFC 9112 section 3.2.4, absolute without a path",
         "OPTIONS http://www.example.org:8001 HTTP/1.1\r\nHost: www.example.org:8001\r\n\r\n",
         .path = "*", .authority = "www.example.org:8001", .n_fields = 1, .method = METHOD_OPTIONS,
         .minor = 1},
	{"RFC 9110 section 4.2.3, an empty path is /",
         "GET https://a.example?x HTTP/1.1\r\nhost: a.example\r\n\r\n", .path = "/", .query = "x",
         .authority = "a.example", .n_fields = 1, .method = METHOD_GET, .minor = 1},
	{"RFC 9112 section 2.2, an empty line before the request",
         "\r\nGET / HTTP/1.1\r\nHost:a\r\n\r\n", .path = "/", .authority = "a", .n_fields = 1,
         .method = METHOD_GET, .minor = 1},
	{"RFC 9112 section 9.3, 1.0 closes", "GET / HTTP/1.0\r\n\r\n", .path = "/",
         .authority = NULL, .method = METHOD_GET, .closes = true},
	{"RFC 9112 section 9.3, 1.0 stays open if it asks",
         "HEAD / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", .path = "/", .authority = NULL,
         .n_fields = 1, .method = METHOD_HEAD},
	{"RFC 9112 section 9.6", "GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n",
         .path = "/", .authority = "a", .n_fields = 2, .method = METHOD_GET, .minor = 1,
         .closes = true},
	{"RFC 9110 section 10.1.1, Expect",
         "PUT /somewhere/fun HTTP/1.1\r\nHost: origin.example.com\r\nContent-Type: video/h264\r\n"
         "Content-Length: 1234567890987\r\nExpect: 100-continue\r\n\r\n",
         .path = "/somewhere/fun", .authority = "origin.example.com", .length = 1234567890987,
         .n_fields = 4, .method = METHOD_PUT, .minor = 1, .body = BODY_LENGTH,
         .expects_continue = true},
	{"RFC 9112 section 7.1",
         "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n",
         .path = "/x", .authority = "a", .n_fields = 3, .method = METHOD_POST, .minor = 1,
         .body = BODY_CHUNKED, .accepts_trailers = true},
	{"RFC 9112 section 7, codings are without case",
         "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", .path = "/x",
         .authority = "a", .n_fields = 2, .method = METHOD_POST, .minor = 1, .body = BODY_CHUNKED},
	{"RFC 9110 section 8.6, said aloud",
         "POST /x HTTP/1.1\r\nContent-Length: 0\r\nHost: a\r\n\r\n", .path = "/x", .authority = "a",
         .n_fields = 2, .method = METHOD_POST, .minor = 1, .body = BODY_LENGTH},
	{"RFC 6455 section 1.2",
         "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n"
         "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n",
         .path = "/chat", .authority = "server.example.com", .upgrade = "websocket", .n_fields = 7,
         .method = METHOD_GET, .minor = 1},
	{"RFC 9110 section 7.8, no upgrade in 1.0",
         "GET /chat HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", .path = "/chat",
         .authority = NULL, .n_fields = 2, .method = METHOD_GET, .closes = true},
	{"RFC 9110 section 7.8, not named by Connection",
         "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", .path = "/chat",
         .authority = "a", .n_fields = 2, .method = METHOD_GET, .minor = 1},
	{"RFC 3986 section 3.2.2, IPv6",
         "DELETE /%7Euser HTTP/1.1\r\nHost: [2001:db8::7]:443\r\n\r\n", .path = "/%7Euser",
         .authority = "[2001:db8::7]:443", .n_fields = 1, .method = METHOD_DELETE, .minor = 1},
	{"RFC 9110 section 9.1, a method of another's",
         "PROPFIND /d/ HTTP/1.1\r\nHost: a\r\nDepth: 1\r\n\r\n", .path = "/d/", .authority = "a",
         .n_fields = 2, .method = METHOD_OTHER, .minor = 1},
	{"RFC 9110 section 9.1, methods have case", "get / HTTP/1.1\r\nHost: a\r\n\r\n",
         .path = "/", .authority = "a", .n_fields = 1, .method = METHOD_OTHER, .minor = 1},
	{"RFC 3986 section 3.4, an empty query and more marks",
         "PATCH /a??b%zz HTTP/1.1\r\nHost: a\r\n\r\n", .path = "/a", .query = "?b%zz",
         .authority = "a", .n_fields = 1, .method = METHOD_PATCH, .minor = 1},
	{"a browser", BROWSER, .path = "/wiki/Load_balancing", .query = "action=edit&section=2",
         .authority = "en.example.org", .n_fields = 10, .method = METHOD_GET, .minor = 1},
	{"an empty value, blanks around others, octets beyond ASCII",
         "TRACE / HTTP/1.1\r\nHost: \t a \t\r\nX-Empty:\r\nX-Blank: \t \r\nX-Name: J\xc3\xb6rg \"\xff\"\r\n\r\n",
         .path = "/", .authority = "a", .n_fields = 4, .method = METHOD_TRACE, .minor = 1},
};

static void expect_valid(const struct valid *v)
{
	cr_expect_eq(parse(v->text, strlen(v->text)), (ssize_t)strlen(v->text), "%s", v->source);
	cr_expect(is_text(request.path, v->path), "%s: path", v->source);
	cr_expect(is_text(request.query, v->query), "%s: query", v->source);
	cr_expect(is_text(request.authority, v->authority), "%s: authority", v->source);
	cr_expect(is_text(request.upgrade, v->upgrade), "%s: upgrade", v->source);
	cr_expect_eq(request.content_length, v->length, "%s", v->source);
	cr_expect_eq(request.fields.n, v->n_fields, "%s: fields", v->source);
	cr_expect_eq(request.method, v->method, "%s: method", v->source);
	cr_expect_eq(request.minor, v->minor, "%s: minor", v->source);
	cr_expect_eq(request.body, v->body, "%s: body", v->source);
	cr_expect_eq(request.is_persistent, !v->closes, "%s: persistent", v->source);
	cr_expect_eq(request.expects_continue, v->expects_continue, "%s", v->source);
	cr_expect_eq(request.accepts_trailers, v->accepts_trailers, "%s", v->source);
}

Test(http1, valid_requests_mean_what_the_standards_say)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++)
		expect_valid(&valid[i]);
}

Test(http1, what_follows_a_request_is_not_taken)
{
	static const char text[] =
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";

	cr_expect_eq(parse(text, sizeof(text) - 1), 27);
	cr_expect(is_text(request.path, "/"));
}

Test(http1, every_prefix_of_a_valid_request_needs_more)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++)
		for (size_t n = 0; n < strlen(valid[i].text); n++)
			cr_expect_eq(parse(valid[i].text, n), 0, "%s: %zu", valid[i].source, n);
}

Test(http1, every_split_of_a_valid_request_gives_the_same)
{
	const struct http1check check = {HTTP1CHECK_REQUEST, .limits = &http1check_limits};

	for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
		struct slice in = slice_of(valid[i].text, strlen(valid[i].text));

		cr_expect_eq(http1check_splits(&check, in), SIZE_MAX, "%s", valid[i].source);
	}
}

Test(http1, fields_keep_order_name_and_value)
{
	cr_assert_gt(parse(BROWSER, sizeof(BROWSER) - 1), 0);
	cr_expect(is_text(request.fields.at[0].name, "Host"));
	cr_expect_eq(request.fields.at[0].id, HEADER_HOST);
	cr_expect(is_text(request.fields.at[7].name, "Cookie"));
	cr_expect(is_text(request.fields.at[7].value, "session=4f9c2e1ab0; theme=dark; consent=1"));
	cr_expect_eq(request.fields.at[7].id, HEADER_COOKIE);
	cr_expect(is_text(request.fields.at[8].name, "Upgrade-Insecure-Requests"));
	cr_expect_eq(request.fields.at[8].id, HEADER_OTHER);
}

Test(http1, octets_that_were_seen_are_not_read_again_before_a_line_ends)
{
	static const char first[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ",
			  bad[] = "\1GET / HTTP/1.1\r\nHost: a\r\nX: ";
	char text[64];
	size_t n = sizeof(first) - 1;
	struct slice in = slice_of(text, n + 1);

	memcpy(text, bad, n);
	text[n] = 'y';
	cr_expect_eq(http1_parse_request(&request, in, n, &http1check_limits), 0);
	text[n] = '\n';
	cr_expect_eq(http1_parse_request(&request, in, n, &http1check_limits), -HTTP1_METHOD);
}

// --- malformed request lines ---

struct refused {
	const char *source;
	const char *text;
	size_t len; // if there is a NUL in it
	enum http1_error want;
};

#define REST "Host: a\r\n\r\n"

static const struct refused refused_lines[] = {
	{"HTTP/0.9", "GET /\r\n", 0, HTTP1_LINE},
	{"HTTP/0.9 with a blank", "GET / \r\n", 0, HTTP1_LINE},
	{"HTTP/0.9 by name", "GET / HTTP/0.9\r\n" REST, 0, HTTP1_MAJOR},
	{"RFC 9113 section 3.4, the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0,
         HTTP1_MAJOR},
	{"RFC 9110 section 15.6.6", "GET / HTTP/3.0\r\n" REST, 0, HTTP1_MAJOR},
	{"a later minor version", "GET / HTTP/1.2\r\n" REST, 0, HTTP1_VERSION},
	{"two digits", "GET / HTTP/1.10\r\n" REST, 0, HTTP1_LINE},
	{"RFC 9112 section 2.3, the name has case", "GET / http/1.1\r\n" REST, 0, HTTP1_VERSION},
	{"no minor version", "GET / HTTP/1\r\n" REST, 0, HTTP1_LINE},
	{"another protocol", "GET / ICY/1.1\r\n" REST, 0, HTTP1_VERSION},
	{"a comma", "GET / HTTP/1,1\r\n" REST, 0, HTTP1_VERSION},
	{"leading zero", "GET / HTTP/01.1\r\n" REST, 0, HTTP1_VERSION},
	{"a sign", "GET / HTTP/+1.1\r\n" REST, 0, HTTP1_VERSION},
	{"RFC 9112 section 3, a blank at the end", "GET / HTTP/1.1 \r\n" REST, 0, HTTP1_LINE},
	{"a tab at the end", "GET / HTTP/1.1\t\r\n" REST, 0, HTTP1_LINE},
	{"two blanks before the target", "GET  / HTTP/1.1\r\n" REST, 0, HTTP1_LINE},
	{"two blanks before the version", "GET /  HTTP/1.1\r\n" REST, 0, HTTP1_LINE},
	{"a blank in front", " GET / HTTP/1.1\r\n" REST, 0, HTTP1_LINE},
	{"a tab in front", "\tGET / HTTP/1.1\r\n" REST, 0, HTTP1_METHOD},
	{"tabs as separators", "GET\t/\tHTTP/1.1\r\n" REST, 0, HTTP1_METHOD},
	{"a tab after the target", "GET /\tHTTP/1.1\r\n" REST, 0, HTTP1_TARGET},
	{"a vertical tab as a blank", "GET\v/ HTTP/1.1\r\n" REST, 0, HTTP1_METHOD},
	{"no target", "GET HTTP/1.1\r\n" REST, 0, HTTP1_LINE},
	{"a method alone", "GET\r\n" REST, 0, HTTP1_LINE},
	{"a colon", "GET: / HTTP/1.1\r\n" REST, 0, HTTP1_METHOD},
	{"brackets", "(GET) / HTTP/1.1\r\n" REST, 0, HTTP1_METHOD},
	{"a method beyond ASCII", "G\xc3\x8bT / HTTP/1.1\r\n" REST, 0, HTTP1_METHOD},
	{"NUL in the method", "GE\0T / HTTP/1.1\r\n" REST, 16 + 2 + 10, HTTP1_METHOD},
	{"a TLS handshake", "\x16\x03\x01\x02", 0, HTTP1_METHOD},
	{"two empty lines", "\r\n\r\nGET / HTTP/1.1\r\n" REST, 0, HTTP1_LINE},
	{"an empty line of LF", "\nGET / HTTP/1.1\r\n" REST, 0, HTTP1_BARE_LF},
	{"an empty line of CR", "\rGET / HTTP/1.1\r\n" REST, 0, HTTP1_BARE_CR},
	{"LF ends the line", "GET / HTTP/1.1\n" REST, 0, HTTP1_BARE_LF},
	{"CR ends the line", "GET / HTTP/1.1\r" REST, 0, HTTP1_BARE_CR},
	{"CR CR LF", "GET / HTTP/1.1\r\r\n" REST, 0, HTTP1_BARE_CR},
	{"LF after the method", "GET\n/ HTTP/1.1\r\n" REST, 0, HTTP1_BARE_LF},
	{"LF after the target", "GET /\nHTTP/1.1\r\n" REST, 0, HTTP1_BARE_LF},
	{"LF in the version", "GET / HTTP\n/1.1\r\n" REST, 0, HTTP1_BARE_LF},
	{"CR in the target", "GET /a\rb HTTP/1.1\r\n" REST, 0, HTTP1_LINE},
};

static void expect_refused(const struct refused *r)
{
	size_t len = r->len ? r->len : strlen(r->text);
	const struct http1check check = {HTTP1CHECK_REQUEST, .limits = &http1check_limits};

	cr_expect_eq(parse(r->text, len), -(ssize_t)r->want, "%s", r->source);
	cr_expect_eq(http1check_splits(&check, slice_of(r->text, len)), SIZE_MAX, "%s", r->source);
}

Test(http1, malformed_request_lines_are_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(refused_lines); i++)
		expect_refused(&refused_lines[i]);
}

Test(http1, no_control_octet_is_accepted_in_a_request_line)
{
	static const char text[] = "GET /path HTTP/1.1\r\nHost: a\r\n\r\n";

	for (size_t at = 0; at < 18; at++)
		for (unsigned c = 0; c < 256; c++) {
			char copy[sizeof(text)];

			if (c > ' ' && c < 0x7f)
				continue;
			memcpy(copy, text, sizeof(text));
			copy[at] = (char)c;
			if (copy[at] != text[at])
				cr_expect_lt(parse(copy, sizeof(text) - 1), 0, "%u at %zu", c, at);
		}
}

// --- limits ---

// "GET /aaa... HTTP/1.1", `line` octets without its end.
static size_t put_line(char *text, size_t line)
{
	strcpy(text, "GET /");
	memset(text + 5, 'a', line - 5);
	strcpy(text + line - 9, " HTTP/1.1\r\n");
	return line + 2;
}

static ssize_t parse_limited(const char *text, size_t len, const struct http1_limits *limits)
{
	struct slice in = http1check_copy(slice_of(text, len), false);

	return http1_parse_request(&request, in, 0, limits);
}

Test(http1, a_line_may_be_as_long_as_its_limit)
{
	const struct http1_limits limits = {.line = 60, .head = 1000, .fields = 10};
	static char text[200];
	size_t n = put_line(text, 60);

	strcpy(text + n, "Host: a\r\n\r\n");
	cr_expect_eq(parse_limited(text, n + 11, &limits), (ssize_t)n + 11);
	memmove(text + 2, text, n + 11);
	text[0] = '\r';
	text[1] = '\n';
	cr_expect_eq(parse_limited(text, n + 13, &limits), (ssize_t)n + 13, "an empty line");
	n = put_line(text, 61);
	cr_expect_eq(parse_limited(text, n, &limits), -HTTP1_LINE_TOO_LONG);
	cr_expect_eq(parse_limited(text, 61, &limits), 0, "its end may still come");
	cr_expect_eq(parse_limited(text, 62, &limits), -HTTP1_LINE_TOO_LONG);
}

Test(http1, a_head_may_be_as_long_as_its_limit)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX-Long: 0123456789\r\n\r\n";
	const uint32_t len = sizeof(text) - 1;
	struct http1_limits limits = {.line = 100, .head = len, .fields = 10};

	cr_expect_eq(parse_limited(text, len, &limits), (ssize_t)len);
	cr_expect_eq(parse_limited(text, len - 1, &limits), 0);
	limits.head = len - 1;
	cr_expect_eq(parse_limited(text, len, &limits), -HTTP1_HEAD_TOO_LONG);
	cr_expect_eq(parse_limited(text, len - 1, &limits), -HTTP1_HEAD_TOO_LONG);
	cr_expect_eq(parse_limited(text, len - 2, &limits), 0);
	limits.head = 10;
	cr_expect_eq(parse_limited(text, len, &limits), -HTTP1_HEAD_TOO_LONG);
}

Test(http1, there_may_be_as_many_fields_as_their_limit)
{
	static char text[4096];
	struct http1_limits limits = {.line = 100, .head = sizeof(text), .fields = 256};
	size_t n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\n");

	for (int i = 1; i < 256; i++)
		n += (size_t)sprintf(text + n, "a%d:\r\n", i);
	strcpy(text + n, "\r\nb:\r\n");
	cr_expect_eq(parse_limited(text, n + 2, &limits), (ssize_t)n + 2);
	cr_expect_eq(request.fields.n, 256);
	cr_expect_eq(parse_limited(text, n, &limits), 0);
	text[n] = 'b';
	cr_expect_eq(parse_limited(text, n + 1, &limits), -HTTP1_TOO_MANY_FIELDS);
	limits.fields = 255;
	cr_expect_eq(parse_limited(text, n, &limits), -HTTP1_TOO_MANY_FIELDS);
}

// Octets until the first verdict, when they come one by one.
static size_t octets_until_refused(const char *text, const struct http1_limits *limits,
                                   ssize_t want)
{
	for (size_t n = 1; n <= strlen(text); n++) {
		ssize_t rc = http1_parse_request(&request, slice_of(text, n), n - 1, limits);

		cr_expect(rc == 0 || rc == want);
		if (rc)
			return n;
	}
	return SIZE_MAX;
}

Test(http1, a_line_that_never_ends_is_refused_at_its_limit)
{
	struct http1_limits limits = {.line = 20, .head = 1000, .fields = 10};

	cr_expect_eq(octets_until_refused("GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &limits,
	                                  -HTTP1_LINE_TOO_LONG),
	             22);
	cr_expect_eq(octets_until_refused("\r\nGET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &limits,
	                                  -HTTP1_LINE_TOO_LONG),
	             24);
	limits = (struct http1_limits){.line = 1000, .head = 30, .fields = 10};
	cr_expect_eq(octets_until_refused("GET / HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaa", &limits,
	                                  -HTTP1_HEAD_TOO_LONG),
	             30);
}

Test(http1, limits_are_met_alike_however_the_octets_arrive)
{
	static const char text[] =
		"\r\nGET /0123456789 HTTP/1.1\r\nHost: a\r\nX: 0123456789\r\nY: 1\r\n\r\n";
	struct slice in = slice_of(text, sizeof(text) - 1);
	struct http1_limits limits = {.line = 1000, .head = 1000, .fields = 10};
	const struct http1check check = {HTTP1CHECK_REQUEST, .limits = &limits};

	for (limits.line = 1; limits.line < 40; limits.line++)
		cr_expect_eq(http1check_splits(&check, in), SIZE_MAX, "line %u", limits.line);
	for (limits.head = 1; limits.head < 80; limits.head++)
		cr_expect_eq(http1check_splits(&check, in), SIZE_MAX, "head %u", limits.head);
	for (limits.fields = 0; limits.fields < 5; limits.fields++)
		cr_expect_eq(http1check_splits(&check, in), SIZE_MAX, "%u", limits.fields);
}

// --- responses ---

struct answer {
	const char *source;
	const char *text;
	const char *reason;
	uint16_t status;
	uint8_t minor, body;
	bool closes;
};

static const struct answer answers[] = {
	{"RFC 9112 section 4", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "OK", 200, 1,
         BODY_LENGTH, false},
	{"a reason of several words", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
         "Not Found", 404, 1, BODY_LENGTH, false},
	{"an empty reason", "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n", "", 200, 1,
         BODY_CHUNKED, false},
	{"no blank behind the status", "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", "",
         200, 1, BODY_CHUNKED, false},
	{"a reason beyond ASCII",
         "HTTP/1.1 500 D\xc3\xa9sol\xc3\xa9\t\r\nContent-Length: 1\r\n\r\n",
         "D\xc3\xa9sol\xc3\xa9\t", 500, 1, BODY_LENGTH, false},
	{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "OK", 200, 0, BODY_LENGTH,
         true},
	{"HTTP/1.0 stays open if it says so",
         "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", "OK", 200, 0,
         BODY_LENGTH, false},
	{"the highest status", "HTTP/1.1 999 X\r\nConnection: close\r\nContent-Length: 5\r\n\r\n",
         "X", 999, 1, BODY_LENGTH, true},
	{"no fields", "HTTP/1.1 200 OK\r\n\r\n", "OK", 200, 1, BODY_UNTIL_CLOSE, true},
};

static ssize_t parse_answer(const char *text, size_t len, uint8_t method)
{
	struct slice in = http1check_copy(slice_of(text, len), false);

	return http1_parse_response(&response, in, 0, method, &http1check_limits);
}

static void expect_answer(const struct answer *a)
{
	size_t len = strlen(a->text);

	for (size_t n = 0; n < len; n++)
		cr_expect_eq(parse_answer(a->text, n, METHOD_GET), 0, "%s: %zu", a->source, n);
	cr_expect_eq(parse_answer(a->text, len, METHOD_GET), (ssize_t)len, "%s", a->source);
	cr_expect(is_text(response.reason, a->reason), "%s", a->source);
	cr_expect_eq(response.status, a->status, "%s", a->source);
	cr_expect_eq(response.minor, a->minor, "%s", a->source);
	cr_expect_eq(response.body, a->body, "%s", a->source);
	cr_expect_eq(response.is_persistent, !a->closes, "%s", a->source);
}

Test(http1, valid_responses_mean_what_the_standards_say)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		expect_answer(&answers[i]);
}

Test(http1, every_split_of_a_valid_response_gives_the_same)
{
	const struct http1check check = {HTTP1CHECK_RESPONSE, METHOD_GET, &http1check_limits};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct slice in = slice_of(answers[i].text, strlen(answers[i].text));

		cr_expect_eq(http1check_splits(&check, in), SIZE_MAX, "%s", answers[i].source);
	}
}

static const struct refused refused_answers[] = {
	{"another version", "HTTP/2.0 200 OK\r\n\r\n", 0, HTTP1_STATUS},
	{"a later minor version", "HTTP/1.2 200 OK\r\n\r\n", 0, HTTP1_STATUS},
	{"another protocol", "ICY 200 OK\r\n\r\n", 0, HTTP1_STATUS},
	{"lower case", "http/1.1 200 OK\r\n\r\n", 0, HTTP1_STATUS},
	{"an empty line in front", "\r\nHTTP/1.1 200 OK\r\n\r\n", 0, HTTP1_STATUS},
	{"two digits", "HTTP/1.1 20 OK\r\n\r\n", 0, HTTP1_STATUS},
	{"four digits", "HTTP/1.1 2000 OK\r\n\r\n", 0, HTTP1_STATUS},
	{"below 100", "HTTP/1.1 099 OK\r\n\r\n", 0, HTTP1_STATUS},
	{"a sign", "HTTP/1.1 -20 OK\r\n\r\n", 0, HTTP1_STATUS},
	{"two blanks", "HTTP/1.1  200 OK\r\n\r\n", 0, HTTP1_STATUS},
	{"a tab", "HTTP/1.1\t200 OK\r\n\r\n", 0, HTTP1_STATUS},
	{"no status", "HTTP/1.1 OK\r\n\r\n", 0, HTTP1_STATUS},
	{"LF ends the line", "HTTP/1.1 200 OK\n\r\n", 0, HTTP1_BARE_LF},
	{"LF ends the line behind the status", "HTTP/1.1 200\n\r\n", 0, HTTP1_BARE_LF},
	{"CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", 0, HTTP1_BARE_CR},
	{"NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n", 20, HTTP1_CONTROL},
};

Test(http1, malformed_status_lines_are_refused)
{
	const struct http1check check = {HTTP1CHECK_RESPONSE, METHOD_GET, &http1check_limits};

	for (size_t i = 0; i < ARRAY_LEN(refused_answers); i++) {
		const struct refused *r = &refused_answers[i];
		size_t len = r->len ? r->len : strlen(r->text);

		cr_expect_eq(parse_answer(r->text, len, METHOD_GET), -(ssize_t)r->want, "%s",
		             r->source);
		cr_expect_eq(http1check_splits(&check, slice_of(r->text, len)), SIZE_MAX, "%s",
		             r->source);
	}
}

Test(http1, a_status_line_may_be_as_long_as_its_limit)
{
	static const char text[] = "HTTP/1.1 200 0123456789\r\n\r\n";
	struct slice in = slice_of(text, sizeof(text) - 1);
	struct http1_limits limits = {.line = 23, .head = 100, .fields = 1};

	cr_expect_eq(http1_parse_response(&response, in, 0, METHOD_GET, &limits), 27);
	limits.line = 22;
	cr_expect_eq(http1_parse_response(&response, in, 0, METHOD_GET, &limits),
	             -HTTP1_LINE_TOO_LONG);
}

// --- trailers ---

static ssize_t parse_trailers(const char *text)
{
	struct slice in = http1check_copy(slice_of(text, strlen(text)), false);

	return http1_parse_trailers(&request.fields, in, 0, &http1check_limits);
}

Test(http1, trailers_are_fields)
{
	const struct http1check check = {HTTP1CHECK_TRAILERS, .limits = &http1check_limits};
	static const char text[] = "Grpc-Status: 0\r\nExpires: never\r\n\r\n";

	cr_expect_eq(parse_trailers("\r\nGET"), 2);
	cr_expect_eq(request.fields.n, 0);
	cr_expect_eq(parse_trailers(text), sizeof(text) - 1);
	cr_expect_eq(request.fields.n, 2);
	cr_expect(is_text(request.fields.at[0].value, "0"));
	cr_expect_eq(http1check_splits(&check, slice_of(text, sizeof(text) - 1)), SIZE_MAX);
}

Test(http1, trailers_do_not_frame_route_or_authenticate)
{
	// RFC 9110 section 6.5.1
	static const char *const names[] = {
		"Content-Length",
		"Transfer-Encoding",
		"Host",
		"Authorization",
		"Cookie",
		"Connection",
		"Te",
		"Upgrade",
		"Content-Type",
		"content-md5",
		"X-Forwarded-For",
		"Forwarded",
		"Keep-Alive",
		"Proxy-Authorization",
		"Content-Encoding",
		"Trailer-OK",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char text[64];

		snprintf(text, sizeof(text), "A: b\r\n%s: c\r\n\r\n", names[i]);
		if (i + 1 < ARRAY_LEN(names))
			cr_expect_eq(parse_trailers(text), -HTTP1_TRAILER, "%s", names[i]);
		else
			cr_expect_gt(parse_trailers(text), 0, "%s", names[i]);
	}
}

Test(http1, trailers_have_the_limits_of_heads)
{
	const struct http1_limits limits = {.line = 5, .head = 20, .fields = 2};
	struct slice in = slice_of("Aaaa: b\r\nC: dddd\r\n\r\n", 20);

	cr_expect_eq(http1_parse_trailers(&request.fields, in, 0, &limits), 20);
	cr_expect_eq(
		http1_parse_trailers(&request.fields, slice_of("A:\r\nB:\r\nC", 9), 0, &limits),
		-HTTP1_TOO_MANY_FIELDS);
	cr_expect_eq(http1_parse_trailers(&request.fields,
	                                  slice_of("Aaaaaaaaaaaaaaaaaa:b\r\n\r\n", 24), 0, &limits),
	             -HTTP1_HEAD_TOO_LONG);
}

// --- errors ---

Test(http1, every_error_has_a_status_and_a_reason_of_its_own)
{
	for (int i = 1; i < HTTP1_ERROR_COUNT; i++) {
		cr_expect(http1_error_status[i] >= 400 && http1_error_status[i] < 600);
		cr_expect_str_not_empty(http1_error_text[i]);
		for (int j = 1; j < i; j++)
			cr_expect_str_neq(http1_error_text[i], http1_error_text[j]);
	}
	cr_expect_eq(http1_error_status[HTTP1_MAJOR], 505);
	cr_expect_eq(http1_error_status[HTTP1_CODING_UNKNOWN], 501);
	cr_expect_eq(http1_error_status[HTTP1_LINE_TOO_LONG], 414);
	cr_expect_eq(http1_error_status[HTTP1_HEAD_TOO_LONG], 431);
}
