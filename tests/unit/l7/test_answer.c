// SPDX-License-Identifier: BSD-3-Clause
#include "l7/answer.h"
#include "l7/http1.h"
#include "tests/support/guard.h"
#include "tests/unit/l7/requestbuild.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <time.h>

static char bytes[8192], scratch_bytes[4096];
static struct text scratch;

static const char *written_to(const struct answer *a, uint8_t minor, bool is_head, bool closes)
{
	struct text t = text_of(bytes, sizeof(bytes) - 1);

	cr_assert(answer_write(&t, a, minor, is_head, closes));
	bytes[t.len] = '\0';
	return bytes;
}

static const char *written(const struct answer *a)
{
	return written_to(a, 1, false, false);
}

static struct answer error(uint16_t status, const char *reason)
{
	scratch = text_of(scratch_bytes, sizeof(scratch_bytes));
	return answer_error(status, reason, &scratch);
}

// --- errors ---

Test(answer, an_error_says_its_status_and_reason_in_one_line_of_text)
{
	struct answer a = error(502, "the backend broke the connection");

	cr_expect_str_eq(written(&a), "HTTP/1.1 502 Bad Gateway\r\n"
	                              "Content-Type: text/plain\r\n"
	                              "Cache-Control: no-store\r\n"
	                              "Content-Length: 50\r\n"
	                              "\r\n"
	                              "502 Bad Gateway: the backend broke the connection\n");
}

Test(answer, an_error_without_a_reason_is_its_status)
{
	struct answer a = error(404, NULL);

	cr_expect(strstr(written(&a), "\r\n\r\n404 Not Found\n"));
}

Test(answer, every_status_that_we_answer_has_a_phrase)
{
	static const uint16_t ours[] = {400, 403, 404, 408, 411, 413, 414, 417, 421,
	                                426, 431, 500, 501, 502, 503, 504, 505};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		struct answer a = error(ours[i], "why");
		char start[32];

		snprintf(start, sizeof(start), "HTTP/1.1 %d ", ours[i]);
		cr_expect_eq(strncmp(written(&a), start, strlen(start)), 0);
		cr_expect_gt(strcspn(bytes + strlen(start), "\r"), 3, "%d", ours[i]);
		cr_expect(strstr(bytes, ": why\n"));
	}
}

Test(answer, the_reasons_of_the_parser_fit_into_an_error)
{
	for (int i = HTTP1_OK + 1; i < HTTP1_ERROR_COUNT; i++) {
		struct answer a = error(http1_error_status[i], http1_error_text[i]);

		cr_expect(strstr(written(&a), http1_error_text[i]), "%d", i);
	}
}

Test(answer, upgrade_required_names_websocket_13)
{
	struct answer a = error(426, "the version of WebSocket is 13");

	cr_expect_str_eq(written(&a), "HTTP/1.1 426 Upgrade Required\r\n"
	                              "Content-Type: text/plain\r\n"
	                              "Sec-WebSocket-Version: 13\r\n"
	                              "Cache-Control: no-store\r\n"
	                              "Content-Length: 53\r\n"
	                              "Connection: Upgrade\r\n"
	                              "Upgrade: websocket\r\n"
	                              "\r\n"
	                              "426 Upgrade Required: the version of WebSocket is 13\n");
}

Test(answer, two_errors_may_share_a_scratch)
{
	struct answer a = error(400, "one"), b = answer_error(503, "two", &scratch);

	cr_expect(strstr(written(&a), "400 Bad Request: one\n"));
	cr_expect(strstr(written(&b), "503 Service Unavailable: two\n"));
	cr_expect(!strstr(bytes, "one"));
}

// --- connections ---

Test(answer, the_client_is_told_whether_the_connection_goes_on)
{
	struct answer a = error(400, "no");

	cr_expect(!strstr(written_to(&a, 1, false, false), "Connection"));
	cr_expect(strstr(written_to(&a, 1, false, true), "\r\nConnection: close\r\n"));
	cr_expect(strstr(written_to(&a, 0, false, true), "\r\nConnection: close\r\n"));
	cr_expect(strstr(written_to(&a, 0, false, false), "\r\nConnection: keep-alive\r\n"));
}

