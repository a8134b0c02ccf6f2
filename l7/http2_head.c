// SPDX-License-Identifier: BSD-3-Clause
// Header blocks and heads (RFC 9113 section 8.3). nghttp2 has checked what the frames' layer can: names in lower case, values without
// control characters, which pseudo fields there are and where, no field of HTTP/1's connections.
#include "l7/http1_target.h"
#include "l7/http2_session.h"

enum {
	FIELD_OVERHEAD = 32, // RFC 9113 section 6.5.2: what each field counts beside its octets
	LENGTHS = 6,         // bytes before a field in the block
};

// --- the block ---

void http2_head_drop(struct http2 *h)
{
	buf_put(&h->setup.conn->io.loop->bufs, h->block.buf);
	h->block = (struct http2_block){0};
}

// Room for `more` bytes behind those that are kept.
static bool make_room(struct http2 *h, size_t more)
{
	struct buf_pool *pool = &h->setup.conn->io.loop->bufs;
	struct buf *old = h->block.buf, *b;
	size_t len = old ? old->end : 0;

	if (old && buf_room(old) >= more)
		return true;
	if (len + more > BUF_HUGE_SIZE)
		return false;
	b = buf_get(pool, len + more);
	if (!b)
		return false;
	if (len)
		memcpy(b->data, old->data, len);
	b->end = (uint32_t)len;
	buf_put(pool, old);
	h->block.buf = b;
	return true;
}

static void put(struct buf *b, const void *bytes, size_t n)
{
	if (n)
		memcpy(b->data + b->end, bytes, n);
	b->end += (uint32_t)n;
}

bool http2_head_add(struct http2 *h, struct slice name, struct slice value)
{
	struct http2_block *block = &h->block;
	uint16_t name_len = (uint16_t)name.len;
	uint32_t value_len = (uint32_t)value.len;

	block->size += name.len + value.len + FIELD_OVERHEAD;
	if (block->size > h->setup.limits.head || block->n > h->setup.limits.fields + 5U)
		block->is_too_large = true;
	// Beyond that it has to be known all the same in which protocol the answer is to be.
	if (block->is_too_large && !header_eq(name, "content-type"))
		return true;
	if (!make_room(h, LENGTHS + name.len + value.len))
		return false;
	put(block->buf, &name_len, sizeof(name_len));
	put(block->buf, &value_len, sizeof(value_len));
	put(block->buf, name.ptr, name.len);
	put(block->buf, value.ptr, value.len);
	block->n++;
	block->n_cookies += name.len == 6 && memcmp(name.ptr, "cookie", 6) == 0;
	return true;
}

// The field at *at, which moves on to the next.
static struct field take_field(const struct buf *b, uint32_t *at)
{
	const uint8_t *p = b->data + *at;
	struct field f = {0};
	uint16_t name_len;
	uint32_t value_len;

	memcpy(&name_len, p, sizeof(name_len));
	memcpy(&value_len, p + sizeof(name_len), sizeof(value_len));
	f.name = slice_of(p + LENGTHS, name_len);
	f.value = slice_of(p + LENGTHS + name_len, value_len);
	f.id = (uint8_t)header_find(f.name);
	*at += LENGTHS + name_len + value_len;
	return f;
}

// --- requests and responses ---

struct pseudo {
	struct slice method, scheme, authority, path, protocol, status;
};

// nghttp2 lets no others through.
static void keep_pseudo(struct pseudo *p, const struct field *f)
{
	switch (f->name.len > 2 ? f->name.ptr[1] : 0) {
	case 'm':
		p->method = f->value;
		break;
	case 'a':
		p->authority = f->value;
		break;
	case 's': // :scheme, :status
		*(f->name.ptr[2] == 'c' ? &p->scheme : &p->status) = f->value;
		break;
	case 'p': // :path, :protocol
		*(f->name.ptr[2] == 'a' ? &p->path : &p->protocol) = f->value;
		break;
	}
}

// Several cookie fields are one, cut for compression (section 8.2.3): what HTTP/1 gets is whole. At the end of the block.
static bool join_cookies(struct fields *f, struct buf *b)
{
	struct field *first = NULL;
	uint32_t begin = b->end;

	for (uint16_t i = 0; i < f->n; i++) {
		struct field *field = &f->at[i];

		if (field->id != HEADER_COOKIE)
			continue;
		if (buf_room(b) < field->value.len + 2)
			return false;
		if (first) {
			put(b, "; ", 2);
			field->is_dropped = true;
		} else {
			first = field;
		}
		put(b, field->value.ptr, field->value.len);
	}
	if (first)
		first->value = slice_of(b->data + begin, b->end - begin);
	return true;
}

