// SPDX-License-Identifier: BSD-3-Clause
// Field lines, good and bad, in a request and in a response, which share the parser.
#include "l7/http1_fields.h"
#include "tests/support/http1check.h"

#include <criterion/criterion.h>

#include <stdio.h>

static struct request request;
static struct response response;

static const struct http1check as_request = {HTTP1CHECK_REQUEST, .limits = &http1check_limits};
static const struct http1check as_response = {HTTP1CHECK_RESPONSE, METHOD_GET, &http1check_limits};

static ssize_t parse_request(struct slice in)
{
	return http1_parse_request(&request, http1check_copy(in, false), 0, &http1check_limits);
}

static ssize_t parse_response(struct slice in)
{
	return http1_parse_response(&response, http1check_copy(in, false), 0, METHOD_GET,
	                            &http1check_limits);
}

// `line` (its end included) between a first line and a last field.
static struct slice message(const char *first, const char *line, size_t len)
{
	static char text[1024];
	int n = sprintf(text, "%s", first);

	memcpy(text + n, line, len);
	strcpy(text + n + len, "Host: a\r\n\r\n");
	return slice_of(text, (size_t)n + len + 11);
}

struct vector {
	const char *source;
	const char *line;
	size_t len; // if there is a NUL in it
	enum http1_error want;
};

static const struct vector refused[] = {
	{"RFC 9112 section 5.1, a blank before the colon (CVE-2021-22959)",
         "Transfer-Encoding : chunked\r\n", 0, HTTP1_NAME},
	{"ditto, a tab", "Content-Length\t: 5\r\n", 0, HTTP1_NAME},
	{"RFC 9112 section 5.2, obs-fold", "X: a\r\n b\r\n", 0, HTTP1_FOLD},
	{"ditto, with a tab", "X: a\r\n\tb\r\n", 0, HTTP1_FOLD},
	{"ditto, of Transfer-Encoding (CVE-2022-32215)", "Transfer-Encoding:\r\n chunked\r\n", 0,
         HTTP1_FOLD},
	{"ditto, blank line", "X: a\r\n \r\n", 0, HTTP1_FOLD},
	{"RFC 9112 section 2.2, a blank behind the first line", " X: a\r\n", 0, HTTP1_FOLD},
	{"RFC 9112 section 2.2, LF", "X: a\n", 0, HTTP1_BARE_LF},
	{"LF in a value (CVE-2019-16785, CVE-2022-32214)", "X: a\nTransfer-Encoding: chunked\r\n",
         0, HTTP1_BARE_LF},
	{"LF ends the head", "\n", 0, HTTP1_BARE_LF},
	{"LF CR LF", "X: a\n\r\n", 0, HTTP1_BARE_LF},
	{"RFC 9112 section 2.2, CR", "X: a\rb\r\n", 0, HTTP1_BARE_CR},
	{"CR in front of a name", "\rX: a\r\n", 0, HTTP1_BARE_CR},
	{"CR CR LF", "X: a\r\r\n", 0, HTTP1_BARE_CR},
	{"CR hides a field (CVE-2022-35256)", "X: a\rTransfer-Encoding: chunked\r\n", 0,
         HTTP1_BARE_CR},
	{"CR in a name", "X\rY: a\r\n", 0, HTTP1_NAME},
	{"LF in a name", "X\nY: a\r\n", 0, HTTP1_BARE_LF},
	{"no colon", "Novalue\r\n", 0, HTTP1_NAME},
	{"no colon, LF", "Novalue\n", 0, HTTP1_BARE_LF},
	{"no name (CVE-2023-25725, haproxy)", ": a\r\n", 0, HTTP1_NAME},
	{"a blank in a name (CVE-2015-5739)", "Content Length: 5\r\n", 0, HTTP1_NAME},
	{"NUL in a name", "X\0: a\r\n", 7, HTTP1_CONTROL},
	{"NUL in a value (RFC 9110 section 5.5)", "X: a\0b\r\n", 8, HTTP1_CONTROL},
	{"vertical tab in a value (CVE-2019-16789; Kettle, HTTP Desync Attacks, 2019)",
         "Transfer-Encoding: \vchunked\r\n", 0, HTTP1_CONTROL},
	{"vertical tab before a colon", "Transfer-Encoding\v: chunked\r\n", 0, HTTP1_CONTROL},
	{"form feed in a value", "X: a\fb\r\n", 0, HTTP1_CONTROL},
	{"DEL in a value", "X: a\x7f\r\n", 0, HTTP1_CONTROL},
	{"DEL in a name", "X\x7f: a\r\n", 0, HTTP1_CONTROL},
	{"backspace in a value", "X: a\b\r\n", 0, HTTP1_CONTROL},
	{"escape in a value", "X: \x1b[2J\r\n", 0, HTTP1_CONTROL},
	{"a name in quotes", "\"X\": a\r\n", 0, HTTP1_NAME},
	{"a name beyond ASCII", "X\xc3\xa9: a\r\n", 0, HTTP1_NAME},
	{"a no-break blank before the colon", "Content-Length\xa0: 5\r\n", 0, HTTP1_NAME},
	{"brackets", "X[0]: a\r\n", 0, HTTP1_NAME},
	{"a slash", "X/Y: a\r\n", 0, HTTP1_NAME},
	{"a comma", "X,Y: a\r\n", 0, HTTP1_NAME},
	{"an equals sign", "X=Y: a\r\n", 0, HTTP1_NAME},
	{"an at sign", "X@Y: a\r\n", 0, HTTP1_NAME},
	{"a long name with a blank", "A-Name-That-Is-Longer-Than-One-Block-Of-32-Octets : a\r\n", 0,
         HTTP1_NAME},
	{"a long value with NUL", "X: 0123456789012345678901234567890123456789\0\r\n", 46,
         HTTP1_CONTROL},
};

