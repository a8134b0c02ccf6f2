// SPDX-License-Identifier: BSD-3-Clause
#include "l7/head.h"
#include "tests/support/guard.h"

#include <criterion/criterion.h>

static char space[4096];

static struct slice of(const char *z)
{
	return slice_of(z, strlen(z));
}

static void add(struct fields *f, const char *name, const char *value)
{
	cr_assert(message_add(f, header_find(of(name)), of(name), of(value)));
}

static const struct request *some_request(void)
{
	static struct request r;

	r = (struct request){
		.method_text = of("PROPFIND"),
		.target = of("/p?q=1"),
		.authority = of("a.example:8080"),
		.path = of("/p"),
		.query = of("q=1"),
		.upgrade = of("websocket"),
		.content_length = UINT64_C(0x1234567890),
		.method = METHOD_OTHER,
		.minor = 1,
		.body = BODY_LENGTH,
		.is_persistent = true,
		.accepts_trailers = true,
	};
	add(&r.fields, "Host", "a.example");
	add(&r.fields, "X-Gone", "1");
	add(&r.fields, "X-Empty", "");
	add(&r.fields, "cookie", "a=1");
	add(&r.fields, "Cookie", "b=2");
	r.fields.at[1].is_dropped = true;
	return &r;
}

static void expect_same(struct slice a, struct slice b, const char *what)
{
	cr_expect(slice_eq(a, b), "%s: %.*s", what, (int)a.len, (const char *)a.ptr);
}

static void expect_same_fields(const struct fields *got, const struct fields *want)
{
	uint16_t n = 0;

	for (uint16_t i = 0; i < want->n; i++) {
		if (want->at[i].is_dropped)
			continue;
		cr_assert_lt(n, got->n);
		expect_same(got->at[n].name, want->at[i].name, "name");
		expect_same(got->at[n].value, want->at[i].value, "value");
		cr_expect_eq(got->at[n].id, want->at[i].id);
		cr_expect_not(got->at[n].is_dropped);
		n++;
	}
	cr_expect_eq(got->n, n);
}

static void expect_same_request(const struct request *got, const struct request *want)
{
	expect_same(got->method_text, want->method_text, "method");
	expect_same(got->authority, want->authority, "authority");
	expect_same(got->path, want->path, "path");
	expect_same(got->query, want->query, "query");
	expect_same(got->upgrade, want->upgrade, "upgrade");
	cr_expect_eq(!got->query.ptr, !want->query.ptr);
	cr_expect_eq(got->content_length, want->content_length);
	cr_expect_eq(got->method, want->method);
	cr_expect_eq(got->minor, want->minor);
	cr_expect_eq(got->body, want->body);
	cr_expect_eq(got->is_persistent, want->is_persistent);
	cr_expect_eq(got->expects_continue, want->expects_continue);
	cr_expect_eq(got->accepts_trailers, want->accepts_trailers);
	expect_same_fields(&got->fields, &want->fields);
}

// Unpacked from memory that ends where the head does.
static void expect_round_trip(const struct request *r)
{
	static struct request out;
	struct text t = text_of(space, sizeof(space));
	uint8_t *at;

	head_pack(&t, r);
	cr_assert_not(t.is_cut);
	memset(&out, 0xa5, sizeof(out));
	at = guard_alloc(t.len);
	memcpy(at, space, t.len);
	head_unpack(&out, slice_of(at, t.len));
	expect_same_request(&out, r);
	guard_free(at, t.len);
}

Test(head, what_was_packed_comes_out_again)
{
	expect_round_trip(some_request());
}

Test(head, an_empty_query_is_not_no_query)
{
	struct request *r = (struct request *)(uintptr_t)some_request();

	r->query = slice_of("", 0);
	expect_round_trip(r);
	r->query = (struct slice){0};
	expect_round_trip(r);
}

Test(head, a_head_without_anything_is_one_too)
{
	static struct request r;

	expect_round_trip(&r);
}

Test(head, as_many_fields_as_there_may_be)
{
	static struct request r;
	static char large[sizeof(struct request)];
	static struct request out;
	struct text t = text_of(large, sizeof(large));

	while (r.fields.n < MESSAGE_FIELDS_MAX)
		add(&r.fields, "x", "y");
	head_pack(&t, &r);
	cr_assert_not(t.is_cut);
	head_unpack(&out, text_slice(&t));
	expect_same_request(&out, &r);
}

Test(head, what_does_not_fit_is_said_to_be_cut)
{
	struct text whole = text_of(space, sizeof(space));

	head_pack(&whole, some_request());
	for (size_t size = 0; size < whole.len; size++) {
		static char room[sizeof(space)];
		struct text t = text_of(room, size);

		head_pack(&t, some_request());
		cr_expect(t.is_cut, "%zu bytes", size);
	}
}

Test(head, trailers_come_out_again_and_are_cut_likewise)
{
	static struct fields out;
	struct text t = text_of(space, sizeof(space));
	const struct fields *f = &some_request()->fields;

	head_pack_fields(&t, f);
	cr_assert_not(t.is_cut);
	head_unpack_fields(&out, text_slice(&t));
	expect_same_fields(&out, f);
	for (size_t size = 0; size < t.len; size++) {
		static char room[sizeof(space)];
		struct text cut = text_of(room, size);

		head_pack_fields(&cut, f);
		cr_expect(cut.is_cut, "%zu bytes", size);
	}
}

Test(head, it_is_appended_to_what_is_there)
{
	static struct fields out;
	struct text t = text_of(space, sizeof(space));

	TEXT_ADD_LITERAL(&t, "before");
	head_pack_fields(&t, &some_request()->fields);
	head_unpack_fields(&out, slice_of(space + 6, t.len - 6));
	expect_same_fields(&out, &some_request()->fields);
}
