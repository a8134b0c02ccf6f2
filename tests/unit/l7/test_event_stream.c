// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <stdio.h>

#include "l7/event_stream.h"
#include "tests/support/eventcheck.h"
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
	// Without data nothing is dispatched, and what only looks like data is none.
	{"event: ping\n\n", 0, true},
	{"id: 7\nretry: 10\n\n", 0, true},
	{"dat\n\n", 0, true},
	{"dat: a\n\n", 0, true},
	{"datax: a\n\n", 0, true},
	{"data x: a\n\n", 0, true},
	{" data: a\n\n", 0, true},
	{"Data: a\n\n", 0, true},
	{"event: x\ndata\n\n", 1, true},
	{":data: a\n\n", 0, true},
	// A byte order mark at the start is nothing; elsewhere, or half of it, it is part of a field's name.
	{"\xef\xbb\xbf", 0, true},
	{"\xef\xbb", 0, false},
	{"\xef\xbb\xbf"
         "data: a\n\n",
         1, true},
	{"\xef\xbb\xbf\n\ndata: a\n\n", 1, true},
	{"\xef\xbb"
         "data: a\n\n",
         0, true},
	{"\xef\xbb\xbf\xef\xbb\xbf"
         "data: a\n\n",
         0, true},
	{"\n\xef\xbb\xbf"
         "data: a\n\n",
         0, true},
};

enum { PIECES = 3 };

static void see(void *owner, const struct event *e)
{
	cr_assert_not(e->is_oversize);
	eventcheck_add(owner, e->name, e->data);
}

// Gives the bytes in pieces that end at `cuts`, each where a page ends. Without a pool: framing alone.
static struct event_stream take(struct buf_pool *bufs, struct slice bytes,
                                const size_t cuts[PIECES], struct eventcheck *seen)
{
	struct event_stream s = {.bufs = bufs, .limit = EVENT_STREAM_LIMIT};
	size_t at = 0;

	for (size_t i = 0; i < PIECES; i++) {
		size_t len = cuts[i] - at;
		uint8_t *piece = guard_alloc(len);

		memcpy(piece, bytes.ptr + at, len);
		event_stream_take(&s, slice_of(piece, len), seen ? see : NULL, seen);
		guard_free(piece, len);
		at = cuts[i];
	}
	return s;
}

static struct slice slice_z(const char *text)
{
	return slice_of(text, strlen(text));
}

static struct event_stream track(struct slice bytes, size_t split)
{
	return take(NULL, bytes, (const size_t[PIECES]){split, bytes.len, bytes.len}, NULL);
}

Test(event_stream, knows_where_events_end_whatever_the_split)
{
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		struct slice bytes = slice_z(streams[i].bytes);

		for (size_t split = 0; split <= bytes.len; split++) {
			struct event_stream s = track(bytes, split);

			cr_expect_eq(s.n_events, streams[i].n_events, "%zu at %zu: %lu", i, split,
			             s.n_events);
			cr_expect_eq(event_stream_is_between(&s), streams[i].is_between,
			             "%zu at %zu", i, split);
		}
	}
}

Test(event_stream, a_comment_where_it_is_allowed_changes_no_event)
{
	const struct slice comment = slice_z(EVENT_STREAM_COMMENT);
	size_t n_tried = 0;

	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		struct slice bytes = slice_z(streams[i].bytes);
		struct eventcheck want = {.n = 0};
		uint8_t with[512];

		eventcheck_read(&want, bytes, EVENT_NAME_MAX);
		// A mark at the start would be no mark any more: event_stream.h.
		for (size_t at = bytes.len && bytes.ptr[0] == 0xef; at <= bytes.len; at++) {
			struct event_stream s = track(slice_of(bytes.ptr, at), at);
			struct eventcheck got = {.n = 0};

			if (!event_stream_is_between(&s))
				continue;
			memcpy(with, bytes.ptr, at);
			memcpy(with + at, comment.ptr, comment.len);
			memcpy(with + at + comment.len, bytes.ptr + at, bytes.len - at);
			eventcheck_read(&got, slice_of(with, bytes.len + comment.len),
			                EVENT_NAME_MAX);
			cr_expect(eventcheck_eq(&got, &want), "%zu at %zu", i, at);
			eventcheck_fini(&got);
			n_tried++;
		}
		eventcheck_fini(&want);
	}
	cr_expect_gt(n_tried, ARRAY_LEN(streams));
}

