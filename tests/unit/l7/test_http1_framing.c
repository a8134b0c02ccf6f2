// SPDX-License-Identifier: BSD-3-Clause
// Where messages end, and the ways in which two servers were made to disagree about it.
#include "l7/http1_framing.h"
#include "tests/support/http1check.h"

#include <criterion/criterion.h>

#include <stdio.h>

static struct request request;
static struct response response;

static ssize_t parse_request(const char *version, const char *fields)
{
	static char text[2048];
	int n = snprintf(text, sizeof(text), "POST / HTTP/%s\r\n%s\r\n", version, fields);
	struct slice in = http1check_copy(slice_of(text, (size_t)n), false);

	return http1_parse_request(&request, in, 0, &http1check_limits);
}

static ssize_t parse_response(uint8_t method, const char *status, const char *fields)
{
	static char text[2048];
	int n = snprintf(text, sizeof(text), "HTTP/%s X\r\n%s\r\n", status, fields);
	struct slice in = http1check_copy(slice_of(text, (size_t)n), false);

	return http1_parse_response(&response, in, 0, method, &http1check_limits);
}

// --- Content-Length ---

static const struct {
	const char *source;
	const char *value;
	enum http1_error want; // 0: it is fine
	uint64_t length;
} lengths[] = {
	{"RFC 9110 section 8.6", "5", 0, 5},
	{"zeros in front", "0005", 0, 5},
	{"the largest", "9223372036854775807", 0, INT64_MAX},
	{"beyond 63 bits", "9223372036854775808", HTTP1_LENGTH, 0},
	{"beyond 64 bits", "18446744073709551616", HTTP1_LENGTH, 0},
	{"wraps to 5 in 64 bits", "18446744073709551621", HTTP1_LENGTH, 0},
	{"wraps to 5 in 32 bits (fine in 64)", "4294967301", 0, 4294967301},
	{"empty", "", HTTP1_LENGTH, 0},
	{"a plus (CVE-2022-24761, CVE-2023-38697)", "+5", HTTP1_LENGTH, 0},
	{"a minus", "-5", HTTP1_LENGTH, 0},
	{"minus nothing", "-0", HTTP1_LENGTH, 0},
	{"hex (CVE-2023-38697)", "0x5", HTTP1_LENGTH, 0},
	{"hex digits", "5a", HTTP1_LENGTH, 0},
	{"a fraction", "5.0", HTTP1_LENGTH, 0},
	{"an exponent", "5e1", HTTP1_LENGTH, 0},
	{"a blank inside (CVE-2018-7159)", "5 0", HTTP1_LENGTH, 0},
	{"a tab inside", "5\t0", HTTP1_LENGTH, 0},
	{"RFC 9112 section 6.3, a list of equals", "5, 5", HTTP1_LENGTH, 0},
	{"ditto, of others", "5, 6", HTTP1_LENGTH, 0},
	{"ditto, empty members", "5,", HTTP1_LENGTH, 0},
	{"ditto", ",5", HTTP1_LENGTH, 0},
	{"another separator", "5;6", HTTP1_LENGTH, 0},
	{"underscores (as of Python's int())", "1_0", HTTP1_LENGTH, 0},
	{"quotes", "\"5\"", HTTP1_LENGTH, 0},
	{"digits of another script", "\xd9\xa5", HTTP1_LENGTH, 0},
	{"a word", "five", HTTP1_LENGTH, 0},
};

Test(http1_framing, a_length_is_one_decimal_number)
{
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		char fields[128];
		ssize_t rc;

		snprintf(fields, sizeof(fields), "Host: a\r\nContent-Length: %s\r\n",
		         lengths[i].value);
		rc = parse_request("1.1", fields);
		cr_expect_eq(rc > 0 ? 0 : rc, -(ssize_t)lengths[i].want, "%s", lengths[i].source);
		rc = parse_response(METHOD_GET, "1.1 200", fields);
		cr_expect_eq(rc > 0 ? 0 : rc, -(ssize_t)lengths[i].want, "%s", lengths[i].source);
		if (lengths[i].want)
			continue;
		cr_expect(request.body == BODY_LENGTH && response.body == BODY_LENGTH);
		cr_expect_eq(request.content_length, lengths[i].length, "%s", lengths[i].source);
		cr_expect_eq(response.content_length, lengths[i].length, "%s", lengths[i].source);
	}
}

// --- Transfer-Encoding ---

