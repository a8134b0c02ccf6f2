// SPDX-License-Identifier: BSD-3-Clause
#include "l7/grpc_web.h"

#include <errno.h>

// --- heads ---

void grpc_web_open(struct grpc_web *w, enum grpc_kind kind, const struct fields *f)
{
	const struct field *accept = message_field(f, HEADER_ACCEPT);
	struct slice list = accept ? accept->value : (struct slice){0}, type;

	w->is_web = kind != GRPC_NATIVE;
	w->is_text = w->answers_text = kind == GRPC_WEB_TEXT;
	while (w->is_web && header_next_token(&list, &type)) {
		enum grpc_kind wanted = grpc_kind_of(type, NULL);

		if (wanted == GRPC_WEB || wanted == GRPC_WEB_TEXT) {
			w->answers_text = wanted == GRPC_WEB_TEXT;
			return;
		}
	}
}

// Content-Type of another kind, with the subtype it had.
static bool set_type(struct fields *f, enum grpc_kind kind, struct text *scratch)
{
	size_t begin = scratch->len;
	struct slice subtype = {0};

	if (grpc_kind_of_fields(f, &subtype) == GRPC_NONE)
		return true;
	text_add_z(scratch, grpc_content_types[kind]);
	text_add_slice(scratch, subtype);
	for (uint16_t i = 0; i < f->n; i++)
		if (f->at[i].id == HEADER_CONTENT_TYPE && !f->at[i].is_dropped)
			f->at[i].value = slice_of(scratch->ptr + begin, scratch->len - begin);
	return !scratch->is_cut;
}

static void drop(struct fields *f, enum header id)
{
	for (uint16_t i = 0; i < f->n; i++)
		if (f->at[i].id == id)
			f->at[i].is_dropped = true;
}

bool grpc_web_request(struct grpc_web *w, struct request *r, struct text *scratch)
{
	if (!set_type(&r->fields, GRPC_NATIVE, scratch))
		return false;
	drop(&r->fields, HEADER_ACCEPT); // of the other protocol's types
	r->accepts_trailers = true;
	// gRPC ends where the stream ends; that of base64 would be a wrong length besides.
	if (r->body == BODY_LENGTH && r->content_length) {
		drop(&r->fields, HEADER_CONTENT_LENGTH);
		r->body = BODY_CHUNKED;
	}
	w->is_bridged = true;
	return true;
}

bool grpc_web_response(const struct grpc_web *w, struct response *r, struct text *scratch)
{
	drop(&r->fields, HEADER_CONTENT_LENGTH);
	drop(&r->fields, HEADER_TRAILER);
	r->body = BODY_CHUNKED; // there is a last frame at least
	return set_type(&r->fields, grpc_web_kind(w), scratch);
}

bool grpc_web_is_trailer(const struct field *f)
{
	return f->id == HEADER_GRPC_STATUS || f->id == HEADER_GRPC_MESSAGE ||
	       header_eq(f->name, "grpc-status-details-bin");
}

// --- the last frame ---

static void add_lower(struct text *t, struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.ptr[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		text_add(t, &c, 1);
	}
}

bool grpc_web_write_trailers(struct text *t, const struct fields *trailers)
{
	struct text start = *t;
	uint8_t head[GRPC_WEB_FRAME] = {0x80};
	size_t len;

	t->is_cut = false;
	text_add(t, head, sizeof(head));
	for (uint16_t i = 0; i < trailers->n; i++) {
		const struct field *f = &trailers->at[i];

		if (f->is_dropped)
			continue;
		add_lower(t, f->name);
		TEXT_ADD_LITERAL(t, ":");
		text_add_slice(t, f->value);
		TEXT_ADD_LITERAL(t, "\r\n");
	}
	if (t->is_cut) {
		*t = start;
		return false;
	}
	t->is_cut = start.is_cut;
	len = t->len - start.len - sizeof(head);
	for (size_t i = 1; i < sizeof(head); i++)
		t->ptr[start.len + i] = (char)(len >> (32 - 8 * i));
	return true;
}

// --- base64 ---

enum { PAD = 64, NO_LETTER = 255 };

static uint8_t value_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '=')
		return PAD;
	return c == '+' ? 62 : c == '/' ? 63 : NO_LETTER;
}

// The next letter of four. False: it may not stand here.
static bool take(struct grpc_web_base64 *b, uint8_t value)
{
	if (value == NO_LETTER || (value == PAD ? b->n < 2 : b->n_pad > 0))
		return false;
	b->n_pad += value == PAD;
	b->bits = b->bits << 6 | (value == PAD ? 0 : value);
	b->n++;
	return true;
}

// The octets of four letters; bits that belong to none must be zero (RFC 4648 section 3.5), or two texts would mean the same.
static ssize_t give(struct grpc_web_base64 *b, uint8_t *out)
{
	size_t n = 3U - b->n_pad;

	if (b->bits & ((UINT32_C(1) << (8 * b->n_pad)) - 1))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(b->bits >> (16 - 8 * i));
	*b = (struct grpc_web_base64){.n = 0};
	return (ssize_t)n;
}

ssize_t grpc_web_decode(struct grpc_web_base64 *b, struct slice in, uint8_t *out)
{
	ssize_t used = 0;

	for (size_t i = 0; i < in.len; i++) {
		ssize_t n;

		if (!take(b, value_of(in.ptr[i])))
			return -EINVAL;
		if (b->n < 4)
			continue;
		n = give(b, out + used);
		if (n < 0)
			return n;
		used += n;
	}
	return used;
}

size_t grpc_web_encode(struct slice in, char *out)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *at = out;

	for (size_t i = 0; i < in.len; i += 3) {
		size_t left = in.len - i;
		uint32_t bits = (uint32_t)in.ptr[i] << 16;

		bits |= left > 1 ? (uint32_t)in.ptr[i + 1] << 8 : 0;
		bits |= left > 2 ? in.ptr[i + 2] : 0;
		*at++ = letters[bits >> 18];
		*at++ = letters[bits >> 12 & 63];
		*at++ = left > 1 ? letters[bits >> 6 & 63] : '=';
		*at++ = left > 2 ? letters[bits & 63] : '=';
	}
	return (size_t)(at - out);
}