// What is dispatched, as the section says it in words.
static const struct {
	const char *bytes;
	const char *want; // eventcheck's text, '/' for its separator
} said[] = {
	{"data: a\n\n", "|a/"},
	{"data:a\n\n", "|a/"},
	{"data:  a\n\n", "| a/"},
	{"data\n\n", "|/"},
	{"data:\n\n", "|/"},
	{"data\ndata\n\n", "|\n/"},
	{"event: x\ndata: a\n\ndata: b\n\n", "x|a/|b/"},
	{"event: x\n\ndata: b\n\n", "|b/"},
	{"event: x\nevent: y\ndata: b\n\n", "y|b/"},
	{"event\ndata: b\n\n", "|b/"},
	{"data: YHOO\ndata: +2\ndata: 10\n\n", "|YHOO\n+2\n10/"},
	{"data: a\r\ndata: b\r\n\r\n", "|a\nb/"},
	{"data: a\rdata: b\r\r", "|a\nb/"},
	{"data: a\n: c\nid: 1\nevent: name\ndata: a longer one\n\n", "name|a\na longer one/"},
	{": c\n\n: d\ndata: a: b\n\n", "|a: b/"},
	{"\xef\xbb\xbf"
         "event: e\ndata: a\n\n",
         "e|a/"},
	{"data: never ends\n", ""},
	{"event: 0123456789012345678901234567890123456789012345678901234567\ndata: a\n\n",
         "012345678901234567890123456789012345678901234567|a/"},
};

static void expect_said(struct buf_pool *bufs, size_t i, const size_t cuts[PIECES])
{
	struct eventcheck seen = {.n = 0};
	struct event_stream s = take(bufs, slice_z(said[i].bytes), cuts, &seen);

	for (size_t k = 0; k < seen.len; k++)
		seen.text[k] = seen.text[k] == EVENTCHECK_END ? '/' : seen.text[k];
	cr_expect(slice_eq(slice_of(seen.text, seen.len), slice_z(said[i].want)),
	          "%zu cut at %zu and %zu: %.*s", i, cuts[0], cuts[1], (int)seen.len, seen.text);
	event_stream_fini(&s);
	cr_expect_eq(bufs->used_size, 0);
	eventcheck_fini(&seen);
}

Test(event_stream, gives_what_events_say_whatever_the_splits)
{
	struct buf_pool bufs = {.budget = SIZE_MAX};

	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		size_t len = strlen(said[i].bytes);

		for (size_t a = 0; a <= len; a++)
			for (size_t b = a; b <= len; b++)
				expect_said(&bufs, i, (const size_t[PIECES]){a, b, len});
	}
	buf_fini(&bufs);
}

Test(event_stream, every_truncation_gives_the_events_before_it)
{
	struct buf_pool bufs = {.budget = SIZE_MAX};

	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		for (size_t len = 0; len <= strlen(said[i].bytes); len++) {
			struct slice bytes = slice_of(said[i].bytes, len);
			struct eventcheck seen = {.n = 0}, want = {.n = 0};
			struct event_stream s =
				take(&bufs, bytes, (const size_t[PIECES]){len, len, len}, &seen);

			eventcheck_read(&want, bytes, EVENT_NAME_MAX);
			cr_expect(eventcheck_eq(&seen, &want), "%zu at %zu", i, len);
			event_stream_fini(&s);
			eventcheck_fini(&seen);
			eventcheck_fini(&want);
		}
	cr_expect_eq(bufs.used_size, 0);
	buf_fini(&bufs);
}

// All texts of up to six of these words: whole, byte by byte, and cut in two at every place.
Test(event_stream, is_what_a_naive_reader_sees)
{
	static const char *const words[] = {"\r",      "\n",      ":", "data",
	                                    "data: b", "event:e", " ", "x"};
	struct buf_pool bufs = {.budget = SIZE_MAX};
	char text[64];

	for (size_t number = 0; number < (size_t)1 << 18; number++) {
		struct eventcheck want = {.n = 0};
		size_t len = 0;

		for (size_t i = 0; i < 6; i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s",
			                        words[number >> 3 * i & 7]);
		eventcheck_read(&want, slice_of(text, len), EVENT_NAME_MAX);
		for (size_t split = number % 2; split < len; split += 2) {
			struct event_stream s = {.bufs = &bufs, .limit = 100};
			struct eventcheck seen = {.n = 0};

			event_stream_take(&s, slice_of(text, split), see, &seen);
			event_stream_take(&s, slice_of(text + split, len - split), see, &seen);
			event_stream_fini(&s);
			cr_assert(eventcheck_eq(&seen, &want), "%zu at %zu", number, split);
			cr_assert_eq(s.n_events, want.n, "%zu at %zu", number, split);
			eventcheck_fini(&seen);
		}
		eventcheck_fini(&want);
	}
	cr_expect_eq(bufs.used_size, 0);
	buf_fini(&bufs);
}