// False: no memory, or more fields than there is room for.
static bool take_fields(struct http2 *h, struct fields *f, struct pseudo *pseudo)
{
	struct http2_block *block = &h->block;
	uint32_t at = 0, end;

	f->n = 0;
	*pseudo = (struct pseudo){0};
	if (!block->buf)
		return true;
	end = block->buf->end;
	// Now, as slices are borrowed from it: the cookies' values fit in once more.
	if (block->n_cookies > 1 && !make_room(h, end))
		return false;
	while (at < end) {
		struct field field = take_field(block->buf, &at);

		if (field.name.len && field.name.ptr[0] == ':')
			keep_pseudo(pseudo, &field);
		else if (f->n == h->setup.limits.fields)
			return false;
		else
			f->at[f->n++] = field;
	}
	return block->n_cookies <= 1 || join_cookies(f, block->buf);
}

static int read_authority(struct request *r, struct slice authority, const char **reason)
{
	unsigned n = 0;

	for (uint16_t i = 0; i < r->fields.n; i++) {
		struct field *f = &r->fields.at[i];

		if (f->id != HEADER_HOST)
			continue;
		if (n++ || (authority.ptr && !header_same(authority, f->value))) {
			*reason = "several Host fields, or not the :authority";
			return 400;
		}
		authority = f->value;
	}
	if (!http1_target_is_authority(authority)) {
		*reason = "malformed :authority or Host";
		return 400;
	}
	r->authority = authority;
	return 0;
}

static int read_path(struct request *r, struct slice path, const char **reason)
{
	struct http1_target_marks marks = {0};

	r->target = path;
	if (!path.len || (path.ptr[0] != '/' &&
	                  !(path.len == 1 && path.ptr[0] == '*' && r->method == METHOD_OPTIONS))) {
		*reason = "malformed :path";
		return 400;
	}
	for (size_t i = 0; i < path.len; i++) {
		uint8_t c = path.ptr[i];

		if (c <= ' ' || c == 0x7f || c == '#') {
			*reason = "character in :path that no URI holds";
			return 400;
		}
		if (c == '?' && !marks.question)
			marks.question = path.ptr + i;
		marks.has_percent |= c == '%';
	}
	if (http1_target_split(r, &marks)) {
		*reason = "malformed :path";
		return 400;
	}
	return 0;
}

// RFC 8441: as HTTP/1's upgrade would look.
static int read_protocol(struct request *r, const struct pseudo *p, const char **reason)
{
	if (!header_eq(p->protocol, "websocket")) {
		*reason = "unknown :protocol";
		return 501;
	}
	r->method = METHOD_GET;
	r->method_text = slice_of("GET", 3);
	r->upgrade = slice_of("websocket", 9);
	return 0;
}

static void read_fields(struct request *r)
{
	for (uint16_t i = 0; i < r->fields.n; i++) {
		const struct field *f = &r->fields.at[i];

		if (f->id == HEADER_CONTENT_LENGTH && r->body == BODY_CHUNKED &&
		    message_length(f->value, &r->content_length))
			r->body = BODY_LENGTH;
		else if (f->id == HEADER_EXPECT)
			r->expects_continue = header_eq(f->value, "100-continue");
		else if (f->id == HEADER_TE)
			r->accepts_trailers = header_has_token(f->value, "trailers");
	}
}

// Without content HTTP/1 wants to be told so of these (RFC 9110 section 8.6); some servers answer 411 otherwise.
static enum body empty_body(enum method method)
{
	bool expects = method == METHOD_POST || method == METHOD_PUT || method == METHOD_PATCH;

	return expects ? BODY_LENGTH : BODY_NONE;
}

static int read_request(struct request *r, const struct pseudo *p, bool is_end, const char **reason)
{
	bool is_extended = p->protocol.ptr;
	int status = 0;

	r->method_text = p->method;
	r->method = message_method(p->method);
	r->target = p->authority;
	if (is_extended)
		status = read_protocol(r, p, reason);
	else
		r->body = is_end ? empty_body((enum method)r->method) : BODY_CHUNKED;
	if (!status && r->method != METHOD_CONNECT) // that the stream refuses
		status = read_path(r, p->path, reason);
	if (!status)
		status = read_authority(r, p->authority, reason);
	read_fields(r);
	return status;
}

