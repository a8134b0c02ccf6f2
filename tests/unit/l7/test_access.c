// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>

#include "l4/base/clock.h"
#include "l4/base/hash.h"
#include "l7/access.h"
#include "tests/support/guard.h"

static struct slice z(const char *text)
{
	return slice_of(text, strlen(text));
}

// The line, which ends where a page ends.
static const char *line_of(const struct access_record *r)
{
	static char line[ACCESS_LINE_MAX + 1];
	uint8_t *guarded = guard_alloc(ACCESS_LINE_MAX);
	struct text t = text_of(guarded, ACCESS_LINE_MAX);

	access_write(&t, r);
	cr_assert_not(t.is_cut);
	memcpy(line, t.ptr, t.len);
	line[t.len] = '\0';
	guard_free(guarded, ACCESS_LINE_MAX);
	return line;
}

// The line as an object, or the test dies: strict UTF-8, no member twice, exactly one newline, at the end.
static json_t *object_of(const struct access_record *r)
{
	const char *line = line_of(r);
	json_error_t error;
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);

	cr_assert(object, "%s: %s", error.text, line);
	cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1, "%s", line);
	for (const char *p = line; *p; p++)
		cr_assert((uint8_t)*p >= ' ' || p[1] == '\0', "control character: %s", line);
	return object;
}

static const struct access_record full = {
	.start_real_ns = UINT64_C(1795262400123456789),
	.start_ns = 1000 * CLOCK_NS_PER_S,
	.picked_ns = 1000 * CLOCK_NS_PER_S + 100 * 1000,
	.connect_ns = 1000 * CLOCK_NS_PER_S + 350 * 1000 + 999,
	.first_byte_ns = 1000 * CLOCK_NS_PER_S + 12 * CLOCK_NS_PER_MS,
	.end_ns = 1002 * CLOCK_NS_PER_S + 7000,
	.bytes_in = 17,
	.bytes_out = INT64_MAX,
	.method = {(const uint8_t *)"GET", 3},
	.host = {(const uint8_t *)"api.example.com", 15},
	.target = {(const uint8_t *)"/chat?q=1", 9},
	.user_agent = {(const uint8_t *)"curl/7.88.1", 11},
	.referer = {(const uint8_t *)"https://example.com/", 20},
	.request_id = {(const uint8_t *)"0123456789abcdef", 16},
	.status = 200,
	.minor = 1,
	.end = ACCESS_COMPLETED,
	.attempts = 1,
	.l7 = "api",
	.pool = "chat",
	.backend = "chat-1",
	.protocol = "sse",
	.tls_version = "TLSv1.3",
	.server_name = "api.example.com",
	.reason = "because",
};

Test(access, the_line_is_this_one)
{
	struct access_record r = full;

	cr_assert_eq(addr_parse(&r.client, "192.0.2.7"), 0);
	r.client_port = be16_from(40000);
	cr_expect_str_eq(
		line_of(&r),
		"{\"time\":\"2026-11-21T12:00:00.123Z\",\"client\":\"192.0.2.7:40000\",\"l7\":\"api\","
		"\"tls\":\"TLSv1.3\",\"server_name\":\"api.example.com\",\"protocol\":\"sse\","
		"\"method\":\"GET\",\"host\":\"api.example.com\",\"target\":\"/chat?q=1\","
		"\"user_agent\":\"curl/7.88.1\",\"referer\":\"https://example.com/\","
		"\"request_id\":\"0123456789abcdef\",\"status\":200,\"pool\":\"chat\","
		"\"backend\":\"chat-1\",\"attempts\":1,\"connect_ms\":0.250,\"first_byte_ms\":12.000,"
		"\"total_ms\":2000.007,\"bytes_in\":17,\"bytes_out\":9223372036854775807,"
		"\"end\":\"completed\",\"reason\":\"because\"}\n");
}

