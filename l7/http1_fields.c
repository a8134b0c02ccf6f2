// SPDX-License-Identifier: BSD-3-Clause
#include "l7/http1_fields.h"

#include "l7/header_table.h"
#include "l7/http1.h"

// Options of Connection that name fields: each is looked for among all fields, so the number is bounded.
enum { OPTIONS_MAX = 16 };

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

// Why a name ended at p without a colon behind it, or before it began.
static int name_error(const uint8_t *p, bool is_first)
{
	if (is_blank(*p))
		return is_first ? HTTP1_FOLD : HTTP1_NAME;
	if (*p == '\n')
		return HTTP1_BARE_LF;
	if (*p != '\r' && (*p < ' ' || *p == 0x7f))
		return HTTP1_CONTROL;
	return HTTP1_NAME;
}

static NOINLINE struct slice trim_all(const uint8_t *begin, const uint8_t *end)
{
	while (begin < end && is_blank(*begin))
		begin++;
	while (begin < end && is_blank(end[-1]))
		end--;
	return slice_of(begin, (size_t)(end - begin));
}

// The value between a colon at begin[-1] and a control at *end; nearly always behind one blank.
static MUST_INLINE struct slice trim(const uint8_t *begin, const uint8_t *end)
{
	begin += *begin == ' ';
	if (*begin <= ' ' || end[-1] <= ' ')
		return trim_all(begin, end);
	return slice_of(begin, (size_t)(end - begin));
}

// A name that is longer than the block it begins in, or cut off by the end.
static NOINLINE int take_long_name(struct field *f, const struct http1_scan *s)
{
	const uint8_t *p = s->at;
	uint32_t stops = 0;

	while (!stops && p < s->end) {
		struct http1_scan_block b = http1_scan_load(s, p);

		stops = http1_scan_non_token(b);
		p += stops ? http1_scan_first(stops) : b.valid;
	}
	if (p == s->end)
		return HTTP1_SCAN_MORE;
	if (*p != ':')
		return name_error(p, false);
	f->name = slice_of(s->at, (size_t)(p - s->at));
	f->id = (uint8_t)header_find(f->name);
	return 0;
}

// "name: value CR LF" from s->at. Most lines lie in one block as a whole.
static MUST_INLINE int take_field(struct field *f, struct http1_scan *s)
{
	struct http1_scan_block b = http1_scan_load(s, s->at);
	uint32_t stops = http1_scan_non_token(b), controls = http1_scan_control(b);
	const uint8_t *begin = s->at;
	int rc;

	f->is_dropped = false;
	if (stops) {
		uint32_t len = http1_scan_first(stops);

		if (begin[len] != ':' || len == 0)
			return name_error(begin + len, len == 0);
		f->name = slice_of(begin, len);
		f->id = (uint8_t)header_table_find(b.bytes, begin, len, b.skip);
		begin += len + 1;
	} else {
		rc = take_long_name(f, s);
		if (rc)
			return rc;
		begin = f->name.ptr + f->name.len + 1;
	}
	// A control is none of a token, so the first one is behind the colon.
	s->at = controls ? s->at + http1_scan_first(controls)
	                 : http1_scan_find_control(s, s->at + b.valid);
	if (s->at == s->end)
		return HTTP1_SCAN_MORE;
	f->value = trim(begin, s->at);
	return http1_scan_line_end(s);
}

static void mark(struct http1_fields_marks *m, uint8_t id, uint16_t at)
{
	uint64_t bit = 1ULL << id;

	m->twice |= m->present & bit;
	m->present |= bit;
	m->at[id] = at;
}

int http1_fields_parse(struct fields *out, struct http1_fields_marks *m, struct http1_scan *s,
                       uint16_t max)
{
	uint16_t n = 0;
	int rc;

	m->present = m->twice = 0;
	while (s->at < s->end && *s->at != '\r') {
		if (n == max)
			return HTTP1_TOO_MANY_FIELDS;
		rc = take_field(&out->at[n], s);
		if (rc)
			return rc;
		mark(m, out->at[n].id, n);
		n++;
	}
	out->n = n;
	return s->at < s->end ? http1_scan_line_end(s) : HTTP1_SCAN_MORE;
}

static void drop_named(struct fields *f, struct slice name)
{
	for (uint16_t i = 0; i < f->n; i++)
		if (f->at[i].id == HEADER_OTHER && header_same(f->at[i].name, name))
			f->at[i].is_dropped = true;
}

// A value has no controls, so setting bit 5 changes case and nothing that is of these words. `len` is a constant of 4 to 16.
static MUST_INLINE bool is_option(struct slice option, const char *lower, size_t len)
{
	const uint64_t bit5 = 0x2020202020202020;
	size_t half = len < 8 ? 4 : 8;
	uint64_t first = 0, last = 0, want_first = 0, want_last = 0;

	if (option.len != len)
		return false;
	memcpy(&first, option.ptr, half);
	memcpy(&last, option.ptr + len - half, half);
	memcpy(&want_first, lower, half);
	memcpy(&want_last, lower + len - half, half);
	return (first | bit5) == (want_first | bit5) && (last | bit5) == (want_last | bit5);
}

// One Connection field. *n_named counts the options that are not of the list.
static int read_options(struct http1_fields_options *out, struct fields *f, struct slice list,
                        unsigned *n_named)
{
	struct slice option;

	while (header_next_token(&list, &option)) {
		if (is_option(option, "keep-alive", 10)) {
			out->has_keep_alive = true;
		} else if (is_option(option, "close", 5)) {
			out->has_close = true;
		} else if (is_option(option, "upgrade", 7)) {
			out->has_upgrade = true;
		} else if (header_find(option) == HEADER_OTHER) {
			if (++*n_named > OPTIONS_MAX)
				return HTTP1_CONNECTION;
			drop_named(f, option);
		}
	}
	return 0;
}

int http1_fields_connection(struct http1_fields_options *out, struct fields *f,
                            const struct http1_fields_marks *m)
{
	unsigned n_named = 0;
	uint16_t i;
	int rc;

	*out = (struct http1_fields_options){0};
	if (!http1_fields_has(m, HEADER_CONNECTION))
		return 0;
	i = http1_fields_has_twice(m, HEADER_CONNECTION) ? 0 : m->at[HEADER_CONNECTION];
	for (; i <= m->at[HEADER_CONNECTION]; i++) {
		if (f->at[i].id != HEADER_CONNECTION)
			continue;
		rc = read_options(out, f, f->at[i].value, &n_named);
		if (rc)
			return rc;
	}
	return 0;
}
