// SPDX-License-Identifier: BSD-3-Clause
#include "l7/http1.h"
#include "tests/support/http1check.h"

#include <criterion/criterion.h>

#include <stdio.h>

// What a decoder made of its input.
struct decoded {
	char data[8192];
	size_t len;
	ssize_t error;   // 0 if there was none
	size_t consumed; // up to the trailers, or the error
	bool is_at_trailers;
};

// Feeds in[from..to) until it is used up.
static void feed(struct http1_chunked *c, struct decoded *d, struct slice in)
{
	while (in.len && !d->error && !c->is_at_trailers) {
		struct slice data;
		ssize_t n = http1_decode_chunks(c, in, &data);

		cr_assert_neq(n, 0);
		if (n < 0) {
			d->error = n;
			return;
		}
		cr_assert_leq((size_t)n, in.len);
		cr_assert(!data.len || (data.ptr >= in.ptr && data.ptr + data.len <= in.ptr + n));
		memcpy(d->data + d->len, data.ptr ? (const char *)data.ptr : "", data.len);
		d->len += data.len;
		d->consumed += (size_t)n;
		in = slice_of(in.ptr + n, in.len - (size_t)n);
	}
	d->is_at_trailers = c->is_at_trailers;
}

// In pieces that end at the given places, each against a guard page.
static struct decoded decode(struct slice in, size_t first, size_t second)
{
	struct http1_chunked c = {0};
	struct decoded d = {.len = 0};

	feed(&c, &d, http1check_copy(slice_of(in.ptr, first), true));
	feed(&c, &d, http1check_copy(slice_of(in.ptr + first, second - first), false));
	feed(&c, &d, http1check_copy(slice_of(in.ptr + second, in.len - second), true));
	return d;
}

static struct decoded decode_text(const char *text)
{
	return decode(slice_of(text, strlen(text)), 0, 0);
}

static bool is_same(const struct decoded *a, const struct decoded *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0 && a->error == b->error &&
	       a->is_at_trailers == b->is_at_trailers && (a->error || a->consumed == b->consumed);
}

static const struct {
	const char *source;
	const char *text;
	const char *want;
	size_t rest; // octets behind the last chunk's line
} valid[] = {
	{"RFC 9112 section 7.1", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", 2},
	{"nothing", "0\r\n\r\n", "", 2},
	{"hex digits of both cases", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
         "01234567890123456789a", 2},
	{"zeros in front", "0000000000000005\r\nhello\r\n000\r\n\r\n", "hello", 2},
	{"data that looks like framing", "8\r\n0\r\n\r\n1\r\n\r\n1\r\nx\r\n0\r\n\r\n",
         "0\r\n\r\n1\r\nx", 2},
	{"trailers", "1\r\na\r\n0\r\nX: y\r\n\r\n", "a", 8},
	{"RFC 9112 section 7.1.1, extensions",
         "1;a\r\nx\r\n1;a=b;c=\"d ;\\\"e\"\r\ny\r\n0;z=1\r\n\r\n", "xy", 2},
	{"an extension of nothing", "1;\r\nx\r\n0; \r\n\r\n", "x", 2},
	{"octets beyond ASCII in an extension", "1;a=\"\xc3\xa9\t\"\r\nx\r\n0\r\n\r\n", "x", 2},
};

Test(http1_chunked, data_is_what_the_chunks_hold)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
		struct decoded d = decode_text(valid[i].text);

		cr_expect_eq(d.error, 0, "%s", valid[i].source);
		cr_expect(d.is_at_trailers, "%s", valid[i].source);
		cr_expect_eq(d.len, strlen(valid[i].want), "%s", valid[i].source);
		cr_expect_eq(memcmp(d.data, valid[i].want, d.len), 0, "%s", valid[i].source);
		cr_expect_eq(strlen(valid[i].text) - d.consumed, valid[i].rest, "%s",
		             valid[i].source);
	}
}

Test(http1_chunked, no_prefix_is_an_end_or_a_fault)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++)
		for (size_t n = 0; n < strlen(valid[i].text) - valid[i].rest; n++) {
			struct decoded d = decode(slice_of(valid[i].text, n), 0, 0);

			cr_expect(!d.error && !d.is_at_trailers, "%s: %zu", valid[i].source, n);
			cr_expect_eq(d.consumed, n, "%s", valid[i].source);
		}
}

static void expect_same_however_split(const char *source, struct slice in)
{
	struct decoded whole = decode(in, 0, 0);

	for (size_t first = 0; first <= in.len; first++)
		for (size_t second = first; second <= in.len; second++) {
			struct decoded d = decode(in, first, second);

			cr_expect(is_same(&whole, &d), "%s: %zu %zu", source, first, second);
		}
}

