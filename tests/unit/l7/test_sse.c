// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include "l7/sse.h"
#include "tests/support/guard.h"

static const struct {
	const char *bytes;
	uint64_t n_events;
	bool is_between;
} streams[] = {
	{"", 0, true},
	{"d", 0, false},
	{"data: a", 0, false},
	{"data: a\n", 0, false},
	{"data: a\n\n", 1, true},
	{"data: a\r\n", 0, false},
	{"data: a\r\n\r", 1, true},
	{"data: a\r\n\r\n", 1, true},
	{"data: a\r", 0, false},
	{"data: a\r\r", 1, true},
	{"data: a\n\r\n", 1, true},
	{"data: a\n\r", 1, true},
	{"data: a\r\n\n", 1, true},
	{"data: a\n\ndata: b\n\n", 2, true},
	{"data: a\n\ndata: b\n", 1, false},
	{"data: a\r\rdata: b\r\r", 2, true},
	{"data: a\r\n\r\ndata: b\r\n\r\n", 2, true},
	{"event: x\nid: 7\ndata: a\ndata: b\n\n", 1, true},
	{"data\n\n", 1, true},
	// Comments and empty lines are no events (WHATWG HTML section 9.2.6).
	{":", 0, false},
	{": c", 0, false},
	{": c\n", 0, true},
	{": c\r", 0, true},
	{": c\n\n", 0, true},
	{"\n\n\n", 0, true},
	{"\r\n\r\n", 0, true},
	{": c\ndata: a\n\n", 1, true},
	{"data: a\n: c\n\n", 1, true},
	{"data: a\n: c\n", 0, false},
	// The examples of section 9.2.6.
	{"data: YHOO\ndata: +2\ndata: 10\n\n", 1, true},
	{": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
         2, false},
	{"data\n\ndata\ndata\n\ndata:", 2, false},
	{"data:test\n\ndata: test\n\n", 2, true},
};

static struct sse track(const char *bytes, size_t len, size_t split)
{
	uint8_t *first = guard_alloc(split), *second = guard_alloc(len - split);
	struct sse s = {.line = 0};

	memcpy(first, bytes, split);
	memcpy(second, bytes + split, len - split);
	sse_track(&s, slice_of(first, split));
	sse_track(&s, slice_of(second, len - split));
	guard_free(first, split);
	guard_free(second, len - split);
	return s;
}

static bool is_same(const struct sse *a, const struct sse *b)
{
	return a->line == b->line && a->after_cr == b->after_cr && a->in_event == b->in_event &&
	       a->n_events == b->n_events;
}

Test(sse, knows_where_events_end_whatever_the_split)
{
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		size_t len = strlen(streams[i].bytes);

		for (size_t split = 0; split <= len; split++) {
			struct sse s = track(streams[i].bytes, len, split);

			cr_expect_eq(s.n_events, streams[i].n_events, "%zu at %zu: %lu", i, split,
			             s.n_events);
			cr_expect_eq(sse_is_between(&s), streams[i].is_between, "%zu at %zu", i,
			             split);
		}
	}
}

// What a client makes of a stream: the text of its data fields, events apart, read byte by byte as section 9.2.6 says.
static size_t dispatch(char *out, const char *p, size_t len)
{
	size_t n = 0, field = 0, data = 0;
	char line[64], block[256];

	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\n' && i > 0 && p[i - 1] == '\r')
			continue;
		if (p[i] != '\n' && p[i] != '\r') {
			line[field++] = p[i];
			continue;
		}
		if (field == 0 && data > 0) {
			memcpy(out + n, block, data);
			n += data;
			out[n++] = '|';
			data = 0;
		} else if (field > 0 && line[0] != ':') {
			memcpy(block + data, line, field);
			data += field;
			block[data++] = '\n';
		}
		field = 0;
	}
	return n;
}

