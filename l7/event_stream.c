// SPDX-License-Identifier: BSD-3-Clause
#include "l7/event_stream.h"

enum { AT_START, IN_COMMENT, IN_FIELD };

// Of `matched`: so many bytes of "data", then what follows decides.
enum { MATCH_ALL = 4, MATCH_DATA, MATCH_OTHER };

static const uint8_t mark[3] = {0xef, 0xbb, 0xbf}; // byte order mark, UTF-8
enum { MARK_BEHIND = sizeof(mark) };

// --- heads ---

bool event_stream_is(const struct response *r)
{
	const struct field *f = message_field(&r->fields, HEADER_CONTENT_TYPE);
	bool has_content = r->body != BODY_NONE && (r->body != BODY_LENGTH || r->content_length);
	struct slice type;

	if (!f || r->status != 200 || !has_content)
		return false;
	// Parameters may follow (RFC 9110 section 8.3.1).
	type = f->value;
	for (size_t i = 0; i < type.len; i++)
		if (type.ptr[i] == ';' || type.ptr[i] == ' ' || type.ptr[i] == '\t')
			type.len = i;
	return header_eq(type, "text/event-stream");
}

static bool is_all_identity(struct slice list)
{
	struct slice coding;

	while (header_next_token(&list, &coding))
		if (!header_eq(coding, "identity"))
			return false;
	return true;
}

bool event_stream_is_plain(const struct response *r)
{
	for (uint16_t i = 0; i < r->fields.n; i++) {
		const struct field *f = &r->fields.at[i];

		if (f->id == HEADER_CONTENT_ENCODING && !f->is_dropped &&
		    !is_all_identity(f->value))
			return false;
	}
	return true;
}

bool event_stream_takes_comments(const struct response *r)
{
	bool is_delimited = r->body == BODY_CHUNKED || r->body == BODY_UNTIL_CLOSE;

	return is_delimited && event_stream_is_plain(r);
}

// --- lines ---

// Where the next CR and the next LF are, each searched for once: a stream that never uses one of
// them costs one memchr() over all of it, not one a line.
struct ends {
	const uint8_t *cr, *lf; // `end` if there is none; NULL at first
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

// --- what an event says ---

// Takes the next line off: false if there is none. The last one may lack its end.
static bool next_line(struct slice *rest, struct slice *line)
{
	const uint8_t *end = rest->ptr + rest->len;
	const uint8_t *lf, *at;

	if (!rest->len)
		return false;
	lf = find(rest->ptr, end, '\n');
	at = find(rest->ptr, lf, '\r');
	*line = slice_of(rest->ptr, (size_t)(at - rest->ptr));
	if (at < lf && at + 1 == lf)
		at = lf; // CR LF
	at += at < end;
	*rest = slice_of(at, (size_t)(end - at));
	return true;
}

// The value, if the line is the field `name`: what is behind the colon, without one space.
static bool is_field(struct slice line, struct slice name, struct slice *value)
{
	size_t at = name.len;

	if (line.len < at || memcmp(line.ptr, name.ptr, at) != 0)
		return false;
	if (line.len > at && line.ptr[at] != ':')
		return false;
	at += line.len > at;
	at += line.len > at && line.ptr[at] == ' ';
	*value = slice_of(line.ptr + at, line.len - at);
	return true;
}

#define NAME(literal) slice_of((literal), sizeof(literal) - 1)

// Number of lines of data; `first` is the first one's value. name[EVENT_NAME_MAX] is what the event is called: copied, as
// joining the data moves what lies behind.
static size_t read_fields(struct slice raw, struct event *e, struct slice *first, uint8_t *name)
{
	struct slice line, value;
	size_t n = 0;

	while (next_line(&raw, &line)) {
		if (is_field(line, NAME("data"), &value)) {
			if (!n++)
				*first = value;
		} else if (is_field(line, NAME("event"), &value)) {
			e->name = slice_of(name,
			                   value.len < EVENT_NAME_MAX ? value.len : EVENT_NAME_MAX);
			if (e->name.len)
				memcpy(name, value.ptr, e->name.len);
		}
	}
	return n;
}

// The lines of data, joined by LF, where the first one is. What is moved never moves up.
static struct slice join(uint8_t *raw, size_t len)
{
	struct slice rest = slice_of(raw, len), line, value;
	uint8_t *start = NULL, *out = NULL;

