// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <errno.h>

#include "l7/grpc_web.h"
#include "tests/support/guard.h"
#include "tests/unit/l7/requestbuild.h"

static struct slice z(const char *text)
{
	return slice_of(text, strlen(text));
}

static bool is_text(struct slice s, const char *want)
{
	return slice_eq(s, z(want));
}

// --- base64 ---

// RFC 4648 section 10, then pieces that are padded each by itself, as PROTOCOL-WEB.md allows. n: octets before the end, -1 if it is no
// base64. rest: letters that a whole content may not end with.
static const struct {
	const char *text;
	const char *want;
	int rest;
} texts[] = {
	{"", "", 0},
	{"Zg==", "f", 0},
	{"Zm8=", "fo", 0},
	{"Zm9v", "foo", 0},
	{"Zm9vYg==", "foob", 0},
	{"Zm9vYmE=", "fooba", 0},
	{"Zm9vYmFy", "foobar", 0},
	{"Zg==Zg==", "ff", 0},
	{"Zm8=Zm9vYmE=Zg==", "fofoobaf", 0},
	{"+/+/", "\xfb\xff\xbf", 0},
	{"Zm9vZ", "foo", 1},
	{"Zm9vZg", "foo", 2},
	{"Zm9vZg=", "foo", 3},
	{"Z===", NULL, 0},
	{"====", NULL, 0},
	{"=", NULL, 0},
	{"Zg=g", NULL, 0},
	{"Zm8=Z=", NULL, 0},
	{"Zm9v=", NULL, 0},
	{"Zh==", NULL, 0}, // bits of no octet
	{"Zm9=", NULL, 0},
	{"Zm-v", NULL, 0}, // the other alphabet, section 5
	{"Zm_v", NULL, 0},
	{"Zm9v\r\n", NULL, 0},
	{"Zm9v ", NULL, 0},
	{"Zm9v\xc3\xa4", NULL, 0},
};

// In two pieces; the octets, or -EINVAL.
static ssize_t decode(struct grpc_web_base64 *b, struct slice in, size_t split, uint8_t *out)
{
	size_t lens[2] = {split, in.len - split};
	const uint8_t *from = in.ptr;
	ssize_t n = 0;

	for (size_t i = 0; i < 2 && n >= 0; i++) {
		uint8_t *piece = guard_alloc(lens[i]);
		uint8_t *room = guard_alloc(GRPC_WEB_DECODED(lens[i]));
		ssize_t m;

		memcpy(piece, from, lens[i]);
		m = grpc_web_decode(b, slice_of(piece, lens[i]), room);
		if (m > 0)
			memcpy(out + n, room, (size_t)m);
		n = m < 0 ? m : n + m;
		from += lens[i];
		guard_free(piece, lens[i]);
		guard_free(room, GRPC_WEB_DECODED(lens[i]));
	}
	return n;
}

Test(grpc_web, base64_is_decoded_whatever_the_split)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct slice in = z(texts[i].text);

		for (size_t split = 0; split <= in.len; split++) {
			struct grpc_web_base64 b = {.n = 0};
			uint8_t out[64];
			ssize_t n = decode(&b, in, split, out);

			if (!texts[i].want) {
				cr_expect_eq(n, -EINVAL, "%s at %zu: %zd", texts[i].text, split, n);
				continue;
			}
			cr_assert_geq(n, 0, "%s at %zu", texts[i].text, split);
			cr_expect(slice_eq(slice_of(out, (size_t)n), z(texts[i].want)), "%s at %zu",
			          texts[i].text, split);
			cr_expect_eq(b.n, texts[i].rest, "%s at %zu", texts[i].text, split);
			cr_expect_eq(grpc_web_is_whole(&b), texts[i].rest == 0);
		}
	}
}

