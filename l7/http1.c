// SPDX-License-Identifier: BSD-3-Clause
#include "l7/http1.h"

#include "l7/http1_framing.h"
#include "l7/http1_target.h"

#define X(SYMBOL, status, text) [HTTP1_##SYMBOL] = (status),
const uint16_t http1_error_status[HTTP1_ERROR_COUNT] = {[HTTP1_OK] = 200, HTTP1_ERRORS(X)};
#undef X

#define X(SYMBOL, status, text) [HTTP1_##SYMBOL] = (text),
const char *const http1_error_text[HTTP1_ERROR_COUNT] = {[HTTP1_OK] = "", HTTP1_ERRORS(X)};
#undef X

// --- how much is looked at ---

// A head that was incomplete stays so while no line ends in what arrived since; looking at all of it with every octet
// would cost a slow sender nothing and us a lot. A limit that is crossed wants a look too.
static bool is_news(struct slice in, size_t seen, const struct http1_limits *limits)
{
	if (seen == 0 || seen > in.len || in.len >= limits->head)
		return true;
	// An empty line and the line's own end may stand before and behind it.
	if (in.len >= limits->line && seen < (size_t)limits->line + 4)
		return true;
	return memchr(in.ptr + seen, '\n', in.len - seen) != NULL;
}

// Ends the view `max` octets behind `from` if it goes so far: whoever needs more of it then has met a limit.
static bool clip(struct http1_scan *s, const uint8_t *from, uint64_t max)
{
	if ((uint64_t)(s->end - from) < max)
		return false;
	s->end = from + max;
	return true;
}

// --- first lines ---

// RFC 9112 section 2.2: one empty line is a client's mistake, more are not.
static int skip_empty_line(struct http1_scan *s)
{
	for (int n = 0; s->at < s->end; n++) {
		if (*s->at == '\n')
			return HTTP1_BARE_LF;
		if (*s->at != '\r')
			return 0;
		if (n == 1)
			return HTTP1_LINE;
		if (s->end - s->at < 2)
			return HTTP1_SCAN_MORE;
		if (s->at[1] != '\n')
			return HTTP1_BARE_CR;
		s->at += 2;
	}
	return HTTP1_SCAN_MORE;
}

// `s` is of a whole request line, so 8 octets may be read where it begins.
static uint8_t method_of(struct slice s)
{
	static const char names[METHOD_COUNT][8] = {
		[METHOD_GET] = "GET",     [METHOD_HEAD] = "HEAD",     [METHOD_POST] = "POST",
		[METHOD_PUT] = "PUT",     [METHOD_DELETE] = "DELETE", [METHOD_OPTIONS] = "OPTIONS",
		[METHOD_PATCH] = "PATCH", [METHOD_TRACE] = "TRACE",   [METHOD_CONNECT] = "CONNECT",
	};
	uint64_t text;

	if (s.len >= sizeof(text))
		return METHOD_OTHER;
	memcpy(&text, s.ptr, sizeof(text));
	text &= (1ULL << 8 * s.len) - 1;
	for (int method = METHOD_GET; method < METHOD_COUNT; method++)
		if (memcmp(&text, names[method], sizeof(text)) == 0)
			return (uint8_t)method;
	return METHOD_OTHER;
}

// Why a word of the request line ended with the octet c instead of a blank.
static int word_error(uint8_t c, int otherwise)
{
	if (c == '\n')
		return HTTP1_BARE_LF;
	return c == '\r' || c == ' ' ? HTTP1_LINE : otherwise;
}

static int take_method(struct request *r, struct http1_scan *s)
{
	const uint8_t *begin = s->at;
	uint32_t stops = 0;

	while (!stops && s->at < s->end) {
		struct http1_scan_block b = http1_scan_load(s, s->at);

		stops = http1_scan_non_token(b);
		s->at += stops ? http1_scan_first(stops) : b.valid;
	}
	if (s->at == s->end)
		return HTTP1_SCAN_MORE;
	if (*s->at != ' ' || s->at == begin)
		return word_error(*s->at, HTTP1_METHOD);
	r->method_text = slice_of(begin, (size_t)(s->at - begin));
	s->at++;
	return 0;
}