Test(access, a_grpc_status_is_told_also_if_it_is_0)
{
	for (unsigned int status = 0; status < 17; status++) {
		struct access_record r = full;
		json_t *object;

		r.has_grpc_status = true;
		r.grpc_status = (uint8_t)status;
		object = object_of(&r);
		cr_expect_eq(json_integer_value(json_object_get(object, "grpc_status")), status);
		cr_expect(json_is_integer(json_object_get(object, "grpc_status")));
		json_decref(object);
	}
}

Test(access, a_measured_stream_has_its_figures)
{
	struct access_record r = {.stream = {.is_measured = true}};

	cr_expect_str_eq(
		line_of(&r),
		"{\"time\":\"1970-01-01T00:00:00.000Z\",\"events\":0,\"bytes_in\":0,\"bytes_out\":0}\n");
	r.stream = (struct access_stream){
		.is_measured = true,
		.model = "gpt-4o",
		.events = 12,
		.first_event_ns = 100 * CLOCK_NS_PER_MS,
		.first_token_ns = 250 * CLOCK_NS_PER_MS + 1500,
		.first_token_delivered_ns = 251 * CLOCK_NS_PER_MS,
		.per_token_ns = 20 * CLOCK_NS_PER_MS,
		.gap_most_ns = 1,
		.delay_most_ns = 999,
		.held_most_ns = 300 * CLOCK_NS_PER_MS,
		.tokens_in = 7,
		.tokens_out = 13,
	};
	cr_expect_str_eq(
		line_of(&r),
		"{\"time\":\"1970-01-01T00:00:00.000Z\",\"model\":\"gpt-4o\",\"events\":12,"
		"\"first_event_ms\":100.000,\"ttft_ms\":250.001,\"ttft_delivered_ms\":251.000,"
		"\"tpot_ms\":20.000,\"gap_max_ms\":0.000,\"delay_max_ms\":0.000,\"held_max_ms\":300.000,\"tokens_in\":7,"
		"\"tokens_out\":13,\"bytes_in\":0,\"bytes_out\":0}\n");
}

Test(access, an_error_behind_status_200_and_what_was_sent_again_are_told)
{
	const struct access_record r = {.status = 200,
	                                .attempts = 2,
	                                .resent = 3,
	                                .end = ACCESS_COMPLETED,
	                                .stream_end = "error_event"};

	cr_expect_str_eq(line_of(&r),
	                 "{\"time\":\"1970-01-01T00:00:00.000Z\",\"status\":200,\"attempts\":2,"
	                 "\"resent\":3,\"bytes_in\":0,\"bytes_out\":0,\"end\":\"completed\","
	                 "\"stream_end\":\"error_event\"}\n");
}

Test(access, what_did_not_happen_is_left_out)
{
	const struct access_record r = {.start_real_ns = 0};

	cr_expect_str_eq(
		line_of(&r),
		"{\"time\":\"1970-01-01T00:00:00.000Z\",\"bytes_in\":0,\"bytes_out\":0}\n");
}

Test(access, a_reused_connection_took_no_time)
{
	struct access_record r = full;
	json_t *object;

	r.connect_ns = r.picked_ns;
	r.is_reused = true;
	object = object_of(&r);
	cr_expect(json_is_true(json_object_get(object, "reused")));
	cr_expect_float_eq(json_real_value(json_object_get(object, "connect_ms")), 0.0, 1e-9);
	json_decref(object);
}

// Seconds from date(1), for example `date -u -d 2000-02-29T00:00:00 +%s`.
static const struct {
	uint64_t seconds;
	const char *want;
} times[] = {
	{0, "1970-01-01T00:00:00.000Z"},          {951782400, "2000-02-29T00:00:00.000Z"},
	{951868799, "2000-02-29T23:59:59.000Z"},  {951868800, "2000-03-01T00:00:00.000Z"},
	{1709164800, "2024-02-29T00:00:00.000Z"}, {4107542400, "2100-03-01T00:00:00.000Z"},
	{1798761599, "2026-12-31T23:59:59.000Z"}, {1798761600, "2027-01-01T00:00:00.000Z"},
};