Test(grpc_web, what_is_encoded_is_decoded_to_the_same)
{
	uint8_t octets[256], back[GRPC_WEB_DECODED(GRPC_WEB_ENCODED(256))];

	for (unsigned int i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 167 + 13);
	for (size_t len = 0; len <= sizeof(octets); len++) {
		uint8_t *in = guard_alloc(len), *out = guard_alloc(GRPC_WEB_ENCODED(len));
		struct grpc_web_base64 b = {.n = 0};

		memcpy(in, octets, len);
		cr_assert_eq(grpc_web_encode(slice_of(in, len), (char *)out),
		             GRPC_WEB_ENCODED(len));
		cr_expect_eq(grpc_web_decode(&b, slice_of(out, GRPC_WEB_ENCODED(len)), back),
		             (ssize_t)len);
		cr_expect_eq(memcmp(back, octets, len), 0, "%zu", len);
		cr_expect(grpc_web_is_whole(&b));
		guard_free(in, len);
		guard_free(out, GRPC_WEB_ENCODED(len));
	}
}

// RFC 4648 section 10.
Test(grpc_web, base64_is_the_standard_s)
{
	static const char *const wants[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
	                                    "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};

	for (size_t len = 0; len < ARRAY_LEN(wants); len++) {
		char out[8];
		size_t n = grpc_web_encode(slice_of("foobar", len), out);

		cr_expect(is_text(slice_of(out, n), wants[len]), "%zu", len);
	}
}

// --- heads ---

static void add(struct fields *f, const char *name, const char *value)
{
	cr_assert(message_add(f, header_find(z(name)), z(name), z(value)));
}

static const char *value(const struct fields *f, enum header id)
{
	static char copy[64];
	const struct field *field = message_field(f, id);

	if (!field)
		return NULL;
	cr_assert_lt(field->value.len, sizeof(copy));
	memcpy(copy, field->value.ptr, field->value.len);
	copy[field->value.len] = '\0';
	return copy;
}

static const struct {
	const char *type, *accept;
	bool is_text, answers_text;
	const char *backend_type, *answer_type;
} calls[] = {
	{"application/grpc-web", NULL, false, false, "application/grpc", "application/grpc-web"},
	{"application/grpc-web+proto", "*/*", false, false, "application/grpc+proto",
         "application/grpc-web+proto"},
	{"application/grpc-web-text", "application/grpc-web-text", true, true, "application/grpc",
         "application/grpc-web-text"},
	{"application/grpc-web-text+proto", NULL, true, true, "application/grpc+proto",
         "application/grpc-web-text+proto"},
	{"application/grpc-web+json", "text/html, application/grpc-web-text;q=1", false, true,
         "application/grpc+json", "application/grpc-web-text+json"},
	{"application/grpc-web-text", "application/grpc-web+proto", true, false, "application/grpc",
         "application/grpc-web"},
};

Test(grpc_web, heads_are_translated_both_ways)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		struct request *r = requestbuild("a", "/pkg.Service/Method");
		static struct response answer;
		struct grpc_web w = {.is_web = false};
		char space[256];
		struct text t = text_of(space, sizeof(space));

		add(&r->fields, "content-type", calls[i].type);
		if (calls[i].accept)
			add(&r->fields, "accept", calls[i].accept);
		add(&r->fields, "content-length", "8");
		r->body = BODY_LENGTH;
		r->content_length = 8;
		grpc_web_open(&w, grpc_kind_of_fields(&r->fields, NULL), &r->fields);
		cr_expect(w.is_web);
		cr_expect_eq(w.is_text, calls[i].is_text, "%zu", i);
		cr_expect_eq(w.answers_text, calls[i].answers_text, "%zu", i);
		cr_assert(grpc_web_request(&w, r, &t));
		cr_expect_str_eq(value(&r->fields, HEADER_CONTENT_TYPE), calls[i].backend_type);
		cr_expect_null(value(&r->fields, HEADER_ACCEPT));
		cr_expect_null(value(&r->fields, HEADER_CONTENT_LENGTH));
		cr_expect_eq(r->body, BODY_CHUNKED);
		cr_expect(r->accepts_trailers);
		cr_expect(w.is_bridged);

		answer = (struct response){.status = 200, .body = BODY_LENGTH};
		add(&answer.fields, "content-type", calls[i].backend_type);
		add(&answer.fields, "content-length", "0");
		cr_assert(grpc_web_response(&w, &answer, &t));
		cr_expect_str_eq(value(&answer.fields, HEADER_CONTENT_TYPE), calls[i].answer_type);
		cr_expect_null(value(&answer.fields, HEADER_CONTENT_LENGTH));
		cr_expect_eq(answer.body, BODY_CHUNKED);
	}
}

