// SPDX-License-Identifier: BSD-3-Clause
#include "l7/http1.h"

static void write_field(struct text *t, struct slice name, struct slice value)
{
	size_t len = name.len + value.len + 4;
	char *p = t->ptr + t->len;

	if (len > t->size - t->len) {
		t->is_cut = true;
		return;
	}
	memcpy(p, name.ptr, name.len);
	p += name.len;
	*p++ = ':';
	*p++ = ' ';
	if (value.len)
		memcpy(p, value.ptr, value.len);
	p[value.len] = '\r';
	p[value.len + 1] = '\n';
	t->len += len;
}

// Fields of ours to write are not among them: the framing, and what is for one hop only.
static void write_fields(struct text *t, const struct fields *f)
{
	for (uint16_t i = 0; i < f->n; i++) {
		const struct field *field = &f->at[i];
		uint8_t class = header_classes[field->id];

		if (!field->is_dropped && class != HEADER_HOP && class != HEADER_FRAMING)
			write_field(t, field->name, field->value);
	}
}

static void write_framing(struct text *t, uint8_t body, uint64_t content_length)
{
	if (body == BODY_CHUNKED) {
		TEXT_ADD_LITERAL(t, "Transfer-Encoding: chunked\r\n");
	} else if (body == BODY_LENGTH) {
		TEXT_ADD_LITERAL(t, "Content-Length: ");
		text_add_number(t, content_length);
		TEXT_ADD_LITERAL(t, "\r\n");
	}
}

static void write_upgrade(struct text *t, struct slice upgrade)
{
	TEXT_ADD_LITERAL(t, "Connection: Upgrade\r\nUpgrade: ");
	text_add_slice(t, upgrade);
	TEXT_ADD_LITERAL(t, "\r\n");
}

static void write_target(struct text *t, const struct request *r)
{
	if (r->method == METHOD_CONNECT) {
		text_add_slice(t, r->authority);
		return;
	}
	text_add_slice(t, r->path);
	if (r->query.ptr) {
		TEXT_ADD_LITERAL(t, "?");
		text_add_slice(t, r->query);
	}
}

void http1_write_request(struct text *t, const struct request *r)
{
	text_add_slice(t, r->method_text);
	TEXT_ADD_LITERAL(t, " ");
	write_target(t, r);
	TEXT_ADD_LITERAL(t, " HTTP/1.1\r\n");
	// HTTP/1.1 wants one; HTTP/1.0 and HTTP/2 may have named the host elsewhere.
	if (!message_field(&r->fields, HEADER_HOST))
		write_field(t, slice_of("Host", 4), r->authority);
	write_fields(t, &r->fields);
	write_framing(t, r->body, r->content_length);
	if (r->upgrade.len)
		write_upgrade(t, r->upgrade);
	else if (!r->is_persistent)
		TEXT_ADD_LITERAL(t, "Connection: close\r\n");
	TEXT_ADD_LITERAL(t, "\r\n");
}

static void write_status(struct text *t, uint16_t status)
{
	char digits[3] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
	                  (char)('0' + status % 10)};

	TEXT_ADD_LITERAL(t, "HTTP/1.1 ");
	text_add(t, digits, sizeof(digits));
	TEXT_ADD_LITERAL(t, " ");
}

// Of an answer without content it tells what a GET would bring: to HEAD, or with 304 (RFC 9110 section 8.6).
static void write_told_length(struct text *t, const struct response *r)
{
	const struct field *f = message_field(&r->fields, HEADER_CONTENT_LENGTH);

	if (f && r->body == BODY_NONE && r->status >= 200 && r->status != 204)
		write_field(t, f->name, f->value);
}

void http1_write_response(struct text *t, const struct response *r, uint8_t client_minor)
{
	write_status(t, r->status);
	text_add_slice(t, r->reason);
	TEXT_ADD_LITERAL(t, "\r\n");
	write_fields(t, &r->fields);
	write_told_length(t, r);
	write_framing(t, r->body, r->content_length);
	if (r->upgrade.len)
		write_upgrade(t, r->upgrade);
	else if (!r->is_persistent)
		TEXT_ADD_LITERAL(t, "Connection: close\r\n");
	else if (client_minor == 0)
		TEXT_ADD_LITERAL(t, "Connection: keep-alive\r\n");
	TEXT_ADD_LITERAL(t, "\r\n");
}

void http1_write_chunk_size(struct text *t, uint64_t len)
{
	text_add_hex(t, len);
	TEXT_ADD_LITERAL(t, "\r\n");
}

void http1_write_last_chunk(struct text *t, const struct fields *trailers)
{
	TEXT_ADD_LITERAL(t, "0\r\n");
	if (trailers)
		write_fields(t, trailers);
	TEXT_ADD_LITERAL(t, "\r\n");
}