static int take_target(struct request *r, struct http1_scan *s, struct http1_target_marks *marks)
{
	const uint8_t *begin = s->at;
	uint32_t stops = 0;

	*marks = (struct http1_target_marks){0};
	while (!stops && s->at < s->end) {
		struct http1_scan_block b = http1_scan_load(s, s->at);
		uint32_t question = http1_scan_equal(b, '?');
		uint32_t percent = http1_scan_equal(b, '%');

		stops = http1_scan_non_target(b);
		question &= stops ^ (stops - 1); // in front of the first stop, all if there is none
		marks->has_percent |= percent != 0;
		if (question && !marks->question)
			marks->question = s->at + http1_scan_first(question);
		s->at += stops ? http1_scan_first(stops) : b.valid;
	}
	if (s->at == s->end)
		return HTTP1_SCAN_MORE;
	if (*s->at != ' ' || s->at == begin)
		return word_error(*s->at, HTTP1_TARGET);
	r->target = slice_of(begin, (size_t)(s->at - begin));
	s->at++;
	return 0;
}

// The first octet that is not of "HTTP/1.x CR LF" says what is wrong; a whole other version may follow first.
static int version_error(const struct http1_scan *s)
{
	static const char want[] = "HTTP/";
	size_t n = (size_t)(s->end - s->at);
	const uint8_t *p = s->at;

	for (size_t i = 0; i < n && i < 8; i++) {
		bool is_right = i < 5    ? p[i] == (uint8_t)want[i]
		                : i == 6 ? p[i] == '.'
		                         : p[i] >= '0' && p[i] <= '9';

		if (!is_right)
			return word_error(p[i], HTTP1_VERSION);
	}
	if (n < 8)
		return HTTP1_SCAN_MORE;
	if (p[5] != '1')
		return HTTP1_MAJOR;
	if (p[7] > '1')
		return HTTP1_VERSION;
	if (n > 8 && p[8] != '\r')
		return word_error(p[8], HTTP1_LINE);
	return n < 10 ? HTTP1_SCAN_MORE : HTTP1_BARE_CR;
}

static int take_version(struct request *r, struct http1_scan *s)
{
	const uint8_t *p = s->at;

	if (s->end - p < 10 || memcmp(p, "HTTP/1.", 7) != 0 || (p[7] != '1' && p[7] != '0') ||
	    memcmp(p + 8, "\r\n", 2) != 0)
		return version_error(s);
	r->minor = p[7] - '0';
	s->at += 10;
	return 0;
}

static int take_request_line(struct request *r, struct http1_scan *s)
{
	struct http1_target_marks marks;
	int rc;

	rc = take_method(r, s);
	if (rc)
		return rc;
	rc = take_target(r, s, &marks);
	if (rc)
		return rc;
	rc = take_version(r, s);
	if (rc)
		return rc;
	r->method = method_of(r->method_text);
	return http1_target_split(r, &marks);
}

// The first octet that is not of "HTTP/1.x NNN" and what may follow says what is wrong.
static int status_error(const struct http1_scan *s)
{
	static const char want[] = "HTTP/1.x nnn";
	size_t n = (size_t)(s->end - s->at);
	const uint8_t *p = s->at;

	for (size_t i = 0; i < n && i < sizeof(want) - 1; i++) {
		bool is_right = want[i] == 'x'   ? p[i] == '0' || p[i] == '1'
		                : want[i] == 'n' ? p[i] >= (i == 9 ? '1' : '0') && p[i] <= '9'
		                                 : p[i] == (uint8_t)want[i];

		if (!is_right)
			return HTTP1_STATUS;
	}
	if (n < sizeof(want) || p[12] == ' ' || p[12] == '\r')
		return HTTP1_SCAN_MORE;
	return p[12] == '\n' ? HTTP1_BARE_LF : HTTP1_STATUS;
}

// The shortest is "HTTP/1.1 200 CR LF": the blank behind the status is missing from many.
static int take_status_line(struct response *r, struct http1_scan *s)
{
	int rc = status_error(s);
	const uint8_t *p = s->at, *reason;

	if (rc != HTTP1_SCAN_MORE || s->end - p < 14)
		return rc;
	reason = p + 12 + (p[12] == ' ');
	s->at = http1_scan_find_control(s, reason);
	if (s->at == s->end)
		return HTTP1_SCAN_MORE;
	r->minor = p[7] - '0';
	r->status = (uint16_t)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
	r->reason = slice_of(reason, (size_t)(s->at - reason));
	return http1_scan_line_end(s);
}