static void count_oversize(void *owner, const struct event *e)
{
	size_t *n = owner;

	cr_expect(e->is_oversize || slice_eq(e->data, slice_z("small")));
	n[e->is_oversize]++;
}

// Ten megabytes without an end, then others: the large one is skipped in the memory of its limit, and only it.
Test(event_stream, an_event_of_ten_megabytes_takes_no_more_than_its_limit)
{
	static const struct {
		const char *start, *end;
	} shapes[] = {
		{"data: ", "\n\n"}, {"data: a\ndata: ", "\r\n\r\n"}, {"event: x\ndata:", "\r\r"}};
	static uint8_t block[60000];

	memset(block, 'x', sizeof(block));
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		struct buf_pool bufs = {.budget = SIZE_MAX};
		struct event_stream s = {.bufs = &bufs, .limit = 65536};
		size_t n[2] = {0, 0}, most = 0;

		event_stream_take(&s, slice_z("data: small\n\n"), count_oversize, n);
		event_stream_take(&s, slice_z(shapes[i].start), count_oversize, n);
		for (size_t sent = 0; sent < 10 << 20; sent += sizeof(block)) {
			event_stream_take(&s, slice_of(block, sizeof(block)), count_oversize, n);
			most = bufs.used_size > most ? bufs.used_size : most;
		}
		cr_expect_eq(bufs.used_size, 0, "nothing is held of what will not be read");
		event_stream_take(&s, slice_z(shapes[i].end), count_oversize, n);
		event_stream_take(&s, slice_z("data: small\n\n"), count_oversize, n);
		cr_expect_leq(most, BUF_HUGE_SIZE + sizeof(struct buf));
		cr_expect_eq(n[false], 2);
		cr_expect_eq(n[true], 1);
		cr_expect_eq(s.n_events, 3);
		event_stream_fini(&s);
		buf_fini(&bufs);
	}
}

Test(event_stream, an_event_beyond_the_limit_is_so_in_one_piece_too)
{
	struct buf_pool bufs = {.budget = SIZE_MAX};
	struct event_stream s = {.bufs = &bufs, .limit = 12};
	size_t n[2] = {0, 0};

	event_stream_take(&s, slice_z("data: small\n\ndata: large\ndata: x\n\ndata: small\n\n"),
	                  count_oversize, n);
	cr_expect_eq(n[false], 2);
	cr_expect_eq(n[true], 1);
	buf_fini(&bufs);
}

Test(event_stream, without_memory_events_are_counted_and_skipped)
{
	struct buf_pool bufs = {.budget = 0};
	struct event_stream s = {.bufs = &bufs, .limit = 65536};
	size_t n[2] = {0, 0};

	event_stream_take(&s, slice_z("data: sm"), count_oversize, n);
	event_stream_take(&s, slice_z("all\n\ndata: small\n\n"), count_oversize, n);
	cr_expect_eq(n[true], 1);
	cr_expect_eq(n[false], 1, "one in a single piece needs no memory");
	buf_fini(&bufs);
}

// Streams that stop within an event must not keep the worker from new work (loop.h asks buf_is_full()).
Test(event_stream, events_that_never_end_do_not_fill_the_pool)
{
	static uint8_t half[60000] = "data:";
	struct buf_pool bufs = {.budget = 8 << 20};
	static struct event_stream unended[200];
	size_t n[2] = {0, 0};

	memset(half + 5, 'x', sizeof(half) - 5);
	for (size_t i = 0; i < ARRAY_LEN(unended); i++) {
		unended[i] = (struct event_stream){.bufs = &bufs, .limit = 65536};
		event_stream_take(&unended[i], slice_of(half, sizeof(half)), count_oversize, n);
		cr_assert_leq(bufs.used_size, (size_t)1 << 20, "%zu", i);
	}
	cr_expect_gt(bufs.used_size, (size_t)15 << 16, "what there is room for is read");
	event_stream_take(&unended[199], slice_z("\n\ndata: small\n\n"), count_oversize, n);
	cr_expect(n[true] == 1 && n[false] == 1, "the others pass unread");
	for (size_t i = 0; i < ARRAY_LEN(unended); i++)
		event_stream_fini(&unended[i]);
	cr_expect_eq(bufs.extra_size, 0);
	buf_fini(&bufs);
}

static void expect_inside(void *owner, const struct event *e)
{
	const struct slice *bytes = owner;

	cr_expect(e->data.ptr >= bytes->ptr &&
	          e->data.ptr + e->data.len <= bytes->ptr + bytes->len);
}