static const struct {
	const char *source;
	const char *value;
	enum http1_error want; // 0: it is fine
} codings[] = {
	{"RFC 9112 section 7.1", "chunked", 0},
	{"codings are without case", "CHUNKED", 0},
	{"blanks around it", "\t chunked \t", 0},
	{"RFC 9112 section 6.1, an unknown one before chunked", "gzip, chunked",
         HTTP1_CODING_UNKNOWN},
	{"ditto", "foo;q=\"a\", chunked", HTTP1_CODING_UNKNOWN},
	{"RFC 9112 section 6.1, chunked twice", "chunked, chunked", HTTP1_CODING},
	{"ditto", "chunked,chunked", HTTP1_CODING},
	{"ditto, with one between", "chunked, gzip, chunked", HTTP1_CODING},
	{"RFC 9112 section 6.3, chunked not last (CVE-2022-32213)", "chunked, gzip", HTTP1_CODING},
	{"ditto", "chunked, identity", HTTP1_CODING},
	{"no chunked", "gzip", HTTP1_CODING},
	{"RFC 2616's identity", "identity", HTTP1_CODING},
	{"ditto, before chunked", "identity, chunked", HTTP1_CODING_UNKNOWN},
	{"empty", "", HTTP1_CODING},
	{"an empty member in front", ", chunked", HTTP1_CODING},
	{"an empty member behind", "chunked,", HTTP1_CODING},
	{"Kettle, HTTP Desync Attacks, 2019", "xchunked", HTTP1_CODING},
	{"ditto", "chunkedx", HTTP1_CODING},
	{"ditto", "chunk", HTTP1_CODING},
	{"ditto", "chunked chunked", HTTP1_CODING},
	{"ditto", "x chunked", HTTP1_CODING},
	{"ditto", "\"chunked\"", HTTP1_CODING},
	{"ditto", "'chunked'", HTTP1_CODING},
	{"ditto", "chunked;", HTTP1_CODING},
	{"ditto", "chunked;q=1", HTTP1_CODING},
	{"ditto", "chunked\xa0", HTTP1_CODING},
	{"ditto",
         "\xff"
         "chunked",
         HTTP1_CODING},
	{"the Kelvin sign, k in lower case for who knows Unicode",
         "chun\xe2\x84\xaa"
         "ed",
         HTTP1_CODING},
	{"another separator", "chunked;gzip", HTTP1_CODING},
	{"cow", "cow", HTTP1_CODING},
};

Test(http1_framing, the_only_coding_is_one_chunked)
{
	for (size_t i = 0; i < ARRAY_LEN(codings); i++) {
		char fields[128];
		ssize_t rc;

		snprintf(fields, sizeof(fields), "Host: a\r\nTransfer-Encoding: %s\r\n",
		         codings[i].value);
		rc = parse_request("1.1", fields);
		cr_expect_eq(rc > 0 ? 0 : rc, -(ssize_t)codings[i].want, "%s: %s",
		             codings[i].source, codings[i].value);
		rc = parse_response(METHOD_GET, "1.1 200", fields);
		cr_expect_eq(rc > 0 ? 0 : rc, -(ssize_t)codings[i].want, "%s: %s",
		             codings[i].source, codings[i].value);
		cr_expect(codings[i].want ||
		          (request.body == BODY_CHUNKED && response.body == BODY_CHUNKED));
	}
}

// --- both, and several ---