Test(http1_fields, malformed_lines_are_refused_in_requests_and_responses)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const struct vector *v = &refused[i];
		size_t len = v->len ? v->len : strlen(v->line);
		struct slice in = message("GET / HTTP/1.1\r\n", v->line, len);

		cr_expect_eq(parse_request(in), -(ssize_t)v->want, "%s", v->source);
		cr_expect_eq(http1check_splits(&as_request, in), SIZE_MAX, "%s", v->source);
		in = message("HTTP/1.1 200 OK\r\n", v->line, len);
		cr_expect_eq(parse_response(in), -(ssize_t)v->want, "%s", v->source);
		cr_expect_eq(http1check_splits(&as_response, in), SIZE_MAX, "%s", v->source);
	}
}

// RFC 9110 section 5.6.2, written down a second time.
static bool is_tchar(unsigned c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && c < 128 && strchr("!#$%&'*+-.^_`|~", (int)c));
}

Test(http1_fields, names_are_tokens_wherever_the_octet_stands)
{
	for (size_t at = 0; at < 70; at++)
		for (unsigned c = 0; c < 256; c++) {
			char line[80];
			ssize_t rc;

			memset(line, 'x', 70);
			strcpy(line + 70, ": v\r\n");
			line[at] = (char)c;
			if (c == ':' && at > 0)
				continue; // ends the name
			rc = parse_request(message("GET / HTTP/1.1\r\n", line, 75));
			cr_expect_eq(rc > 0, is_tchar(c), "%u at %zu", c, at);
		}
}

Test(http1_fields, values_hold_all_but_controls_wherever_the_octet_stands)
{
	for (size_t at = 0; at < 70; at++)
		for (unsigned c = 0; c < 256; c++) {
			char line[80] = "v: ";
			ssize_t rc;

			memset(line + 3, 'x', 70);
			memcpy(line + 73, "\r\n", 3);
			line[3 + at] = (char)c;
			rc = parse_request(message("GET / HTTP/1.1\r\n", line, 75));
			cr_expect_eq(rc > 0, c == '\t' || (c >= ' ' && c != 0x7f), "%u at %zu", c,
			             at);
		}
}