Test(access, time_is_that_of_the_calendar)
{
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		const struct access_record r = {.start_real_ns = times[i].seconds * CLOCK_NS_PER_S};

		cr_expect_eq(strncmp(line_of(&r) + 9, times[i].want, 24), 0, "%s: %s",
		             times[i].want, line_of(&r));
	}
}

static const struct {
	const char *in;
	size_t len;
	const char *want; // as written
} texts[] = {
	{"a\"b\\c/d", 7, "a\\\"b\\\\c/d"},
	{"\t\r\n\x1b\x7f", 5, "\\u0009\\u000d\\u000a\\u001b\\u007f"},
	{"a\0b", 3, "a\\ufffdb"},
	{"gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f"},
	{"\xe2\x82\xac\xf0\x9f\x98\x80", 7, "\xe2\x82\xac\xf0\x9f\x98\x80"},
	{"\xef\xbf\xbd\xef\xbf\xbf", 6, "\xef\xbf\xbd\xef\xbf\xbf"},
	{"\xf4\x8f\xbf\xbf", 4, "\xf4\x8f\xbf\xbf"},
	{"gr\xfc\xdf", 4, "gr\\ufffd\\ufffd"},                   // Latin-1
	{"\xc0\xaf", 2, "\\ufffd\\ufffd"},                       // overlong '/'
	{"\xe0\x9f\xbf", 3, "\\ufffd\\ufffd\\ufffd"},            // overlong
	{"\xf0\x8f\xbf\xbf", 4, "\\ufffd\\ufffd\\ufffd\\ufffd"}, // overlong
	{"\xed\xa0\x80", 3, "\\ufffd\\ufffd\\ufffd"},            // surrogate
	{"\xf4\x90\x80\x80", 4, "\\ufffd\\ufffd\\ufffd\\ufffd"}, // above U+10FFFF
	{"\xc2\x9b"
         "31m",
         5, "\\ufffd\\ufffd31m"},            // CSI
	{"a\xe2\x82", 3, "a\\ufffd\\ufffd"}, // cut
	{"\xf0\x9f\x98"
         "a",
         4, "\\ufffd\\ufffd\\ufffda"},
	{"\x80\xbf\xfe\xff", 4, "\\ufffd\\ufffd\\ufffd\\ufffd"},
};

Test(access, hostile_text_is_escaped)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		uint8_t *in = guard_alloc(texts[i].len);
		struct access_record r = {.target = slice_of(in, texts[i].len)};
		char want[128];

		memcpy(in, texts[i].in, texts[i].len);
		snprintf(want, sizeof(want), "\"target\":\"%s\",", texts[i].want);
		cr_expect(strstr(line_of(&r), want), "%s in %s", want, line_of(&r));
		json_decref(object_of(&r));
		guard_free(in, texts[i].len);
	}
}

// Each byte at each place of the 16 that are looked at together, and behind them.
Test(access, every_byte_at_every_place_is_json)
{
	for (unsigned int byte = 0; byte < 256; byte++)
		for (size_t at = 0; at < 40; at++) {
			char text[40];
			struct access_record r = {.user_agent = slice_of(text, sizeof(text))};
			const char *got;
			json_t *object;

			memset(text, 'x', sizeof(text));
			text[at] = (char)byte;
			object = object_of(&r);
			got = json_string_value(json_object_get(object, "user_agent"));
			if (byte > 0 && byte < 0x80)
				cr_assert(slice_eq(z(got), slice_of(text, sizeof(text))), "%02x",
				          byte);
			else
				cr_assert_eq(strlen(got), sizeof(text) + 2, "%02x", byte);
			json_decref(object);
		}
}