Test(grpc_web, a_type_that_does_not_fit_is_told)
{
	for (size_t size = 0; size < strlen("application/grpc+proto"); size++) {
		struct request *r = requestbuild("a", "/");
		struct grpc_web w = {.is_web = true};
		uint8_t *space = guard_alloc(size);
		struct text t = text_of(space, size);

		add(&r->fields, "content-type", "application/grpc-web+proto");
		cr_expect_not(grpc_web_request(&w, r, &t));
		guard_free(space, size);
	}
}

Test(grpc_web, grpc_itself_is_no_grpc_web)
{
	static struct fields f;
	struct grpc_web w = {.is_web = false};

	add(&f, "accept", "application/grpc-web-text");
	grpc_web_open(&w, GRPC_NATIVE, &f);
	cr_expect_not(w.is_web);
	cr_expect_eq(grpc_web_kind(&w), GRPC_NATIVE);
}

// --- the last frame ---

Test(grpc_web, trailers_are_a_frame)
{
	static const char want[] =
		"\x80\0\0\0\x2fgrpc-status:5\r\ngrpc-message:no%0A\r\nx-a-bin:AQ\r\n";
	static struct fields f;
	char space[128];
	struct text t = text_of(space, sizeof(space));

	add(&f, "Grpc-Status", "5");
	add(&f, "dropped", "x");
	f.at[1].is_dropped = true;
	add(&f, "grpc-message", "no%0A");
	add(&f, "X-A-Bin", "AQ");
	cr_assert(grpc_web_write_trailers(&t, &f));
	cr_expect(slice_eq(text_slice(&t), slice_of(want, sizeof(want) - 1)));
}

Test(grpc_web, a_frame_is_whole_or_not_there)
{
	static struct fields f;

	add(&f, "grpc-status", "0");
	for (size_t size = 0; size <= GRPC_WEB_FRAME + 15; size++) {
		uint8_t *space = guard_alloc(size);
		struct text t = text_of(space, size);
		bool fits = size == GRPC_WEB_FRAME + 15;

		cr_expect_eq(grpc_web_write_trailers(&t, &f), fits, "%zu", size);
		cr_expect_eq(t.len, fits ? size : 0);
		cr_expect_not(t.is_cut);
		guard_free(space, size);
	}
}

Test(grpc_web, a_length_has_four_octets)
{
	static struct fields f;
	static char space[70000], long_value[66000];
	struct text t = text_of(space, sizeof(space));
	struct grpc_message frame = {.n = 0};

	memset(long_value, 'x', sizeof(long_value));
	cr_assert(message_add(&f, HEADER_OTHER, z("a"), slice_of(long_value, sizeof(long_value))));
	cr_assert(grpc_web_write_trailers(&t, &f));
	t.ptr[0] = 0;
	cr_expect_eq(grpc_message_take(&frame, text_slice(&t)), 1);
	cr_expect(grpc_message_is_between(&frame));
	cr_expect_eq(t.len, GRPC_WEB_FRAME + sizeof(long_value) + 4);
}

Test(grpc_web, the_status_belongs_into_the_last_frame)
{
	static struct fields f;

	add(&f, "Grpc-Status", "5");
	add(&f, "grpc-message", "x");
	add(&f, "Grpc-Status-Details-Bin", "x");
	add(&f, "grpc-encoding", "identity");
	add(&f, "x-own", "x");
	for (uint16_t i = 0; i < f.n; i++)
		cr_expect_eq(grpc_web_is_trailer(&f.at[i]), i < 3, "%u", i);
}