Test(http1_fields, names_and_values_of_every_length_are_found)
{
	char line[256];

	for (size_t name = 1; name < 80; name++)
		for (size_t value = 0; value < 80; value++) {
			size_t len = name + value + 3;

			memset(line, 'n', name);
			line[name] = ':';
			memset(line + name + 1, 'v', value);
			strcpy(line + name + 1 + value, "\r\n");
			cr_assert_gt(parse_request(message("GET / HTTP/1.1\r\n", line, len)), 0);
			cr_expect_eq(request.fields.at[0].name.len, name);
			cr_expect_eq(request.fields.at[0].value.len, value);
			cr_expect_eq(request.fields.at[1].id, HEADER_HOST);
		}
}

Test(http1_fields, names_of_the_list_are_known_in_any_case_and_place)
{
	for (int id = 1; id < HEADER_COUNT; id++) {
		char line[96];
		int n = snprintf(line, sizeof(line), "%s: 1\r\n", header_names[id]);

		for (int i = 0; i < n; i += 2)
			if (line[i] >= 'a' && line[i] <= 'z')
				line[i] -= 'a' - 'A';
		for (int pad = 0; pad < 40; pad++) {
			struct http1_fields_marks marks;
			char text[200];
			int len = snprintf(text, sizeof(text), "%s\r\n%*s", line, pad, "");
			struct slice in = http1check_copy(slice_of(text, (size_t)len), false);
			struct http1_scan s = {in.ptr, in.ptr, in.ptr + in.len};

			cr_assert_eq(http1_fields_parse(&request.fields, &marks, &s, 2), 0);
			cr_expect_eq(request.fields.at[0].id, id, "%s", header_names[id]);
			cr_expect(http1_fields_has(&marks, (enum header)id));
			cr_expect_not(http1_fields_has_twice(&marks, (enum header)id));
		}
	}
}

// --- Connection ---

static ssize_t parse_text(const char *text)
{
	return parse_request(slice_of(text, strlen(text)));
}

Test(http1_fields, what_connection_names_is_dropped)
{
	static const char text[] =
		"GET / HTTP/1.1\r\nHost: a\r\nX-Hop: 1\r\nConnection: x-hop\r\nX-Stay: 2\r\n"
		"X-HOP: 3\r\nConnection: keep-alive, other\r\nOther: 4\r\n\r\n";

	// RFC 9110 section 7.6.1
	cr_assert_gt(parse_text(text), 0);
	cr_expect(request.fields.at[1].is_dropped);
	cr_expect_not(request.fields.at[3].is_dropped);
	cr_expect(request.fields.at[4].is_dropped);
	cr_expect(request.fields.at[6].is_dropped);
	cr_expect(request.is_persistent);
}

Test(http1_fields, connection_takes_no_field_away_that_is_end_to_end)
{
	static const char text[] =
		"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: b\r\nX-Forwarded-For: c\r\nCookie: d\r\n"
		"Connection: host, authorization, x-forwarded-for, cookie\r\n\r\n";

	// N. Davison, "Abusing HTTP hop-by-hop request headers", 2019
	cr_assert_gt(parse_text(text), 0);
	for (uint16_t i = 0; i < request.fields.n; i++)
		cr_expect_not(request.fields.at[i].is_dropped);
}

Test(http1_fields, connection_names_a_bounded_number_of_fields)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: ";
	char text[256];
	int n = sprintf(text, "%sclose,,, keep-alive , te", head);

	for (int i = 0; i < 16; i++)
		n += sprintf(text + n, ",x%d", i);
	strcpy(text + n, "\r\n\r\n");
	cr_expect_gt(parse_text(text), 0);
	strcpy(text + n, "\r\nConnection: y\r\n\r\n");
	cr_expect_eq(parse_text(text), -HTTP1_CONNECTION);
}
