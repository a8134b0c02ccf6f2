// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include "l4/base/clock.h"
#include "l7/grpc.h"
#include "tests/support/guard.h"

static struct slice z(const char *text)
{
	return slice_of(text, strlen(text));
}

// On a page that ends where nothing may be read.
static struct slice guarded(const char *text)
{
	struct slice from = z(text);
	uint8_t *copy = guard_alloc(from.len);

	memcpy(copy, from.ptr, from.len);
	return slice_of(copy, from.len);
}

static void release(struct slice s)
{
	guard_free((uint8_t *)(uintptr_t)s.ptr, s.len);
}

static bool is_text(struct slice s, const char *want)
{
	return slice_eq(s, z(want));
}

// --- what is gRPC ---

// PROTOCOL-HTTP2.md "Content-Type", PROTOCOL-WEB.md "Content-Type" and "Text-encoded (response) streams".
static const struct {
	const char *value;
	enum grpc_kind kind;
	const char *subtype;
} types[] = {
	{"application/grpc", GRPC_NATIVE, ""},
	{"application/grpc+proto", GRPC_NATIVE, "+proto"},
	{"application/grpc+json", GRPC_NATIVE, "+json"},
	{"Application/GRPC+Proto", GRPC_NATIVE, "+Proto"},
	{"application/grpc; charset=utf-8", GRPC_NATIVE, ""},
	{"application/grpc+proto ;q=1", GRPC_NATIVE, "+proto"},
	{"application/grpc+", GRPC_NATIVE, "+"},
	{"application/grpc-web", GRPC_WEB, ""},
	{"application/grpc-web+thrift", GRPC_WEB, "+thrift"},
	{"application/grpc-web-text", GRPC_WEB_TEXT, ""},
	{"application/grpc-web-text+proto", GRPC_WEB_TEXT, "+proto"},
	{"application/grpc-web-text-base64", GRPC_WEB_TEXT, ""},
	{"application/grpc-web-texts", GRPC_NONE, NULL},
	{"application/grpc-webx", GRPC_NONE, NULL},
	{"application/grpcx", GRPC_NONE, NULL},
	{"application/grp", GRPC_NONE, NULL},
	{"application/json", GRPC_NONE, NULL},
	{"text/html; application/grpc", GRPC_NONE, NULL},
	{"+proto", GRPC_NONE, NULL},
	{";", GRPC_NONE, NULL},
	{"", GRPC_NONE, NULL},
};

Test(grpc, the_content_type_says_what_is_grpc)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct slice value = guarded(types[i].value), subtype = {0};

		cr_expect_eq(grpc_kind_of(value, &subtype), types[i].kind, "%s", types[i].value);
		cr_expect_eq(grpc_kind_of(value, NULL), types[i].kind, "%s", types[i].value);
		if (types[i].subtype)
			cr_expect(is_text(subtype, types[i].subtype), "%s", types[i].value);
		release(value);
	}
}

Test(grpc, no_shorter_content_type_is_taken_for_another)
{
	static const char whole[] = "application/grpc-web-text-base64";

	for (size_t len = 0; len < sizeof(whole); len++) {
		uint8_t *copy = guard_alloc(len);
		enum grpc_kind want = GRPC_NONE;

		for (size_t i = 0; i < ARRAY_LEN(types); i++)
			if (strlen(types[i].value) == len && !memcmp(types[i].value, whole, len))
				want = types[i].kind;
		memcpy(copy, whole, len);
		cr_expect_eq(grpc_kind_of(slice_of(copy, len), NULL), want, "%zu", len);
		guard_free(copy, len);
	}
}

Test(grpc, two_content_types_are_none)
{
	static struct fields f;
	struct slice name = slice_of("content-type", 12), value = slice_of("application/grpc", 16);

	cr_expect_eq(grpc_kind_of_fields(&f, NULL), GRPC_NONE);
	cr_assert(message_add(&f, HEADER_CONTENT_TYPE, name, value));
	cr_expect_eq(grpc_kind_of_fields(&f, NULL), GRPC_NATIVE);
	cr_assert(message_add(&f, HEADER_CONTENT_TYPE, name, value));
	cr_expect_eq(grpc_kind_of_fields(&f, NULL), GRPC_NONE);
	f.at[0].is_dropped = true;
	cr_expect_eq(grpc_kind_of_fields(&f, NULL), GRPC_NATIVE);
}