int http2_head_request(struct http2 *h, const struct http2_stream *s, bool is_end,
                       const char **reason)
{
	struct request *r = h->setup.request;
	struct pseudo pseudo;

	r->target = r->method_text = r->authority = r->path = r->query = r->upgrade =
		(struct slice){0};
	r->content_length = 0;
	r->method = METHOD_OTHER;
	r->minor = MESSAGE_HTTP2;
	r->body = BODY_NONE;
	r->is_persistent = true;
	r->expects_continue = r->accepts_trailers = false;
	if (!take_fields(h, &r->fields, &pseudo) || h->block.is_too_large) {
		*reason = "head beyond limits.header or limits.headers";
		return 431;
	}
	if (pseudo.path.len > h->setup.limits.line) {
		*reason = ":path beyond limits.line";
		return 414;
	}
	return read_request(r, &pseudo, is_end, reason);
}

static bool is_bodyless(const struct http2_stream *s, uint16_t status)
{
	return s->method == METHOD_HEAD || status < 200 || status == 204 || status == 304;
}

static void read_response_body(struct response *r, const struct http2_stream *s, bool is_end)
{
	const struct field *length = message_field(&r->fields, HEADER_CONTENT_LENGTH);

	r->content_length = 0;
	if (is_bodyless(s, r->status))
		r->body = BODY_NONE;
	else if (is_end || (length && message_length(length->value, &r->content_length)))
		r->body = BODY_LENGTH;
	else
		r->body = BODY_CHUNKED;
}

bool http2_head_response(struct http2 *h, const struct http2_stream *s, bool is_end)
{
	struct response *r = h->setup.response;
	struct pseudo pseudo;
	uint64_t status;

	if (h->block.is_too_large || !take_fields(h, &r->fields, &pseudo) ||
	    !message_length(pseudo.status, &status) || status < 100 || status > 999)
		return false;
	r->status = (uint16_t)status;
	r->reason = slice_of(http1_reason(r->status), strlen(http1_reason(r->status)));
	r->upgrade = (struct slice){0};
	r->minor = MESSAGE_HTTP2;
	r->is_persistent = true;
	if (s->flags & HTTP2_TUNNEL && status / 100 == 2) {
		r->status = 101;
		r->reason = slice_of("Switching Protocols", 19);
		r->upgrade = slice_of("websocket", 9);
		r->body = BODY_TUNNEL;
		r->content_length = 0;
		return !is_end;
	}
	read_response_body(r, s, is_end);
	return r->status != 101 && !(is_end && r->status < 200);
}

// What frames, routes or authenticates has no place there (RFC 9110 section 6.5.1): left out.
static bool may_trail(const struct field *f)
{
	static const uint64_t refused =
		UINT64_C(1) << HEADER_HOST | UINT64_C(1) << HEADER_AUTHORIZATION |
		UINT64_C(1) << HEADER_COOKIE | UINT64_C(1) << HEADER_SET_COOKIE |
		UINT64_C(1) << HEADER_CONTENT_TYPE | UINT64_C(1) << HEADER_CONTENT_ENCODING;

	return header_classes[f->id] == HEADER_END_TO_END && !(refused >> f->id & 1);
}

struct fields *http2_head_trailers(struct http2 *h)
{
	struct fields *f = h->setup.trailers;
	struct pseudo pseudo;

	if (h->block.is_too_large || !take_fields(h, f, &pseudo))
		return NULL;
	for (uint16_t i = 0; i < f->n; i++)
		f->at[i].is_dropped = !may_trail(&f->at[i]);
	return f->n ? f : NULL;
}

// --- ours ---

static void add(struct http2_head *head, struct slice name, struct slice value, uint8_t flags)
{
	head->size += name.len + value.len;
	head->at[head->n++] = (nghttp2_nv){
		.name = (uint8_t *)(uintptr_t)name.ptr,
		.value = (uint8_t *)(uintptr_t)value.ptr,
		.namelen = name.len,
		.valuelen = value.len,
		.flags = flags,
	};
}