static const struct {
	const char *source;
	const char *version;
	const char *fields;
	enum http1_error want;
} conflicts[] = {
	{"RFC 9112 section 6.3 (CL.TE)", "1.1",
         "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", HTTP1_LENGTH_AND_CODING},
	{"ditto (TE.CL)", "1.1", "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
         HTTP1_LENGTH_AND_CODING},
	{"ditto, a length of 0", "1.1",
         "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n", HTTP1_LENGTH_AND_CODING},
	{"ditto, of another coding", "1.1",
         "Host: a\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n",
         HTTP1_LENGTH_AND_CODING},
	{"ditto, of none", "1.1", "Host: a\r\nTransfer-Encoding:\r\nContent-Length: 5\r\n",
         HTTP1_LENGTH_AND_CODING},
	{"ditto, Content-Length twice too", "1.1",
         "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
         HTTP1_LENGTH_AND_CODING},
	{"RFC 9112 section 6.1, HTTP/1.0 has none", "1.0", "Transfer-Encoding: chunked\r\n",
         HTTP1_CODING_IN_1_0},
	{"ditto, with a length", "1.0", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
         HTTP1_CODING_IN_1_0},
	{"Transfer-Encoding twice (TE.TE)", "1.1",
         "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", HTTP1_CODING},
	{"ditto", "1.1", "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
         HTTP1_CODING},
	{"ditto", "1.1", "Host: a\r\nTransfer-encoding: cow\r\ntransfer-Encoding: chunked\r\n",
         HTTP1_CODING},
	{"ditto, apart", "1.1",
         "Transfer-Encoding: chunked\r\nHost: a\r\nTRANSFER-ENCODING: chunked\r\n", HTTP1_CODING},
	{"Content-Length twice, others", "1.1",
         "Host: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n", HTTP1_LENGTH_TWICE},
	{"ditto, the same", "1.1", "Host: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
         HTTP1_LENGTH_TWICE},
	{"ditto, one empty", "1.1", "Host: a\r\nContent-Length:\r\nContent-Length: 5\r\n",
         HTTP1_LENGTH_TWICE},
	{"RFC 9112 section 3.2, no Host", "1.1", "Accept: b\r\n", HTTP1_HOST_MISSING},
	{"ditto, two", "1.1", "Host: a\r\nHost: a\r\n", HTTP1_HOST_TWICE},
	{"ditto, two others", "1.1", "Host: a\r\nAccept: c\r\nHOST: b\r\n", HTTP1_HOST_TWICE},
	{"ditto, in HTTP/1.0", "1.0", "Host: a\r\nHost: b\r\n", HTTP1_HOST_TWICE},
	{"ditto, an empty one", "1.1", "Host:\r\n", HTTP1_HOST},
	{"ditto, an empty one in HTTP/1.0", "1.0", "Host: \r\n", HTTP1_HOST},
	{"ditto, a list", "1.1", "Host: a, b\r\n", HTTP1_HOST},
};

Test(http1_framing, requests_that_say_it_twice_or_not_at_all_are_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(conflicts); i++)
		cr_expect_eq(parse_request(conflicts[i].version, conflicts[i].fields),
		             -(ssize_t)conflicts[i].want, "%s", conflicts[i].source);
}

Test(http1_framing, responses_that_say_it_twice_are_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(conflicts); i++) {
		char status[8];

		if (conflicts[i].want >= HTTP1_HOST_MISSING && conflicts[i].want <= HTTP1_HOST)
			continue;
		snprintf(status, sizeof(status), "%s 200", conflicts[i].version);
		cr_expect_eq(parse_response(METHOD_GET, status, conflicts[i].fields),
		             -(ssize_t)conflicts[i].want, "%s", conflicts[i].source);
	}
}

// A name that is almost the framing field's is a field like any other: the framing is written anew.
Test(http1_framing, look_alikes_do_not_frame)
{
	static const char *const names[] = {
		"Content_Length",     "Content-Lengt",    "Content-Lengthh",
		"ContentLength",      "X-Content-Length", "Transfer_Encoding",
		"Transfer-Encodings", "Transfer-Encodin", "Transfer.Encoding",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char fields[128];

		snprintf(fields, sizeof(fields), "Host: a\r\n%s: chunked\r\n", names[i]);
		cr_assert_gt(parse_request("1.1", fields), 0, "%s", names[i]);
		cr_expect_eq(request.body, BODY_NONE, "%s", names[i]);
		cr_expect_eq(request.fields.at[1].id, HEADER_OTHER, "%s", names[i]);
	}
}

// --- the body of a response ---

#define LENGTH "Content-Length: 7\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

