// SPDX-License-Identifier: BSD-3-Clause
#include "l7/json_scan.h"

#include <immintrin.h>

struct frame {
	const struct json_scan_path *path; // of the object or array
	bool is_array;
};

struct scan {
	const uint8_t *p, *end;
	json_scan_found found; // NULL: nobody wants to know
	json_scan_found each;  // likewise
	void *owner;
	unsigned int depth;
	struct frame frames[JSON_SCAN_DEPTH];
};

static MUST_INLINE void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
}

// The first quote or backslash, or `end`.
static MUST_INLINE const uint8_t *find_special(const uint8_t *p, const uint8_t *end)
{
	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
		                           _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
		uint32_t bits = (uint32_t)_mm_movemask_epi8(hit);

		if (bits)
			return p + __builtin_ctz(bits);
	}
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}

// p is behind the opening quote. Goes behind the closing one.
static MUST_INLINE bool take_string(struct scan *s, struct slice *text)
{
	const uint8_t *start = s->p, *p = find_special(start, s->end);

	while (p < s->end && *p == '\\') {
		if (s->end - p < 2)
			return false;
		p = find_special(p + 2, s->end);
	}
	if (p == s->end)
		return false;
	*text = slice_of(start, (size_t)(p - start));
	s->p = p + 1;
	return true;
}

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '+' ||
	       c == '-' || c == '.';
}

static uint8_t type_of(struct slice word)
{
	if (word.len == 0)
		return JSON_SCAN_NONE;
	if (slice_eq(word, slice_of("true", 4)))
		return JSON_SCAN_TRUE;
	if (slice_eq(word, slice_of("false", 5)))
		return JSON_SCAN_FALSE;
	if (slice_eq(word, slice_of("null", 4)))
		return JSON_SCAN_NULL;
	return *word.ptr == '-' || (*word.ptr >= '0' && *word.ptr <= '9') ? JSON_SCAN_NUMBER
	                                                                  : JSON_SCAN_NONE;
}

// A string, a number, or one of the three words.
static bool take_scalar(struct scan *s, struct json_scan_value *v)
{
	const uint8_t *start = s->p;
	struct slice word;

	if (*s->p == '"') {
		s->p++;
		v->type = JSON_SCAN_STRING;
		if (!take_string(s, &v->text))
			return false;
		v->is_empty = !v->text.len;
		return true;
	}
	while (s->p < s->end && is_word(*s->p))
		s->p++;
	word = slice_of(start, (size_t)(s->p - start));
	v->type = type_of(word);
	if (v->type == JSON_SCAN_NUMBER)
		v->text = word;
	return v->type != JSON_SCAN_NONE;
}

static void tell_skipped(const struct scan *s, struct slice text)
{
	const struct json_scan_value v = {
		.type = JSON_SCAN_STRING, .is_empty = !text.len, .text = text};

	if (s->each)
		s->each(s->owner, 0, &v);
}

// Steps over an object or array, p being at its bracket: only brackets count, and strings, which may hold some.
static bool skip_container(struct scan *s)
{
	size_t open = 0;
	struct slice text;

	while (s->p < s->end) {
		switch (*s->p++) {
		case '"':
			if (!take_string(s, &text))
				return false;
			tell_skipped(s, text);
			break;
		case '{':
		case '[':
			open++;
			break;
		case '}':
		case ']':
			if (--open == 0)
				return true;
			break;
		}
	}
	return false;
}

static MUST_INLINE const struct json_scan_path *below(const struct json_scan_path *path,
                                                      struct slice key)
{
	char first = key.len ? (char)*key.ptr : '\0';

	for (uint8_t i = 0; path && i < path->n_below; i++) {
		const struct json_scan_path *p = &path->below[i];

		// Few agree in both: a call of memcmp() for each that is as long would cost more than all else here.
		if (p->len == key.len && p->first == first && memcmp(p->key, key.ptr, key.len) == 0)
			return p;
	}
	return NULL;
}

// "key": of a member; the path that it leads to, NULL if to nothing.
static bool take_key(struct scan *s, const struct json_scan_path **path)
{
	struct slice key;

	skip_space(s);
	if (s->p == s->end || *s->p++ != '"' || !take_string(s, &key))
		return false;
	skip_space(s);
	if (s->p == s->end || *s->p++ != ':')
		return false;
	*path = below(s->frames[s->depth - 1].path, key);
	return true;
}

