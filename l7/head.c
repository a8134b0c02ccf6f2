// SPDX-License-Identifier: BSD-3-Clause
#include "l7/head.h"

// Lengths and numbers first, the bytes of the texts behind them, in the same order; then the fields, each likewise. Copied in and
// out, as nothing is aligned.
struct packed_request {
	uint64_t content_length;
	uint32_t method_len, authority_len, path_len, query_len, upgrade_len;
	uint8_t method, minor, body;
	bool has_query, is_persistent, expects_continue, accepts_trailers;
};

struct packed_field {
	uint32_t name_len, value_len;
	uint8_t id;
};

void head_pack_fields(struct text *t, const struct fields *f)
{
	for (uint16_t i = 0; i < f->n; i++) {
		const struct field *field = &f->at[i];
		struct packed_field p = {
			.name_len = (uint32_t)field->name.len,
			.value_len = (uint32_t)field->value.len,
			.id = field->id,
		};

		if (field->is_dropped)
			continue;
		text_add(t, &p, sizeof(p));
		text_add_slice(t, field->name);
		text_add_slice(t, field->value);
	}
}

void head_pack(struct text *t, const struct request *r)
{
	struct packed_request p = {
		.content_length = r->content_length,
		.method_len = (uint32_t)r->method_text.len,
		.authority_len = (uint32_t)r->authority.len,
		.path_len = (uint32_t)r->path.len,
		.query_len = (uint32_t)r->query.len,
		.upgrade_len = (uint32_t)r->upgrade.len,
		.method = r->method,
		.minor = r->minor,
		.body = r->body,
		.has_query = r->query.ptr,
		.is_persistent = r->is_persistent,
		.expects_continue = r->expects_continue,
		.accepts_trailers = r->accepts_trailers,
	};

	text_add(t, &p, sizeof(p));
	text_add_slice(t, r->method_text);
	text_add_slice(t, r->authority);
	text_add_slice(t, r->path);
	if (p.has_query)
		TEXT_ADD_LITERAL(t, "?"); // HTTP/2 sends both as one
	text_add_slice(t, r->query);
	text_add_slice(t, r->upgrade);
	head_pack_fields(t, &r->fields);
}

static struct slice next(struct slice *packed, size_t len)
{
	struct slice taken;

	assert(len <= packed->len);
	taken = slice_of(packed->ptr, len);
	*packed = slice_of(packed->ptr + len, packed->len - len);
	return taken;
}

void head_unpack_fields(struct fields *out, struct slice packed)
{
	out->n = 0;
	while (packed.len) {
		struct field *f = &out->at[out->n++];
		struct packed_field p;

		assert(out->n <= MESSAGE_FIELDS_MAX);
		memcpy(&p, next(&packed, sizeof(p)).ptr, sizeof(p));
		f->name = next(&packed, p.name_len);
		f->value = next(&packed, p.value_len);
		f->id = p.id;
		f->is_dropped = false;
	}
}

void head_unpack(struct request *out, struct slice packed)
{
	struct packed_request p;

	memcpy(&p, next(&packed, sizeof(p)).ptr, sizeof(p));
	out->method_text = next(&packed, p.method_len);
	out->target = (struct slice){0};
	out->authority = next(&packed, p.authority_len);
	out->path = next(&packed, p.path_len);
	out->query = (struct slice){0};
	if (p.has_query) {
		next(&packed, 1);
		out->query = next(&packed, p.query_len);
	}
	out->upgrade = next(&packed, p.upgrade_len);
	out->content_length = p.content_length;
	out->method = p.method;
	out->minor = p.minor;
	out->body = p.body;
	out->is_persistent = p.is_persistent;
	out->expects_continue = p.expects_continue;
	out->accepts_trailers = p.accepts_trailers;
	head_unpack_fields(&out->fields, packed);
}
