// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/http1check.h"

#include "tests/support/guard.h"

const struct http1_limits http1check_limits = {.line = 8192, .head = 16384, .fields = 100};

// What a parse function filled.
union message {
	struct request request;
	struct response response;
	struct fields trailers;
};

struct slice http1check_copy(struct slice in, bool is_low)
{
	static uint8_t *low, *end;

	assert(in.len <= HTTP1CHECK_MAX);
	if (!low)
		low = guard_alloc_low(HTTP1CHECK_MAX);
	if (!end)
		end = guard_alloc(HTTP1CHECK_MAX) + HTTP1CHECK_MAX;
	if (in.len)
		memcpy(is_low ? low : end - in.len, in.ptr, in.len);
	return slice_of(is_low ? low : end - in.len, in.len);
}

bool http1check_same_fields(const struct fields *a, const struct fields *b)
{
	if (a->n != b->n)
		return false;
	for (uint16_t i = 0; i < a->n; i++) {
		const struct field *x = &a->at[i], *y = &b->at[i];

		if (!slice_eq(x->name, y->name) || !slice_eq(x->value, y->value) ||
		    x->id != y->id || x->is_dropped != y->is_dropped)
			return false;
	}
	return true;
}

bool http1check_same_request(const struct request *a, const struct request *b)
{
	return slice_eq(a->method_text, b->method_text) && slice_eq(a->target, b->target) &&
	       slice_eq(a->authority, b->authority) && slice_eq(a->path, b->path) &&
	       slice_eq(a->query, b->query) && !a->query.ptr == !b->query.ptr &&
	       slice_eq(a->upgrade, b->upgrade) && a->content_length == b->content_length &&
	       a->method == b->method && a->minor == b->minor && a->body == b->body &&
	       a->is_persistent == b->is_persistent && a->expects_continue == b->expects_continue &&
	       a->accepts_trailers == b->accepts_trailers &&
	       http1check_same_fields(&a->fields, &b->fields);
}

bool http1check_same_response(const struct response *a, const struct response *b)
{
	return slice_eq(a->reason, b->reason) && slice_eq(a->upgrade, b->upgrade) &&
	       a->content_length == b->content_length && a->status == b->status &&
	       a->minor == b->minor && a->body == b->body && a->is_persistent == b->is_persistent &&
	       http1check_same_fields(&a->fields, &b->fields);
}

static ssize_t parse(const struct http1check *c, union message *m, struct slice in, size_t seen)
{
	switch (c->kind) {
	case HTTP1CHECK_REQUEST:
		return http1_parse_request(&m->request, in, seen, c->limits);
	case HTTP1CHECK_RESPONSE:
		return http1_parse_response(&m->response, in, seen, c->method, c->limits);
	case HTTP1CHECK_TRAILERS:
		return http1_parse_trailers(&m->trailers, in, seen, c->limits);
	}
	return 0;
}

static bool is_same(const struct http1check *c, const union message *a, const union message *b)
{
	switch (c->kind) {
	case HTTP1CHECK_REQUEST:
		return http1check_same_request(&a->request, &b->request);
	case HTTP1CHECK_RESPONSE:
		return http1check_same_response(&a->response, &b->response);
	case HTTP1CHECK_TRAILERS:
		return http1check_same_fields(&a->trailers, &b->trailers);
	}
	return false;
}

// All of `in` after its first `seen` octets gave "more": as at once, or later if no line has ended since.
static bool is_consistent(const struct http1check *c, struct slice in, size_t seen, ssize_t whole,
                          const union message *want)
{
	static union message got;
	ssize_t again = parse(c, &got, http1check_copy(in, true), seen);

	if (again == 0 && whole < 0)
		return !memchr(in.ptr + seen, '\n', in.len - seen);
	return again == whole && (again <= 0 || is_same(c, &got, want));
}

bool http1check_split(const struct http1check *c, struct slice in, size_t split)
{
	static union message whole, part;
	ssize_t first, all = parse(c, &whole, http1check_copy(in, false), 0);

	first = parse(c, &part, http1check_copy(slice_of(in.ptr, split), true), 0);
	if (first < 0)
		return first == all;
	if (first > 0)
		return first == all && is_same(c, &part, &whole);
	return is_consistent(c, in, split, all, &whole);
}

static bool octet_by_octet(const struct http1check *c, struct slice in)
{
	static union message whole, part;
	ssize_t rc = 0, all = parse(c, &whole, http1check_copy(in, true), 0);

	for (size_t n = 1; n <= in.len && rc == 0; n++)
		rc = parse(c, &part, http1check_copy(slice_of(in.ptr, n), false), n - 1);
	if (rc == 0 && all < 0)
		return in.len == 0 || in.ptr[in.len - 1] != '\n';
	return rc == all && (rc <= 0 || is_same(c, &part, &whole));
}

size_t http1check_splits(const struct http1check *c, struct slice in)
{
	for (size_t split = 0; split <= in.len; split++)
		if (!http1check_split(c, in, split))
			return split;
	return octet_by_octet(c, in) ? SIZE_MAX : in.len + 1;
}
