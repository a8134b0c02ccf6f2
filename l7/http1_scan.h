// SPDX-License-Identifier: BSD-3-Clause
// Where a parser of HTTP/1 stands, and octets looked at 32 at a time (AVX2). Never reads outside begin..end: near the end
// the last 32 octets are loaded again and those that were seen are shifted out.
// Octet classes after the multi-needle shuffle of Langdale and Lemire, "Parsing gigabytes of JSON per second", section 3.1.2.
#pragma once

#include "l7/http1.h"

#include <immintrin.h>
#include <string.h>

// What a step returns besides 0 (done) and an enum http1_error.
enum { HTTP1_SCAN_MORE = -1 };

struct http1_scan {
	const uint8_t *begin; // octets from here may be read
	const uint8_t *at;    // what is to be looked at next
	const uint8_t *end;   // octets from here may not be read
};

enum { HTTP1_SCAN_BLOCK = 32 };

struct http1_scan_block {
	__m256i bytes;
	uint32_t skip;  // octets in front that do not belong to it
	uint32_t valid; // octets that do: 1..32, or 0 at the end
};

// All of an input that is shorter than a block, at the upper end of a register.
static NOINLINE __m256i http1_scan_short(const struct http1_scan *s)
{
	uint8_t copy[HTTP1_SCAN_BLOCK] = {0};
	size_t len = (size_t)(s->end - s->begin);

	memcpy(copy + sizeof(copy) - len, s->begin, len);
	return _mm256_loadu_si256((const __m256i *)copy);
}

// The octets from p on, as many as there are. p < end.
static MUST_INLINE struct http1_scan_block http1_scan_load(const struct http1_scan *s,
                                                           const uint8_t *p)
{
	const __m256i *last = (const __m256i *)(s->end - HTTP1_SCAN_BLOCK);
	struct http1_scan_block b = {.skip = 0, .valid = HTTP1_SCAN_BLOCK};

	if (s->end - p >= HTTP1_SCAN_BLOCK) {
		b.bytes = _mm256_loadu_si256((const __m256i *)p);
		return b;
	}
	b.valid = (uint32_t)(s->end - p);
	b.skip = HTTP1_SCAN_BLOCK - b.valid;
	if (s->end - s->begin >= HTTP1_SCAN_BLOCK)
		b.bytes = _mm256_loadu_si256(last);
	else
		b.bytes = http1_scan_short(s);
	return b;
}

// Bit i: the block's octet i matched.
static MUST_INLINE uint32_t http1_scan_bits(struct http1_scan_block b, __m256i matched)
{
	return (uint32_t)((uint64_t)(uint32_t)_mm256_movemask_epi8(matched) >> b.skip);
}

// Octets that are not of a token (RFC 9110 section 5.6.2): !#$%&'*+-.^_`|~, digits and letters are.
static MUST_INLINE uint32_t http1_scan_non_token(struct http1_scan_block b)
{
	// Bit h of by_low[l]: the octet 0xhl is of a token.
	const __m256i by_low = _mm256_broadcastsi128_si256(
		_mm_setr_epi8((char)0xe8, (char)0xfc, (char)0xf8, (char)0xfc, (char)0xfc,
	                      (char)0xfc, (char)0xfc, (char)0xfc, (char)0xf8, (char)0xf8,
	                      (char)0xf4, 0x54, (char)0xd0, 0x54, (char)0xf4, 0x70));
	const __m256i by_high = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0));
	__m256i high = _mm256_and_si256(_mm256_srli_epi16(b.bytes, 4), _mm256_set1_epi8(0x0f));
	__m256i is_token = _mm256_and_si256(_mm256_shuffle_epi8(by_low, b.bytes),
	                                    _mm256_shuffle_epi8(by_high, high));

	return http1_scan_bits(b, _mm256_cmpeq_epi8(is_token, _mm256_setzero_si256()));
}

// Octets that end a field value (RFC 9110 section 5.5): controls but the tab.
static MUST_INLINE uint32_t http1_scan_control(struct http1_scan_block b)
{
	__m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(b.bytes, _mm256_set1_epi8(0x1f)), b.bytes);
	__m256i tab = _mm256_cmpeq_epi8(b.bytes, _mm256_set1_epi8('\t'));
	__m256i del = _mm256_cmpeq_epi8(b.bytes, _mm256_set1_epi8(0x7f));

	return http1_scan_bits(b, _mm256_or_si256(_mm256_andnot_si256(tab, low), del));
}

// Octets that end a request target: blanks, controls, what is not ASCII, and '#', as a fragment is never sent.
static MUST_INLINE uint32_t http1_scan_non_target(struct http1_scan_block b)
{
	// As signed numbers everything from 0x80 on is below 0x21 too.
	__m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x21), b.bytes);
	__m256i del = _mm256_cmpeq_epi8(b.bytes, _mm256_set1_epi8(0x7f));
	__m256i hash = _mm256_cmpeq_epi8(b.bytes, _mm256_set1_epi8('#'));

	return http1_scan_bits(b, _mm256_or_si256(_mm256_or_si256(low, del), hash));
}

static MUST_INLINE uint32_t http1_scan_equal(struct http1_scan_block b, char c)
{
	return http1_scan_bits(b, _mm256_cmpeq_epi8(b.bytes, _mm256_set1_epi8(c)));
}

static MUST_INLINE uint32_t http1_scan_first(uint32_t bits)
{
	return (uint32_t)__builtin_ctz(bits);
}

// A line's end at s->at, where a control character stands. Takes it.
static inline int http1_scan_line_end(struct http1_scan *s)
{
	if (*s->at == '\n')
		return HTTP1_BARE_LF;
	if (*s->at != '\r')
		return HTTP1_CONTROL;
	if (s->end - s->at < 2)
		return HTTP1_SCAN_MORE;
	if (s->at[1] != '\n')
		return HTTP1_BARE_CR;
	s->at += 2;
	return 0;
}

// The first control character from p on; the end if there is none.
static inline const uint8_t *http1_scan_find_control(const struct http1_scan *s, const uint8_t *p)
{
	while (p < s->end) {
		struct http1_scan_block b = http1_scan_load(s, p);
		uint32_t controls = http1_scan_control(b);

		if (controls)
			return p + http1_scan_first(controls);
		p += b.valid;
	}
	return p;
}