Test(grpc, a_kind_reads_its_own_content_type)
{
	for (unsigned int kind = GRPC_NATIVE; kind < GRPC_KIND_COUNT; kind++) {
		const char *type = grpc_content_types[kind];

		cr_expect_eq(grpc_kind_of(slice_of(type, strlen(type)), NULL), kind, "%s", type);
	}
}

// --- how long ---

// PROTOCOL-HTTP2.md "Timeout": 1 to 8 digits and a unit.
static const struct {
	const char *value;
	uint64_t ns; // 0 = malformed
} timeouts[] = {
	{"1S", CLOCK_NS_PER_S},
	{"1n", 1},
	{"1u", 1000},
	{"1m", CLOCK_NS_PER_MS},
	{"1M", 60 * CLOCK_NS_PER_S},
	{"1H", 3600 * CLOCK_NS_PER_S},
	{"00000001m", CLOCK_NS_PER_MS},
	{"99999999n", 99999999},
	{"99999999u", UINT64_C(99999999000)},
	{"99999999S", 99999999 * CLOCK_NS_PER_S},
	{"99999999M", 60 * UINT64_C(99999999) * CLOCK_NS_PER_S},
	{"5124095H", UINT64_C(5124095) * 3600 * CLOCK_NS_PER_S}, // the last below 2^64
	{"5124096H", UINT64_MAX},
	{"99999999H", UINT64_MAX},
	{"100000000n", 0},
	{"000000001m", 0},
	{"0S", 0}, // "positive integer"
	{"00000000n", 0},
	{"", 0},
	{"S", 0},
	{"1", 0},
	{"12345678", 0},
	{"1s", 0},
	{"1h", 0},
	{"1N", 0},
	{"1U", 0},
	{"1 S", 0},
	{" 1S", 0},
	{"1S ", 0},
	{"-1S", 0},
	{"+1S", 0},
	{"1.5S", 0},
	{"0x1S", 0},
	{"1SS", 0},
};

Test(grpc, a_timeout_is_as_long_as_it_says)
{
	for (size_t i = 0; i < ARRAY_LEN(timeouts); i++) {
		struct slice value = guarded(timeouts[i].value);
		uint64_t ns = 77;

		cr_expect_eq(grpc_parse_timeout(value, &ns), timeouts[i].ns != 0, "%s",
		             timeouts[i].value);
		cr_expect_eq(ns, timeouts[i].ns ? timeouts[i].ns : 77, "%s: %lu", timeouts[i].value,
		             ns);
		release(value);
	}
}

Test(grpc, a_timeout_cut_short_is_malformed)
{
	static const char whole[] = "12345678S";

	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		uint8_t *copy = guard_alloc(len);
		uint64_t ns;

		memcpy(copy, whole, len);
		cr_expect_not(grpc_parse_timeout(slice_of(copy, len), &ns), "%zu", len);
		guard_free(copy, len);
	}
}

Test(grpc, six_units_and_no_other)
{
	unsigned int n = 0;

	for (unsigned int unit = 0; unit < 256; unit++) {
		uint8_t value[2] = {'1', (uint8_t)unit};
		uint64_t ns;

		n += grpc_parse_timeout(slice_of(value, 2), &ns);
	}
	cr_expect_eq(n, 6);
}

// --- how it went ---

// statuscodes.md.
Test(grpc, numbers_and_names_are_the_standard_s)
{
	cr_expect_eq(GRPC_STATUS_COUNT, 17);
	cr_expect_str_eq(grpc_status_names[0], "OK");
	cr_expect_str_eq(grpc_status_names[1], "CANCELLED");
	cr_expect_str_eq(grpc_status_names[4], "DEADLINE_EXCEEDED");
	cr_expect_str_eq(grpc_status_names[8], "RESOURCE_EXHAUSTED");
	cr_expect_str_eq(grpc_status_names[12], "UNIMPLEMENTED");
	cr_expect_str_eq(grpc_status_names[13], "INTERNAL");
	cr_expect_str_eq(grpc_status_names[14], "UNAVAILABLE");
	cr_expect_str_eq(grpc_status_names[16], "UNAUTHENTICATED");
}

static const struct {
	const char *value;
	int status; // -1 = malformed
} statuses[] = {
	{"0", 0},    {"1", 1},     {"16", 16}, {"17", 17}, {"255", 255}, {"256", -1},
	{"999", -1}, {"00", -1},   {"01", -1}, {"", -1},   {" 1", -1},   {"1 ", -1},
	{"-1", -1},  {"1000", -1}, {"x", -1},  {"1x", -1}, {"/", -1},    {":", -1},
};