Test(event_stream, an_event_in_one_piece_is_given_where_it_lies)
{
	struct buf_pool bufs = {.budget = SIZE_MAX};
	struct event_stream s = {.bufs = &bufs, .limit = 65536};
	struct slice bytes = slice_z("event: x\ndata: {}\n\ndata: [DONE]\n\n");

	event_stream_take(&s, bytes, expect_inside, &bytes);
	cr_expect_eq(s.n_events, 2);
	cr_expect_eq(bufs.spare_size, 0, "no buffer was ever taken");
	buf_fini(&bufs);
}

static bool is_stream_of(struct response head, const char *type)
{
	static struct response r;

	r = head;
	if (type && !message_add(&r.fields, HEADER_CONTENT_TYPE, slice_of("Content-Type", 12),
	                         slice_of(type, strlen(type))))
		return false;
	return event_stream_is(&r);
}

static bool is_stream(const char *type)
{
	return is_stream_of((struct response){.status = 200, .body = BODY_CHUNKED}, type);
}

// WHATWG HTML section 9.2.2: any other status is the end, and 204 how a server says it.
Test(event_stream, has_status_200_and_content)
{
	static const struct response heads[] = {
		{.status = 204, .body = BODY_NONE},   {.status = 205, .body = BODY_LENGTH},
		{.status = 304, .body = BODY_NONE},   {.status = 200, .body = BODY_NONE},
		{.status = 200, .body = BODY_LENGTH}, {.status = 503, .body = BODY_CHUNKED},
		{.status = 206, .body = BODY_CHUNKED}};
	static const struct response whole[] = {
		{.status = 200, .body = BODY_CHUNKED},
		{.status = 200, .body = BODY_UNTIL_CLOSE},
		{.status = 200, .body = BODY_LENGTH, .content_length = 1}};

	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		cr_expect_not(is_stream_of(heads[i], "text/event-stream"), "%zu", i);
	for (size_t i = 0; i < ARRAY_LEN(whole); i++)
		cr_expect(is_stream_of(whole[i], "text/event-stream"), "%zu", i);
}

Test(event_stream, is_told_by_the_content_type)
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

static void add_encoding(struct response *r, const char *encoding)
{
	cr_assert(message_add(&r->fields, HEADER_CONTENT_ENCODING, slice_of("Content-Encoding", 16),
	                      slice_of(encoding, strlen(encoding))));
}

static bool takes_comments(uint8_t body, const char *encoding)
{
	static struct response r;

	r = (struct response){.status = 200, .body = body};
	if (encoding)
		add_encoding(&r, encoding);
	return event_stream_takes_comments(&r);
}

Test(event_stream, any_encoding_among_several_hides_its_events)
{
	static const struct {
		const char *one, *two;
		bool is_plain;
	} cases[] = {
		{"identity", "gzip", false},
		{"gzip", "identity", false},
		{"identity, gzip", "", false},
		{"identity ,\tbr", "identity", false},
		{"gzip,", "", false},
		{"identity, ,Identity", "identity", true},
		{"", "", true},
		{",", "identity,", true},
		{"identity gzip", "", false},
	};
	static struct response r;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		r = (struct response){.status = 200, .body = BODY_CHUNKED};
		add_encoding(&r, cases[i].one);
		add_encoding(&r, cases[i].two);
		cr_expect_eq(event_stream_is_plain(&r), cases[i].is_plain, "%zu", i);
		r.fields.at[0].is_dropped = r.fields.at[1].is_dropped = true;
		cr_expect(event_stream_is_plain(&r), "%zu: not passed on", i);
	}
}

Test(event_stream, no_comment_goes_where_length_or_encoding_covers_the_content)
{
	struct event_stream s = {.is_opaque = true};

	cr_expect(takes_comments(BODY_CHUNKED, NULL));
	cr_expect(takes_comments(BODY_UNTIL_CLOSE, NULL));
	cr_expect(takes_comments(BODY_CHUNKED, "Identity"));
	cr_expect_not(takes_comments(BODY_CHUNKED, "gzip"));
	cr_expect_not(takes_comments(BODY_CHUNKED, "br"));
	cr_expect_not(takes_comments(BODY_LENGTH, NULL));
	cr_expect_not(takes_comments(BODY_NONE, NULL));
	event_stream_take(&s, slice_of("data: a\n\n", 9), NULL, NULL);
	cr_expect_eq(s.n_events, 1);
	cr_expect_not(event_stream_is_between(&s));
}