	while (next_line(&rest, &line)) {
		if (!is_field(line, NAME("data"), &value))
			continue;
		if (!start)
			start = out = raw + (value.ptr - raw);
		else
			*out++ = '\n';
		memmove(out, value.ptr, value.len);
		out += value.len;
	}
	return slice_of(start, (size_t)(out - start));
}

// --- memory for what is cut ---

static void drop_part(struct event_stream *s)
{
	if (s->part)
		buf_put(s->bufs, s->part);
	s->part = NULL;
}

// Makes room for `more` bytes behind those that are kept; false: beyond the limit, or no memory for it.
static bool part_room(struct event_stream *s, size_t more)
{
	struct buf *old = s->part, *b;
	size_t len = old ? old->end : 0;

	if (more > s->limit || len > s->limit - more)
		return false;
	if (old && buf_room(old) >= more)
		return true;
	b = buf_get_extra(s->bufs, len + more);
	if (!b)
		return false;
	if (len)
		memcpy(b->data, old->data, len);
	b->end = (uint32_t)len;
	drop_part(s);
	s->part = b;
	return true;
}

static void keep_part(struct event_stream *s, struct slice raw)
{
	if (!s->bufs || s->is_oversize || !raw.len)
		return;
	if (!part_room(s, raw.len)) {
		drop_part(s);
		s->is_oversize = true;
		return;
	}
	memcpy(s->part->data + s->part->end, raw.ptr, raw.len);
	s->part->end += (uint32_t)raw.len;
}

// --- events ---

struct sink {
	event_stream_sink give; // NULL: nobody wants to know
	void *owner;
};

static void give_content(struct event_stream *s, struct slice raw, struct event *e,
                         const struct sink *sink)
{
	uint8_t name[EVENT_NAME_MAX];
	size_t n;

	if (!s->part)
		e->raw = slice_of(raw.ptr, (size_t)(e->behind - raw.ptr));
	if (s->part || raw.len > s->limit)
		keep_part(s, raw);
	if (s->part)
		raw = buf_slice(s->part);
	if (!s->is_oversize) {
		n = read_fields(raw, e, &e->data, name);
		if (n > 1 && !s->part)
			keep_part(s, raw);
		if (n > 1 && s->part)
			e->data = join(s->part->data, s->part->end);
	}
	e->is_oversize = s->is_oversize;
	if (e->is_oversize)
		e->data = e->name = e->raw = slice_of(NULL, 0);
	sink->give(sink->owner, e);
}

// An empty line, up to `behind`: dispatches what came since the last one. raw: of it, what lies in this input.
static void end_event(struct event_stream *s, struct slice raw, const uint8_t *behind,
                      const struct sink *sink)
{
	struct event e = {.behind = behind};

	if (s->in_event && s->has_data) {
		s->n_events++;
		if (sink->give && s->bufs)
			give_content(s, raw, &e, sink);
		else if (sink->give)
			sink->give(sink->owner, &e);
	}
	drop_part(s);
	s->in_event = s->has_data = s->is_oversize = false;
}

static void begin_line(struct event_stream *s, uint8_t first)
{
	s->line = first == ':' ? IN_COMMENT : IN_FIELD;
	s->matched = s->line == IN_FIELD ? 0 : MATCH_OTHER;
	if (s->line == IN_FIELD)
		s->in_event = true;
}

// Is the field "data"? Looks at the line's first five bytes, wherever they are cut.
static void match(struct event_stream *s, const uint8_t *p, const uint8_t *end)
{
	static const uint8_t name[MATCH_ALL] = {'d', 'a', 't', 'a'};

	while (p < end && s->matched < MATCH_ALL)
		s->matched = *p++ == name[s->matched] ? s->matched + 1 : MATCH_OTHER;
	if (p < end && s->matched == MATCH_ALL)
		s->matched = *p == ':' ? MATCH_DATA : MATCH_OTHER;
}

static void end_line(struct event_stream *s)
{
	if (s->matched == MATCH_ALL || s->matched == MATCH_DATA)
		s->has_data = true;
	s->matched = MATCH_OTHER;
	s->line = AT_START;
}

// Between two events: the length of the next one, if it is known.
static size_t skip_known(struct event_stream *s, struct slice bytes, const struct sink *sink)
{
	size_t n;

	if (!s->known || !sink->give || s->line != AT_START || s->in_event)
		return 0;
	n = s->known(sink->owner, slice_of(bytes.ptr, bytes.len < s->limit ? bytes.len : s->limit));
	s->n_events += n > 0;
	return n;
}

static void take_lines(struct event_stream *s, struct slice bytes, const struct sink *sink)
{
	const uint8_t *p = bytes.ptr, *end = p + bytes.len;
	const uint8_t *raw = p; // of the present event, in this input
	struct ends e = {.end = end};

	while (p < end) {
		size_t known = skip_known(s, slice_of(p, (size_t)(end - p)), sink);
		const uint8_t *at, *next;

		p += known;
		if (known)
			continue;
		at = line_end(&e, p);
		if (at > p && s->line == AT_START) {
			if (!s->in_event)
				raw = p;
			begin_line(s, *p);
		}
		match(s, p, at);
		if (at == end)
			break;
		next = at + 1;
		if (*at == '\r' && next < end && *next == '\n')
			next++;
		else if (*at == '\r' && next == end)
			s->after_cr = true;
		if (s->line == AT_START)
			end_event(s, slice_of(raw, (size_t)(p - raw)), next, sink);
		else
			end_line(s);
		p = next;
	}
	if (s->in_event)
		keep_part(s, slice_of(raw, (size_t)(end - raw)));
}

// A byte order mark is no part of the first line. What only began like one is.
static struct slice skip_mark(struct event_stream *s, struct slice bytes, const struct sink *sink)
{
	uint8_t had = s->n_mark;
	size_t n = 0;

	while (n < bytes.len && s->n_mark < MARK_BEHIND && bytes.ptr[n] == mark[s->n_mark]) {
		s->n_mark++;
		n++;
	}
	if (n == bytes.len || s->n_mark == MARK_BEHIND)
		return slice_of(bytes.ptr + n, bytes.len - n);
	s->n_mark = MARK_BEHIND;
	if (had)
		take_lines(s, slice_of(mark, had), sink);
	return bytes;
}

void event_stream_take(struct event_stream *s, struct slice bytes, event_stream_sink sink,
                       void *owner)
{
	const struct sink to = {.give = sink, .owner = owner};

	if (s->n_mark < MARK_BEHIND)
		bytes = skip_mark(s, bytes, &to);
	if (bytes.len && s->after_cr && *bytes.ptr == '\n')
		bytes = slice_of(bytes.ptr + 1, bytes.len - 1);
	else if (!bytes.len)
		return;
	s->after_cr = false;
	if (bytes.len)
		take_lines(s, bytes, &to);
}

void event_stream_fini(struct event_stream *s)
{
	drop_part(s);
}