Test(grpc, a_status_is_a_decimal_number)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		struct slice value = guarded(statuses[i].value);
		uint8_t status = 77;

		cr_expect_eq(grpc_parse_status(value, &status), statuses[i].status >= 0, "%s",
		             statuses[i].value);
		cr_expect_eq(status, statuses[i].status < 0 ? 77 : statuses[i].status, "%s",
		             statuses[i].value);
		release(value);
	}
}

// http-grpc-status-mapping.md.
Test(grpc, http_statuses_mean_what_the_table_says)
{
	for (unsigned int status = 100; status < 1000; status++) {
		enum grpc_status want = GRPC_UNKNOWN;

		if (status == 400 || status == 431)
			want = GRPC_INTERNAL;
		else if (status == 401)
			want = GRPC_UNAUTHENTICATED;
		else if (status == 403)
			want = GRPC_PERMISSION_DENIED;
		else if (status == 404)
			want = GRPC_UNIMPLEMENTED;
		else if (status == 429 || (status >= 502 && status <= 504))
			want = GRPC_UNAVAILABLE;
		cr_expect_eq(grpc_status_of_http((uint16_t)status), want, "%u", status);
	}
}

// PROTOCOL-HTTP2.md "Errors"; STREAM_CLOSED and HTTP_1_1_REQUIRED have no row there.
static const struct {
	enum http2_error error;
	enum grpc_status status;
} resets[] = {
	{HTTP2_NO_ERROR, GRPC_INTERNAL},
	{HTTP2_PROTOCOL_ERROR, GRPC_INTERNAL},
	{HTTP2_INTERNAL_ERROR, GRPC_INTERNAL},
	{HTTP2_FLOW_CONTROL_ERROR, GRPC_INTERNAL},
	{HTTP2_SETTINGS_TIMEOUT, GRPC_INTERNAL},
	{HTTP2_STREAM_CLOSED, GRPC_INTERNAL},
	{HTTP2_FRAME_SIZE_ERROR, GRPC_INTERNAL},
	{HTTP2_REFUSED_STREAM, GRPC_UNAVAILABLE},
	{HTTP2_CANCEL, GRPC_CANCELLED},
	{HTTP2_COMPRESSION_ERROR, GRPC_INTERNAL},
	{HTTP2_CONNECT_ERROR, GRPC_INTERNAL},
	{HTTP2_ENHANCE_YOUR_CALM, GRPC_RESOURCE_EXHAUSTED},
	{HTTP2_INADEQUATE_SECURITY, GRPC_PERMISSION_DENIED},
	{HTTP2_HTTP_1_1_REQUIRED, GRPC_INTERNAL},
};

Test(grpc, resets_mean_what_the_table_says)
{
	for (size_t i = 0; i < ARRAY_LEN(resets); i++)
		cr_expect_eq(grpc_status_of_reset(resets[i].error), resets[i].status, "%u",
		             resets[i].error);
	cr_expect_eq(grpc_status_of_reset((enum http2_error)0xdead), GRPC_INTERNAL);
}

static const struct {
	enum access_end end;
	uint16_t http;
	enum grpc_status status;
} ends[] = {
	{ACCESS_DEADLINE, 504, GRPC_DEADLINE_EXCEEDED},
	{ACCESS_TOTAL_TIMEOUT, 504, GRPC_DEADLINE_EXCEEDED},
	{ACCESS_FIRST_BYTE_TIMEOUT, 504, GRPC_DEADLINE_EXCEEDED},
	{ACCESS_STREAM_IDLE, 504, GRPC_DEADLINE_EXCEEDED},
	{ACCESS_CLIENT_TIMEOUT, 408, GRPC_DEADLINE_EXCEEDED},
	{ACCESS_NO_BACKEND, 503, GRPC_UNAVAILABLE},
	{ACCESS_CONNECT_FAILED, 502, GRPC_UNAVAILABLE},
	{ACCESS_CONNECT_TIMEOUT, 504, GRPC_UNAVAILABLE},
	{ACCESS_UPSTREAM_TLS, 502, GRPC_UNAVAILABLE},
	{ACCESS_UPSTREAM_RESET, 502, GRPC_UNAVAILABLE},
	{ACCESS_DRAINED, 503, GRPC_UNAVAILABLE},
	{ACCESS_TOO_LARGE, 413, GRPC_RESOURCE_EXHAUSTED},
	{ACCESS_TOO_LARGE, 431, GRPC_RESOURCE_EXHAUSTED},
	{ACCESS_OVERLOAD, 503, GRPC_RESOURCE_EXHAUSTED},
	{ACCESS_NO_ROUTE, 404, GRPC_UNIMPLEMENTED},
	{ACCESS_ANSWERED, 404, GRPC_UNIMPLEMENTED},
	{ACCESS_ANSWERED, 403, GRPC_PERMISSION_DENIED},
	{ACCESS_ANSWERED, 401, GRPC_UNAUTHENTICATED},
	{ACCESS_ANSWERED, 302, GRPC_UNKNOWN},
	{ACCESS_REFUSED, 400, GRPC_INTERNAL},
	{ACCESS_REFUSED, 405, GRPC_UNKNOWN},
	{ACCESS_UPSTREAM_MALFORMED, 502, GRPC_INTERNAL},
	{ACCESS_CLIENT_ABORT, 0, GRPC_CANCELLED},
};