Test(http1_chunked, every_split_in_three_gives_the_same)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++)
		expect_same_however_split(valid[i].source,
		                          slice_of(valid[i].text, strlen(valid[i].text)));
}

Test(http1_chunked, octet_by_octet_gives_the_same)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
		struct http1_chunked c = {0};
		struct decoded d = {.len = 0};

		for (size_t n = 0; n < strlen(valid[i].text); n++)
			feed(&c, &d, http1check_copy(slice_of(valid[i].text + n, 1), n % 2));
		cr_expect_eq(d.error, 0, "%s", valid[i].source);
		cr_expect_eq(d.len, strlen(valid[i].want), "%s", valid[i].source);
		cr_expect_eq(memcmp(d.data, valid[i].want, d.len), 0, "%s", valid[i].source);
	}
}

static const struct {
	const char *source;
	const char *text;
	enum http1_error want;
	size_t data; // octets of data in front
} refused[] = {
	{"no size", "\r\n", HTTP1_CHUNK_SIZE, 0},
	{"an extension of no chunk", ";a\r\n", HTTP1_CHUNK_SIZE, 0},
	{"no hex digit", "g\r\n", HTTP1_CHUNK_SIZE, 0},
	{"ditto", "5g\r\nhello\r\n", HTTP1_CHUNK_SIZE, 0},
	{"a minus", "-5\r\nhello\r\n", HTTP1_CHUNK_SIZE, 0},
	{"a plus (CVE-2022-24761)", "+5\r\nhello\r\n", HTTP1_CHUNK_SIZE, 0},
	{"0x (CVE-2022-24761, CVE-2023-38697)", "0x5\r\nhello\r\n", HTTP1_CHUNK_SIZE, 0},
	{"underscores", "1_0\r\n", HTTP1_CHUNK_SIZE, 0},
	{"a blank in front", " 5\r\nhello\r\n", HTTP1_CHUNK_SIZE, 0},
	{"a tab in front", "\t5\r\nhello\r\n", HTTP1_CHUNK_SIZE, 0},
	{"a blank behind", "5 \r\nhello\r\n", HTTP1_CHUNK_SIZE, 0},
	{"a tab behind", "5\t\r\nhello\r\n", HTTP1_CHUNK_SIZE, 0},
	{"RFC 9112 section 7.1.1's bad whitespace before an extension", "5 ;a\r\nhello\r\n",
         HTTP1_CHUNK_SIZE, 0},
	{"a comma", "5,5\r\n", HTTP1_CHUNK_SIZE, 0},
	{"digits of another script", "\xd9\xa5\r\n", HTTP1_CHUNK_SIZE, 0},
	{"17 digits", "00000000000000005\r\nhello\r\n", HTTP1_CHUNK_SIZE, 0},
	{"beyond 63 bits", "8000000000000000\r\n", HTTP1_CHUNK_SIZE, 0},
	{"wraps to 5 in 64 bits", "10000000000000005\r\nhello\r\n", HTTP1_CHUNK_SIZE, 0},
	{"minus 1 in 64 bits (CVE-2013-2028)", "ffffffffffffffff\r\n", HTTP1_CHUNK_SIZE, 0},
	{"LF ends the size", "5\nhello\r\n", HTTP1_BARE_LF, 0},
	{"LF in front", "\n5\r\nhello\r\n", HTTP1_BARE_LF, 0},
	{"CR ends the size", "5\rhello\r\n", HTTP1_BARE_CR, 0},
	{"CR CR LF", "5\r\r\nhello\r\n", HTTP1_BARE_CR, 0},
	{"LF ends an extension (TERM.EXT of 'Funky chunks', 2025; CVE-2023-38697)",
         "2;\nxx\r\n4d\r\n0\r\n\r\n", HTTP1_BARE_LF, 0},
	{"ditto, with text", "5;a=b\nhello\r\n", HTTP1_BARE_LF, 0},
	{"ditto, in quotes", "5;a=\"\n\"\r\nhello\r\n", HTTP1_BARE_LF, 0},
	{"CR ends an extension (EXT.TERM, ditto)", "5;a\rhello\r\n", HTTP1_BARE_CR, 0},
	{"CR CR LF ends an extension", "5;a=\"\r\r\n\"\r\nhello\r\n", HTTP1_BARE_CR, 0},
	{"a control in an extension", "5;a\x01\r\nhello\r\n", HTTP1_CHUNK_EXTENSION, 0},
	{"DEL in an extension", "5;a\x7f\r\nhello\r\n", HTTP1_CHUNK_EXTENSION, 0},
	{"data beyond its size (TERM.SPILL, ditto)", "5\r\nhelloX\r\n0\r\n\r\n", HTTP1_CHUNK_END,
         5},
	{"ditto, two octets", "5\r\nhelloXX0\r\n\r\n", HTTP1_CHUNK_END, 5},
	{"data ended by LF", "5\r\nhello\n0\r\n\r\n", HTTP1_CHUNK_END, 5},
	{"data ended by CR", "5\r\nhello\r0\r\n\r\n", HTTP1_CHUNK_END, 5},
	{"data ended by LF LF", "5\r\nhello\n\n0\r\n\r\n", HTTP1_CHUNK_END, 5},
	{"data not ended", "5\r\nhello0\r\n\r\n", HTTP1_CHUNK_END, 5},
	{"an empty line between chunks", "5\r\nhello\r\n\r\n0\r\n\r\n", HTTP1_CHUNK_SIZE, 5},
	{"a second chunk without a size", "5\r\nhello\r\nx\r\n", HTTP1_CHUNK_SIZE, 5},
};