#define ADD_PSEUDO(head, name, value) add(head, slice_of(name, sizeof(name) - 1), value, 0)

// Values that differ each time would push others out of HPACK's table.
static uint8_t index_flags(const struct field *f)
{
	static const uint64_t unique =
		UINT64_C(1) << HEADER_X_REQUEST_ID | UINT64_C(1) << HEADER_REFERER;

	return unique >> f->id & 1 ? NGHTTP2_NV_FLAG_NO_INDEX : 0;
}

static bool is_passed(const struct field *f)
{
	uint8_t class = header_classes[f->id];

	if (f->is_dropped || class == HEADER_FRAMING || f->id == HEADER_HOST ||
	    f->id == HEADER_SEC_WEBSOCKET_KEY)
		return false;
	return class != HEADER_HOP || (f->id == HEADER_TE && header_eq(f->value, "trailers"));
}

static void add_fields(struct http2_head *head, const struct fields *f)
{
	for (uint16_t i = 0; i < f->n; i++)
		if (is_passed(&f->at[i]))
			add(head, f->at[i].name, f->at[i].value, index_flags(&f->at[i]));
}

static void add_length(struct http2_head *head, uint64_t length)
{
	struct text t = text_of(head->length, sizeof(head->length));

	text_add_number(&t, length);
	ADD_PSEUDO(head, "content-length", text_slice(&t));
}

// Path and query in one piece.
static struct slice join_path(struct http2_head *head, const struct request *r,
                              struct buf_pool *pool)
{
	struct text t;

	if (!r->query.ptr)
		return r->path;
	// As they were received; a route may have put another path there.
	if (r->path.ptr + r->path.len + 1 == r->query.ptr && r->query.ptr[-1] == '?')
		return slice_of(r->path.ptr, r->path.len + 1 + r->query.len);
	head->path = buf_get(pool, r->path.len + r->query.len + 1);
	if (!head->path)
		return r->path;
	t = text_of(head->path->data, head->path->size);
	text_add_slice(&t, r->path);
	TEXT_ADD_LITERAL(&t, "?");
	text_add_slice(&t, r->query);
	return text_slice(&t);
}

void http2_head_of_request(struct http2_head *out, const struct request *r, struct buf_pool *pool,
                           bool is_secure)
{
	static const struct slice schemes[2] = {{(const uint8_t *)"http", 4},
	                                        {(const uint8_t *)"https", 5}};
	const struct field *host = message_field(&r->fields, HEADER_HOST);

	out->n = out->size = 0;
	out->path = NULL;
	ADD_PSEUDO(out, ":method", r->upgrade.len ? slice_of("CONNECT", 7) : r->method_text);
	if (r->upgrade.len)
		ADD_PSEUDO(out, ":protocol", r->upgrade);
	ADD_PSEUDO(out, ":scheme", schemes[is_secure]);
	ADD_PSEUDO(out, ":authority", host ? host->value : r->authority);
	ADD_PSEUDO(out, ":path", join_path(out, r, pool));
	add_fields(out, &r->fields);
	if (r->body == BODY_LENGTH)
		add_length(out, r->content_length);
}

void http2_head_of_response(struct http2_head *out, const struct response *r, bool is_tunnel)
{
	const struct field *length = message_field(&r->fields, HEADER_CONTENT_LENGTH);
	uint16_t status = is_tunnel && r->status == 101 ? 200 : r->status;

	out->n = out->size = 0;
	out->path = NULL;
	for (int i = 2, left = status; i >= 0; i--, left /= 10)
		out->status[i] = (char)('0' + left % 10);
	ADD_PSEUDO(out, ":status", slice_of(out->status, 3));
	for (uint16_t i = 0; i < r->fields.n; i++) {
		const struct field *f = &r->fields.at[i];

		if (is_passed(f) && f->id != HEADER_SEC_WEBSOCKET_ACCEPT)
			add(out, f->name, f->value, index_flags(f));
	}
	if (r->body == BODY_LENGTH && r->content_length)
		add_length(out, r->content_length);
	else if (length && r->body == BODY_NONE && status >= 200 && status != 204)
		ADD_PSEUDO(out, "content-length", length->value); // to HEAD, or with 304
}

void http2_head_of_trailers(struct http2_head *out, const struct fields *f)
{
	out->n = out->size = 0;
	out->path = NULL;
	add_fields(out, f);
}