// --- content ---

static struct answer fixed(uint16_t status, const char *body)
{
	struct conf_answer conf = {status, body, "application/json"};

	return answer_fixed(&conf);
}

Test(answer, a_fixed_answer_is_what_the_configuration_says)
{
	struct answer a = fixed(200, "{\"ok\": true}\n");

	cr_expect_str_eq(written(&a), "HTTP/1.1 200 OK\r\n"
	                              "Content-Type: application/json\r\n"
	                              "Content-Length: 13\r\n"
	                              "\r\n"
	                              "{\"ok\": true}\n");
}

Test(answer, head_is_told_the_length_and_given_no_body)
{
	struct answer a = fixed(200, "hello");

	cr_expect_str_eq(written_to(&a, 1, true, false), "HTTP/1.1 200 OK\r\n"
	                                                 "Content-Type: application/json\r\n"
	                                                 "Content-Length: 5\r\n"
	                                                 "\r\n");
}

Test(answer, an_empty_body_has_a_length_and_no_type)
{
	struct answer a = fixed(200, "");

	cr_expect_str_eq(written(&a), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

Test(answer, statuses_without_content_have_none)
{
	struct answer a = fixed(204, "x");

	cr_expect_str_eq(written(&a), "HTTP/1.1 204 No Content\r\n\r\n");
	a.status = 304;
	cr_expect_str_eq(written(&a), "HTTP/1.1 304 Not Modified\r\n\r\n");
	a.status = 205;
	cr_expect_str_eq(written(&a), "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n");
}

Test(answer, a_status_without_a_phrase_keeps_its_blank)
{
	struct answer a = fixed(299, "");

	cr_expect_eq(strncmp(written(&a), "HTTP/1.1 299 \r\n", 15), 0); // RFC 9112 section 4
}

// --- bounds ---

Test(answer, what_does_not_fit_leaves_the_text_as_it_was)
{
	struct answer a = error(503, "no backend");
	size_t need;

	a.now_s = 784111777;
	need = strlen(written(&a));
	for (size_t size = 0; size <= need + 4; size++) {
		uint8_t *p = guard_alloc(size);
		struct text t = text_of(p, size);
		bool fits;

		text_add(&t, "abc", 3);
		t.is_cut = false;
		fits = answer_write(&t, &a, 1, false, false);
		cr_expect_eq(fits, size >= need + 3, "%zu", size);
		cr_expect_eq(t.len, fits ? need + 3 : size < 3 ? 0 : 3, "%zu", size);
		cr_expect(!t.is_cut);
		guard_free(p, size);
	}
}

Test(answer, continue_is_one_line_or_nothing)
{
	struct text t = text_of(bytes, 25);

	cr_assert(answer_write_continue(&t));
	cr_expect(slice_eq(text_slice(&t), requestbuild_slice("HTTP/1.1 100 Continue\r\n\r\n")));
	cr_expect(!answer_write_continue(&t));
	cr_expect_eq(t.len, 25);
	cr_expect(!t.is_cut);
}

// --- dates ---

Test(answer, the_date_is_that_of_the_standard)
{
	char out[ANSWER_DATE_SIZE];
	struct answer a = fixed(204, "");

	// RFC 9110 section 5.6.7
	cr_expect_str_eq(answer_date(out, 784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
	cr_expect_str_eq(answer_date(out, 0), "Thu, 01 Jan 1970 00:00:00 GMT");
	a.now_s = 784111777;
	cr_expect_str_eq(written(&a), "HTTP/1.1 204 No Content\r\n"
	                              "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
}

Test(answer, dates_agree_with_libc_until_the_year_9999)
{
	for (uint64_t s = 0; s < UINT64_C(253402300800); s += 86400 * 3 + 3661) {
		char want[ANSWER_DATE_SIZE], got[ANSWER_DATE_SIZE];
		time_t t = (time_t)s;
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		cr_assert_str_eq(answer_date(got, s), want);
	}
}