Test(sse, a_comment_where_it_is_allowed_changes_no_event)
{
	size_t n_tried = 0;

	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		const char *bytes = streams[i].bytes;
		size_t len = strlen(bytes), n_want;
		char want[512], got[512], with[512];

		n_want = dispatch(want, bytes, len);
		for (size_t at = 0; at <= len; at++) {
			struct sse s = track(bytes, at, at);

			if (!sse_is_between(&s))
				continue;
			memcpy(with, bytes, at);
			memcpy(with + at, SSE_COMMENT, sizeof(SSE_COMMENT) - 1);
			memcpy(with + at + sizeof(SSE_COMMENT) - 1, bytes + at, len - at);
			cr_expect_eq(dispatch(got, with, len + sizeof(SSE_COMMENT) - 1), n_want);
			cr_expect_arr_eq(got, want, n_want, "%zu at %zu", i, at);
			n_tried++;
		}
	}
	cr_expect_gt(n_tried, ARRAY_LEN(streams));
}

// All texts of these four bytes up to seven long: whole, and cut in two at every place.
Test(sse, every_split_gives_the_same_state)
{
	static const char bytes[] = "\r\n:a";
	char text[7];

	for (size_t len = 0; len <= sizeof(text); len++)
		for (size_t number = 0; number < (size_t)1 << 2 * len; number++) {
			struct sse whole = {.line = 0};

			for (size_t i = 0; i < len; i++)
				text[i] = bytes[number >> 2 * i & 3];
			sse_track(&whole, slice_of(text, len));
			for (size_t split = 1; split < len; split++) {
				struct sse s = {.line = 0};

				sse_track(&s, slice_of(text, split));
				sse_track(&s, slice_of(text + split, len - split));
				cr_assert(is_same(&s, &whole), "%zu of %zu at %zu", number, len,
				          split);
			}
		}
}

static bool is_stream(const char *type)
{
	static struct response r;

	r = (struct response){.status = 200};
	if (type && !message_add(&r.fields, HEADER_CONTENT_TYPE, slice_of("Content-Type", 12),
	                         slice_of(type, strlen(type))))
		return false;
	return sse_is_stream(&r);
}

Test(sse, is_told_by_the_content_type)
{
	cr_expect(is_stream("text/event-stream"));
	cr_expect(is_stream("Text/Event-Stream"));
	cr_expect(is_stream("text/event-stream;charset=utf-8"));
	cr_expect(is_stream("text/event-stream ; charset=utf-8"));
	cr_expect_not(is_stream("text/event-streams"));
	cr_expect_not(is_stream("text/event-strea"));
	cr_expect_not(is_stream("application/json; x=text/event-stream"));
	cr_expect_not(is_stream(""));
	cr_expect_not(is_stream(NULL));
}

static bool takes_comments(uint8_t body, const char *encoding)
{
	static struct response r;

	r = (struct response){.status = 200, .body = body};
	if (encoding &&
	    !message_add(&r.fields, HEADER_CONTENT_ENCODING, slice_of("Content-Encoding", 16),
	                 slice_of(encoding, strlen(encoding))))
		return false;
	return sse_takes_comments(&r);
}

Test(sse, no_comment_goes_where_length_or_encoding_covers_the_content)
{
	struct sse s = {.is_opaque = true};

	cr_expect(takes_comments(BODY_CHUNKED, NULL));
	cr_expect(takes_comments(BODY_UNTIL_CLOSE, NULL));
	cr_expect(takes_comments(BODY_CHUNKED, "Identity"));
	cr_expect_not(takes_comments(BODY_CHUNKED, "gzip"));
	cr_expect_not(takes_comments(BODY_CHUNKED, "br"));
	cr_expect_not(takes_comments(BODY_LENGTH, NULL));
	cr_expect_not(takes_comments(BODY_NONE, NULL));
	sse_track(&s, slice_of("data: a\n\n", 9));
	cr_expect_eq(s.n_events, 1);
	cr_expect_not(sse_is_between(&s));
}
