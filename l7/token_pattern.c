// SPDX-License-Identifier: BSD-3-Clause
#include "l7/token_pattern.h"

#include <immintrin.h>
#include <stdlib.h>

#include "l7/json_scan.h"

enum {
	VALUES = 24,  // that may change; those behind them may not
	PATIENCE = 8, // events in a row that are kept in vain, until only few are tried
};

struct token_pattern {
	struct token token;
	uint32_t n_vain;    // kept since one matched
	uint16_t len, size; // bytes that are kept; room for them
	uint8_t n_values;
	struct token_value values[VALUES]; // rising
	uint8_t bytes[];
};

// --- matching ---

// How many bytes are the same from the start on.
static MUST_INLINE size_t same_length(const uint8_t *a, const uint8_t *b, size_t n)
{
	size_t i = 0;

	for (; n - i >= 16; i += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(a + i));
		__m128i y = _mm_loadu_si128((const __m128i *)(b + i));
		uint32_t differ = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, y)) ^ 0xffff;

		if (differ)
			return i + (size_t)__builtin_ctz(differ);
	}
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

// The first quote, backslash or control character, or `end`.
static MUST_INLINE const uint8_t *find_special(const uint8_t *p, const uint8_t *end)
{
	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
		                           _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
		uint32_t bits;

		hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v));
		bits = (uint32_t)_mm_movemask_epi8(hit);
		if (bits)
			return p + __builtin_ctz(bits);
	}
	while (p < end && *p != '"' && *p != '\\' && *p >= ' ')
		p++;
	return p;
}

// Of the string whose first character p is at, NULL if it is none on one line: its closing quote.
static const uint8_t *string_end(const uint8_t *p, const uint8_t *end)
{
	p = find_special(p, end);
	while (p < end && *p == '\\') {
		if (end - p < 2 || p[1] < ' ')
			return NULL;
		p = find_special(p + 2, end);
	}
	return p < end && *p == '"' ? p : NULL;
}

// The value that p is at, up to what follows it. NULL: it says something else.
static const uint8_t *value_end(const struct token_value *v, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *start = p;

	if (!v->is_string)
		return json_scan_number_end(p, end);
	p = string_end(p, end);
	return p == start && !v->may_be_empty ? NULL : p;
}

size_t token_pattern_match(struct token_pattern *p, struct slice bytes)
{
	const struct token_value *v = p->values, *behind = v + p->n_values;
	const uint8_t *at = bytes.ptr, *end = at + bytes.len;
	size_t i = 0;

	for (;;) {
		size_t n = p->len - i < (size_t)(end - at) ? p->len - i : (size_t)(end - at);

		n = same_length(p->bytes + i, at, n);
		i += n;
		at += n;
		if (i == p->len)
			break;
		while (v < behind && v->end < i)
			v++;
		if (v == behind || v->start > i)
			return 0;
		at = value_end(v, at - (i - v->start), end);
		if (!at)
			return 0;
		i = v->end;
		v++;
	}
	p->n_vain = 0;
	return (size_t)(at - bytes.ptr);
}

const struct token *token_pattern_token(const struct token_pattern *p)
{
	return &p->token;
}

// --- keeping ---

static bool is_worth_it(const struct event *e, const struct token *t)
{
	return t->is_content && !t->is_end && !t->is_error && !t->is_malformed &&
	       !t->has_tokens_in && !t->has_tokens_out && e->raw.len &&
	       e->raw.len <= TOKEN_PATTERN_MOST && e->raw.ptr[e->raw.len - 1] == '\n';
}

// The data lies in the event as it came: not where several lines were joined.
static bool is_in_place(const struct event *e)
{
	return e->data.ptr >= e->raw.ptr && e->data.ptr + e->data.len <= e->raw.ptr + e->raw.len;
}

static bool is_vain(const struct token_pattern *p)
{
	return p->n_vain > PATIENCE && p->n_vain & (p->n_vain - 1);
}

static struct token_pattern *make_room(struct token_pattern *p, size_t len)
{
	size_t size = (len + 63) & ~(size_t)63;

	if (p && p->size >= len)
		return p;
	free(p);
	p = calloc(1, sizeof(*p) + size);
	if (p)
		p->size = (uint16_t)size;
	return p;
}

struct token_pattern *token_pattern_learn(struct token_pattern *p, const struct event *e,
                                          const struct token *t)
{
	uint32_t n_vain = p ? p->n_vain + 1 : 0;
	size_t before;

	if (!is_worth_it(e, t) || !is_in_place(e))
		return p;
	if (p && is_vain(p)) {
		p->n_vain = n_vain;
		return p;
	}
	p = make_room(p, e->raw.len);
	if (!p)
		return NULL;
	p->n_vain = n_vain;
	p->token = *t;
	p->token.model = slice_of(NULL, 0);
	p->len = (uint16_t)e->raw.len;
	memcpy(p->bytes, e->raw.ptr, e->raw.len);
	before = (size_t)(e->data.ptr - e->raw.ptr);
	p->n_values = (uint8_t)token_values(e->data, p->values, VALUES);
	for (size_t i = 0; i < p->n_values; i++) {
		p->values[i].start += (uint16_t)before;
		p->values[i].end += (uint16_t)before;
	}
	return p;
}

void token_pattern_free(struct token_pattern *p)
{
	free(p);
}