// --- whole heads ---

// The first line in a view that ends where the limit for lines does.
static int request_line(struct request *r, struct http1_scan *s, uint32_t max)
{
	const uint8_t *end = s->end;
	bool is_clipped;
	int rc;

	rc = skip_empty_line(s);
	if (rc)
		return rc;
	is_clipped = clip(s, s->at, (uint64_t)max + 2);
	rc = take_request_line(r, s);
	s->end = end;
	return rc == HTTP1_SCAN_MORE && is_clipped ? HTTP1_LINE_TOO_LONG : rc;
}

static int status_line(struct response *r, struct http1_scan *s, uint32_t max)
{
	const uint8_t *end = s->end;
	bool is_clipped = clip(s, s->at, (uint64_t)max + 2);
	int rc = take_status_line(r, s);

	s->end = end;
	return rc == HTTP1_SCAN_MORE && is_clipped ? HTTP1_LINE_TOO_LONG : rc;
}

static int section(struct fields *out, struct http1_fields_marks *m, struct http1_scan *s,
                   const struct http1_limits *limits)
{
	uint16_t max = limits->fields < MESSAGE_FIELDS_MAX ? limits->fields : MESSAGE_FIELDS_MAX;

	return http1_fields_parse(out, m, s, max);
}

// What the last step said, as a parse function says it. If the view was clipped, needing more is a fault.
static ssize_t verdict(int rc, const struct http1_scan *s, bool is_clipped)
{
	if (rc == HTTP1_SCAN_MORE)
		return is_clipped ? -HTTP1_HEAD_TOO_LONG : 0;
	return rc ? -rc : s->at - s->begin;
}

ssize_t http1_parse_request(struct request *out, struct slice in, size_t seen,
                            const struct http1_limits *limits)
{
	struct http1_scan s = {.begin = in.ptr, .at = in.ptr, .end = in.ptr + in.len};
	struct http1_fields_marks marks;
	bool is_clipped;
	int rc;

	if (!is_news(in, seen, limits))
		return 0;
	is_clipped = clip(&s, s.begin, limits->head);
	rc = request_line(out, &s, limits->line);
	if (!rc)
		rc = section(&out->fields, &marks, &s, limits);
	if (!rc)
		rc = http1_framing_request(out, &marks);
	return verdict(rc, &s, is_clipped);
}

ssize_t http1_parse_response(struct response *out, struct slice in, size_t seen, uint8_t method,
                             const struct http1_limits *limits)
{
	struct http1_scan s = {.begin = in.ptr, .at = in.ptr, .end = in.ptr + in.len};
	struct http1_fields_marks marks;
	bool is_clipped;
	int rc;

	if (!is_news(in, seen, limits))
		return 0;
	is_clipped = clip(&s, s.begin, limits->head);
	rc = status_line(out, &s, limits->line);
	if (!rc)
		rc = section(&out->fields, &marks, &s, limits);
	if (!rc)
		rc = http1_framing_response(out, &marks, method);
	return verdict(rc, &s, is_clipped);
}

// --- trailers ---

// RFC 9110 section 6.5.1: what frames, routes, authenticates or describes the content would come too late.
static bool is_trailer(const struct field *f)
{
	if (header_classes[f->id] != HEADER_END_TO_END)
		return false;
	if (f->id == HEADER_HOST || f->id == HEADER_AUTHORIZATION || f->id == HEADER_COOKIE)
		return false;
	return f->name.len < 8 || !header_eq(slice_of(f->name.ptr, 8), "content-");
}

ssize_t http1_parse_trailers(struct fields *out, struct slice in, size_t seen,
                             const struct http1_limits *limits)
{
	struct http1_scan s = {.begin = in.ptr, .at = in.ptr, .end = in.ptr + in.len};
	struct http1_fields_marks marks;
	bool is_clipped;
	int rc;

	if (!is_news(in, seen, limits))
		return 0;
	is_clipped = clip(&s, s.begin, limits->head);
	rc = section(out, &marks, &s, limits);
	for (uint16_t i = 0; !rc && i < out->n; i++)
		if (!is_trailer(&out->at[i]))
			rc = HTTP1_TRAILER;
	return verdict(rc, &s, is_clipped);
}