Test(http1_chunked, malformed_framing_is_refused_after_the_data_in_front)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct slice in = slice_of(refused[i].text, strlen(refused[i].text));
		struct decoded d = decode(in, 0, 0);

		cr_expect_eq(d.error, -(ssize_t)refused[i].want, "%s", refused[i].source);
		cr_expect_eq(d.len, refused[i].data, "%s", refused[i].source);
		expect_same_however_split(refused[i].source, in);
	}
}

Test(http1_chunked, nul_is_refused_in_an_extension)
{
	cr_expect_eq(decode(slice_of("5;\0\r\n", 5), 0, 0).error, -HTTP1_CHUNK_EXTENSION);
	cr_expect_eq(decode(slice_of("5\0\r\n", 4), 0, 0).error, -HTTP1_CHUNK_SIZE);
}

Test(http1_chunked, the_largest_size_is_taken)
{
	struct http1_chunked c = {0};
	struct slice data, in = slice_of("7fffffffffffffff\r\nx", 19);

	cr_expect_eq(http1_decode_chunks(&c, in, &data), 19);
	cr_expect_eq(data.len, 1);
	cr_expect_eq(c.left, (uint64_t)INT64_MAX - 1);
}

// `n` chunks of `size` octets, each with an extension of `extension` octets.
static ssize_t decode_extensions(unsigned n, size_t size, size_t extension)
{
	static char text[20000];
	struct http1_chunked c = {0};
	int begin = sprintf(text, "%zx;", size);
	size_t len = (size_t)begin + extension + 4 + size;
	ssize_t rc = 0;

	memset(text + begin, 'e', extension);
	strcpy(text + begin + extension, "\r\n");
	memset(text + begin + extension + 2, 'd', size);
	strcpy(text + len - 2, "\r\n");
	for (unsigned i = 0; i < n && rc >= 0; i++) {
		struct slice data;

		rc = http1_decode_chunks(&c, slice_of(text, len), &data);
		cr_expect(rc < 0 || (size_t)rc == len);
	}
	return rc;
}

Test(http1_chunked, an_extension_is_bounded)
{
	cr_expect_gt(decode_extensions(1, 1, 4000), 0);
	cr_expect_eq(decode_extensions(1, 1, 4100), -HTTP1_CHUNK_EXTENSION);
}

Test(http1_chunked, extensions_are_bounded_by_the_data_they_come_with)
{
	// CVE-2023-39326: an octet of data with 256 of extension, for ever
	cr_expect_eq(decode_extensions(1000, 1, 256), -HTTP1_CHUNK_EXTENSION);
	cr_expect_gt(decode_extensions(1000, 1024, 256), 0);
	cr_expect_gt(decode_extensions(1000, 1, 0), 0);
}

Test(http1_chunked, what_is_written_is_read_back)
{
	static char text[20000], want[8192];
	struct text t = text_of(text, sizeof(text));
	struct decoded d;

	memset(want, 'w', sizeof(want));
	for (size_t len = 1; len < 80; len++) {
		http1_write_chunk_size(&t, len);
		text_add(&t, want, len);
		TEXT_ADD_LITERAL(&t, "\r\n");
	}
	http1_write_last_chunk(&t, NULL);
	cr_assert_not(t.is_cut);
	d = decode(text_slice(&t), 100, 2000);
	cr_expect(d.is_at_trailers && !d.error);
	cr_expect_eq(d.len, 79 * 80 / 2);
	cr_expect_eq(d.consumed, t.len - 2);
}