// Where the next value of the innermost object or array lies on.
static bool next_path(struct scan *s, const struct json_scan_path **path)
{
	const struct frame *f = &s->frames[s->depth - 1];

	if (!f->is_array)
		return take_key(s, path);
	*path = f->path;
	return true;
}

static void tell(const struct scan *s, const struct json_scan_path *path,
                 const struct json_scan_value *v)
{
	if (s->found && path && path->id)
		s->found(s->owner, path->id, v);
}

// Behind a value: closes what ends here. True: *path is that of the next value, or depth is 0 and all is said.
static bool go_on(struct scan *s, const struct json_scan_path **path)
{
	while (s->depth) {
		skip_space(s);
		if (s->p == s->end)
			return false;
		if (*s->p == ',') {
			s->p++;
			return next_path(s, path);
		}
		if (*s->p != (s->frames[s->depth - 1].is_array ? ']' : '}'))
			return false;
		s->p++;
		s->depth--;
	}
	return true;
}

// p is at a bracket. False: malformed. *is_open: there are members, the first one's path is *path.
static bool take_container(struct scan *s, const struct json_scan_path **path, bool *is_open)
{
	bool is_array = *s->p == '[';
	const uint8_t *start = s->p++;
	struct json_scan_value v = {.type = is_array ? JSON_SCAN_ARRAY : JSON_SCAN_OBJECT};

	skip_space(s);
	v.is_empty = s->p < s->end && *s->p == (is_array ? ']' : '}');
	tell(s, *path, &v);
	*is_open = !v.is_empty && (*path)->n_below && s->depth < JSON_SCAN_DEPTH;
	if (!*is_open) {
		s->p = start;
		return skip_container(s);
	}
	s->frames[s->depth++] = (struct frame){.path = *path, .is_array = is_array};
	return next_path(s, path);
}

static bool take_value(struct scan *s, const struct json_scan_path **path, bool *is_open)
{
	struct json_scan_value v = {.type = JSON_SCAN_NONE};

	*is_open = false;
	skip_space(s);
	if (s->p == s->end)
		return false;
	if (*s->p == '{' || *s->p == '[')
		return *path ? take_container(s, path, is_open) : skip_container(s);
	if (!take_scalar(s, &v))
		return false;
	tell(s, *path, &v);
	if (s->each && v.text.ptr)
		s->each(s->owner, *path ? (*path)->id : 0, &v);
	return true;
}

static bool scan(struct scan *s, const struct json_scan_path *root)
{
	const struct json_scan_path *path = root;
	bool is_open;

	if (s->p == s->end)
		return false;
	do {
		if (!take_value(s, &path, &is_open))
			return false;
		if (!is_open && !go_on(s, &path))
			return false;
	} while (s->depth);
	skip_space(s);
	return s->p == s->end;
}

bool json_scan(struct slice text, const struct json_scan_path *root, json_scan_found found,
               void *owner)
{
	struct scan s = {.p = text.ptr, .end = text.ptr + text.len, .found = found, .owner = owner};

	return scan(&s, root);
}

bool json_scan_each(struct slice text, const struct json_scan_path *root, json_scan_found each,
                    void *owner)
{
	struct scan s = {.p = text.ptr, .end = text.ptr + text.len, .each = each, .owner = owner};

	return scan(&s, root);
}

const uint8_t *json_scan_number_end(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *start = p;

	while (p < end && is_word(*p))
		p++;
	return p > start && (*start == '-' || (*start >= '0' && *start <= '9')) ? p : NULL;
}

bool json_scan_number(const struct json_scan_value *v, uint64_t *out)
{
	uint64_t n = 0;

	if (v->type != JSON_SCAN_NUMBER || v->text.len > 18)
		return false;
	for (size_t i = 0; i < v->text.len; i++) {
		if (v->text.ptr[i] < '0' || v->text.ptr[i] > '9')
			return false;
		n = n * 10 + (v->text.ptr[i] - '0');
	}
	*out = n;
	return true;
}