Test(access, any_bytes_are_json)
{
	for (uint64_t i = 0; i < 20000; i++) {
		uint8_t bytes[64];
		size_t len = hash_mix(i, 64, 47) % sizeof(bytes);
		struct access_record r = full;

		// Mostly of those that begin or go on a sequence.
		for (size_t k = 0; k < len; k++) {
			uint64_t any = hash_mix(i, k, 47);

			bytes[k] = (uint8_t)(any >> 8 | (any % 4 ? 0x80 : 0));
		}
		r.target = slice_of(bytes, len);
		r.referer = slice_of(bytes + len / 2, len - len / 2);
		json_decref(object_of(&r));
	}
}

Test(access, the_longest_of_everything_fits)
{
	static const char *const fills[] = {"x",       "\x01", "\"", "\xff", "\xf0\x9f\x98\x80",
	                                    "\xc3\xbc"};
	static char text[70000 + 1];

	for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
		struct access_record r = full;
		struct slice s = slice_of(text, sizeof(text) - 1);
		json_t *object;
		size_t n = strlen(fills[i]);

		for (size_t at = 0; at + n < sizeof(text); at += n)
			memcpy(text + at, fills[i], n);
		r.method = r.host = r.target = r.user_agent = r.referer = r.request_id = s;
		r.l7 = r.pool = r.backend = r.protocol = text;
		r.tls_version = r.server_name = r.reason = text;
		r.start_real_ns = r.start_ns = r.bytes_in = 1;
		r.picked_ns = 1;
		r.connect_ns = r.first_byte_ns = r.end_ns = UINT64_MAX;
		r.status = UINT16_MAX;
		r.attempts = UINT8_MAX;
		r.is_reused = true;
		r.end = ACCESS_UPSTREAM_MALFORMED;
		memset(&r.client, 0xff, sizeof(r.client));
		r.client.family = ADDR_IP6;
		r.client_port = be16_from(65535);
		r.stream = (struct access_stream){true,           UINT64_MAX - 1, UINT64_MAX - 1,
		                                  UINT64_MAX - 1, UINT64_MAX - 1, UINT64_MAX - 1,
		                                  UINT64_MAX - 1, UINT64_MAX - 1, INT64_MAX,
		                                  INT64_MAX,      INT64_MAX,      text};
		object = object_of(&r);
		cr_expect_eq(json_object_size(object), 35);
		json_decref(object);
	}
}

Test(access, a_long_text_is_cut_and_says_so)
{
	static char text[3000];
	struct access_record r = {.target = slice_of(text, sizeof(text))};
	const char *got;
	json_t *object;
	size_t len;

	memset(text, 'x', sizeof(text));
	object = object_of(&r);
	got = json_string_value(json_object_get(object, "target"));
	len = strlen(got);
	cr_expect_geq(len, 1000);
	cr_expect_leq(len, 1024);
	cr_expect_str_eq(got + len - 4, "x...");
	json_decref(object);
	// One that fits is whole.
	r.target.len = 1000;
	object = object_of(&r);
	cr_expect_eq(json_string_length(json_object_get(object, "target")), 1000);
	json_decref(object);
}

Test(access, every_end_has_a_name_and_help)
{
	for (int end = ACCESS_NONE + 1; end < ACCESS_END_COUNT; end++) {
		struct access_record r = {.end = (uint8_t)end};
		json_t *object = object_of(&r);

		cr_expect_str_eq(json_string_value(json_object_get(object, "end")),
		                 access_end_names[end]);
		cr_expect_gt(strlen(access_end_helps[end]), 0);
		json_decref(object);
	}
}

Test(access, the_page_in_conf_names_every_end)
{
	static char page[16384];
	FILE *f = fopen("conf/access.md", "r");
	char row[512];

	cr_assert(f, "run it from the root");
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
	for (size_t i = 1; i < ACCESS_END_COUNT; i++) {
		snprintf(row, sizeof(row), "| `%s` | %s |\n", access_end_names[i],
		         access_end_helps[i]);
		cr_expect(strstr(page, row), "%s", row);
	}
}