static const struct {
	const char *source;
	uint8_t method;
	const char *status;
	const char *fields;
	uint8_t want;
	bool persists;
} bodies[] = {
	{"rule 1, HEAD", METHOD_HEAD, "1.1 200", LENGTH, BODY_NONE, true},
	{"rule 1, HEAD", METHOD_HEAD, "1.1 200", CHUNKED, BODY_NONE, true},
	{"rule 1, HEAD", METHOD_HEAD, "1.1 200", "", BODY_NONE, true},
	{"rule 1, HEAD", METHOD_HEAD, "1.0 200", LENGTH, BODY_NONE, false},
	{"rule 1, 1xx", METHOD_GET, "1.1 100", "", BODY_NONE, true},
	{"rule 1, 103", METHOD_GET, "1.1 103", "Link: </a.css>; rel=preload\r\n", BODY_NONE, true},
	{"rule 1, 204", METHOD_GET, "1.1 204", "", BODY_NONE, true},
	{"rule 1, 204 with a length", METHOD_DELETE, "1.1 204", "Content-Length: 0\r\n", BODY_NONE,
         true},
	{"204 with chunks may be followed by a last chunk", METHOD_GET, "1.1 204", CHUNKED,
         BODY_NONE, false},
	{"rule 1, 304", METHOD_GET, "1.1 304", LENGTH, BODY_NONE, true},
	{"rule 1, 304", METHOD_GET, "1.1 304", CHUNKED, BODY_NONE, true},
	{"rule 2, CONNECT", METHOD_CONNECT, "1.1 200", "", BODY_TUNNEL, true},
	{"rule 2, CONNECT", METHOD_CONNECT, "1.1 299", LENGTH, BODY_TUNNEL, true},
	{"rule 2, a CONNECT that failed", METHOD_CONNECT, "1.1 403", LENGTH, BODY_LENGTH, true},
	{"RFC 9110 section 15.2.2, 101", METHOD_GET, "1.1 101",
         "Connection: upgrade\r\nUpgrade: websocket\r\n", BODY_TUNNEL, true},
	{"rule 4", METHOD_GET, "1.1 200", CHUNKED, BODY_CHUNKED, true},
	{"rule 4", METHOD_POST, "1.1 500", CHUNKED "Connection: close\r\n", BODY_CHUNKED, false},
	{"rule 6", METHOD_GET, "1.1 200", LENGTH, BODY_LENGTH, true},
	{"rule 6, 205", METHOD_GET, "1.1 205", "Content-Length: 0\r\n", BODY_LENGTH, true},
	{"rule 6, of HTTP/1.0", METHOD_GET, "1.0 200", LENGTH "Connection: keep-alive\r\n",
         BODY_LENGTH, true},
	{"rule 8", METHOD_GET, "1.1 200", "", BODY_UNTIL_CLOSE, false},
	{"rule 8", METHOD_GET, "1.0 200", "Connection: keep-alive\r\n", BODY_UNTIL_CLOSE, false},
	{"close and keep-alive", METHOD_GET, "1.1 200", LENGTH "Connection: keep-alive, close\r\n",
         BODY_LENGTH, false},
};

Test(http1_framing, the_body_of_a_response_follows_from_status_method_and_fields)
{
	// RFC 9112 section 6.3
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		bool has_length = bodies[i].want == BODY_LENGTH && strstr(bodies[i].fields, ": 7");

		cr_expect_gt(parse_response(bodies[i].method, bodies[i].status, bodies[i].fields),
		             0, "%s", bodies[i].source);
		cr_expect_eq(response.body, bodies[i].want, "%s: %s", bodies[i].source,
		             bodies[i].status);
		cr_expect_eq(response.is_persistent, bodies[i].persists, "%s: %s", bodies[i].source,
		             bodies[i].status);
		cr_expect_eq(response.content_length, has_length ? 7 : 0, "%s", bodies[i].source);
	}
}

Test(http1_framing, an_answer_without_content_is_still_checked)
{
	cr_expect_eq(parse_response(METHOD_HEAD, "1.1 200", LENGTH CHUNKED),
	             -HTTP1_LENGTH_AND_CODING);
	cr_expect_eq(parse_response(METHOD_HEAD, "1.1 200", "Content-Length: x\r\n"),
	             -HTTP1_LENGTH);
	cr_expect_eq(parse_response(METHOD_GET, "1.1 304", LENGTH LENGTH), -HTTP1_LENGTH_TWICE);
	cr_expect_eq(parse_response(METHOD_GET, "1.1 101", "Transfer-Encoding: x\r\n"),
	             -HTTP1_CODING);
}

Test(http1_framing, the_protocol_of_a_101_is_told)
{
	cr_assert_gt(parse_response(METHOD_GET, "1.1 101",
	                            "Connection: upgrade\r\nUpgrade: websocket\r\n"),
	             0);
	cr_expect(slice_eq(response.upgrade, slice_of("websocket", 9)));
	cr_assert_gt(parse_response(METHOD_GET, "1.1 101", "Upgrade: websocket\r\n"), 0);
	cr_expect_eq(response.upgrade.len, 0);
}

// --- other things that fields say ---

Test(http1_framing, expect_and_te_are_read_as_lists_of_tokens)
{
	cr_assert_gt(
		parse_request("1.1",
	                      "Host: a\r\nExpect: 100-Continue\r\nTE: gzip;q=0.5, Trailers\r\n"),
		0);
	cr_expect(request.expects_continue && request.accepts_trailers);
	cr_assert_gt(parse_request("1.1", "Host: a\r\nExpect: 200-ok\r\nTE: trailersx\r\n"), 0);
	cr_expect_not(request.expects_continue || request.accepts_trailers);
	// RFC 9110 section 10.1.1: not in HTTP/1.0
	cr_assert_gt(parse_request("1.0", "Expect: 100-continue\r\n"), 0);
	cr_expect_not(request.expects_continue);
}
