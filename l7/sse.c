// SPDX-License-Identifier: BSD-3-Clause
#include "l7/sse.h"

enum { AT_START, IN_COMMENT, IN_FIELD };

bool sse_is_stream(const struct response *r)
{
	const struct field *f = message_field(&r->fields, HEADER_CONTENT_TYPE);
	struct slice type;

	if (!f)
		return false;
	// Parameters may follow (RFC 9110 section 8.3.1).
	type = f->value;
	for (size_t i = 0; i < type.len; i++)
		if (type.ptr[i] == ';' || type.ptr[i] == ' ' || type.ptr[i] == '\t')
			type.len = i;
	return header_eq(type, "text/event-stream");
}

bool sse_takes_comments(const struct response *r)
{
	const struct field *f = message_field(&r->fields, HEADER_CONTENT_ENCODING);
	bool is_delimited = r->body == BODY_CHUNKED || r->body == BODY_UNTIL_CLOSE;

	return is_delimited && (!f || header_eq(f->value, "identity"));
}

// Where the next CR and the next LF are, each searched for once: a stream that never uses one of
// them costs one memchr() over all of it, not one a line.
struct ends {
	const uint8_t *cr, *lf; // `end` if there is none
	const uint8_t *end;
};

static const uint8_t *find(const uint8_t *p, const uint8_t *end, int byte)
{
	const uint8_t *found = memchr(p, byte, (size_t)(end - p));

	return found ? found : end;
}

// The end of the line that p is on, `end` if it has not come. p < end.
static const uint8_t *line_end(struct ends *e, const uint8_t *p)
{
	if (e->cr < p)
		e->cr = find(p, e->end, '\r');
	if (e->lf < p)
		e->lf = find(p, e->end, '\n');
	return e->cr < e->lf ? e->cr : e->lf;
}

static void end_line(struct sse *s)
{
	if (s->line == AT_START && s->in_event) { // an empty line dispatches
		s->n_events++;
		s->in_event = false;
	}
	s->line = AT_START;
}

static void begin_line(struct sse *s, uint8_t first)
{
	s->line = first == ':' ? IN_COMMENT : IN_FIELD;
	if (s->line == IN_FIELD)
		s->in_event = true;
}

void sse_track(struct sse *s, struct slice bytes)
{
	const uint8_t *p = bytes.ptr, *end = p + bytes.len;
	struct ends e;

	if (bytes.len == 0)
		return;
	if (s->after_cr && *p == '\n')
		p++;
	s->after_cr = false;
	if (p == end)
		return;
	e = (struct ends){.cr = find(p, end, '\r'), .lf = find(p, end, '\n'), .end = end};
	while (p < end) {
		const uint8_t *at = line_end(&e, p);

		if (at > p && s->line == AT_START)
			begin_line(s, *p);
		if (at == end)
			return;
		end_line(s);
		p = at + 1;
		if (*at == '\r' && p < end && *p == '\n')
			p++;
		else if (*at == '\r' && p == end)
			s->after_cr = true;
	}
}