Test(grpc, our_own_failures_have_the_status_that_clients_act_on_rightly)
{
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		cr_expect_eq(grpc_status_of_end(ends[i].end, ends[i].http), ends[i].status,
		             "%s %u: %u", access_end_names[ends[i].end], ends[i].http,
		             grpc_status_of_end(ends[i].end, ends[i].http));
}

Test(grpc, nothing_that_went_wrong_is_ok)
{
	for (unsigned int end = 0; end < ACCESS_END_COUNT; end++)
		for (unsigned int status = 0; status < 1000; status++)
			cr_assert_neq(grpc_status_of_end((enum access_end)end, (uint16_t)status),
			              GRPC_OK);
}

// The second is the standard interop case special_status_message (grpc/doc/interop-test-descriptions.md).
static const struct {
	const char *in;
	const char *want;
} messages[] = {
	{"", ""},
	{"\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP \xf0\x9f\x98\x88\t\n",
         "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88%09%0A"},
	{"no backend", "no backend"},
	{"100%", "100%25"},
	{" !\"#$&~\x7f\x1f", " !\"#$&~%7F%1F"},
};

Test(grpc, a_message_is_percent_encoded)
{
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		struct slice in = guarded(messages[i].in);
		char space[256];
		struct text t = text_of(space, sizeof(space));

		grpc_write_message(&t, in);
		cr_expect_not(t.is_cut);
		cr_expect(is_text(text_slice(&t), messages[i].want), "%s", messages[i].in);
		release(in);
	}
}

Test(grpc, a_message_that_does_not_fit_is_cut_between_characters)
{
	struct slice in = guarded("a%b");

	for (size_t size = 0; size < 5; size++) {
		uint8_t *space = guard_alloc(size);
		struct text t = text_of(space, size);

		grpc_write_message(&t, in);
		cr_expect(t.is_cut);
		guard_free(space, size);
	}
	release(in);
}

Test(grpc, status_and_message_are_two_fields)
{
	static struct fields f;
	struct slice none = {.len = 0};

	for (unsigned int status = 0; status < GRPC_STATUS_COUNT; status++) {
		uint8_t back;

		f.n = 0;
		cr_assert(grpc_add_status(&f, (enum grpc_status)status, none));
		cr_expect_eq(f.n, 1);
		cr_expect_eq(f.at[0].id, HEADER_GRPC_STATUS);
		cr_assert(grpc_parse_status(f.at[0].value, &back));
		cr_expect_eq(back, status);
	}
	f.n = 0;
	cr_assert(grpc_add_status(&f, GRPC_INTERNAL, slice_of("why", 3)));
	cr_expect_eq(f.n, 2);
	cr_expect_eq(f.at[1].id, HEADER_GRPC_MESSAGE);
	cr_expect(is_text(f.at[1].value, "why"));
	f.n = MESSAGE_FIELDS_MAX;
	cr_expect_not(grpc_add_status(&f, GRPC_INTERNAL, none));
}

// https://opentelemetry.io/docs/specs/semconv/rpc/grpc/: server spans.
Test(grpc, a_server_fails_by_six_statuses_and_by_unknown_numbers)
{
	static const bool is_error[GRPC_STATUS_COUNT] = {
		[GRPC_UNKNOWN] = true,       [GRPC_DEADLINE_EXCEEDED] = true,
		[GRPC_UNIMPLEMENTED] = true, [GRPC_INTERNAL] = true,
		[GRPC_UNAVAILABLE] = true,   [GRPC_DATA_LOSS] = true,
	};

	for (unsigned int status = 0; status < 256; status++)
		cr_expect_eq(grpc_is_server_error((uint8_t)status),
		             status >= GRPC_STATUS_COUNT || is_error[status], "%u", status);
}
