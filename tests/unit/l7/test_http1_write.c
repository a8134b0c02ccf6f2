// SPDX-License-Identifier: BSD-3-Clause
#include "l7/http1.h"
#include "tests/support/http1check.h"

#include <criterion/criterion.h>

static char buffer[4096];

static struct slice of(const char *z)
{
	return slice_of(z, strlen(z));
}

static void add(struct fields *f, const char *name, const char *value)
{
	cr_assert(message_add(f, header_find(of(name)), of(name), of(value)));
}

static struct request some_request(void)
{
	return (struct request){
		.method_text = of("POST"),
		.method = METHOD_POST,
		.authority = of("a.example"),
		.path = of("/p"),
		.minor = 1,
		.is_persistent = true,
	};
}

static void expect_request(const struct request *r, const char *want)
{
	struct text t = text_of(buffer, sizeof(buffer) - 1);

	http1_write_request(&t, r);
	cr_assert_not(t.is_cut);
	buffer[t.len] = '\0';
	cr_expect_str_eq(buffer, want);
}

Test(http1_write, a_request_has_its_target_fields_and_framing)
{
	static struct request r;

	r = some_request();
	r.query = of("q=1");
	r.body = BODY_LENGTH;
	r.content_length = UINT64_MAX;
	add(&r.fields, "HOST", "a.example");
	add(&r.fields, "X-Mine", "");
	expect_request(&r, "POST /p?q=1 HTTP/1.1\r\nHOST: a.example\r\nX-Mine: \r\n"
	                   "Content-Length: 18446744073709551615\r\n\r\n");
	r.query = slice_of("", 0);
	r.body = BODY_CHUNKED;
	expect_request(&r, "POST /p? HTTP/1.1\r\nHOST: a.example\r\nX-Mine: \r\n"
	                   "Transfer-Encoding: chunked\r\n\r\n");
}

Test(http1_write, a_request_always_has_a_host)
{
	static struct request r;

	// RFC 9112 section 3.2; HTTP/1.0 and HTTP/2 may say it elsewhere
	r = some_request();
	expect_request(&r, "POST /p HTTP/1.1\r\nHost: a.example\r\n\r\n");
	add(&r.fields, "Host", "b.example");
	r.fields.at[0].is_dropped = true;
	expect_request(&r, "POST /p HTTP/1.1\r\nHost: a.example\r\n\r\n");
}

Test(http1_write, connect_has_its_authority_for_a_target)
{
	static struct request r;

	r = some_request();
	r.method = METHOD_CONNECT;
	r.method_text = of("CONNECT");
	r.path = (struct slice){0};
	r.authority = of("a.example:443");
	expect_request(&r, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
}

Test(http1_write, hop_and_framing_and_dropped_fields_are_not_passed_on)
{
	static struct request r;

	r = some_request();
	add(&r.fields, "Host", "a");
	for (int id = 1; id < HEADER_COUNT; id++)
		if (header_classes[id] == HEADER_HOP || header_classes[id] == HEADER_FRAMING)
			add(&r.fields, header_names[id], "x");
	add(&r.fields, "X-Secret", "x");
	r.fields.at[r.fields.n - 1].is_dropped = true;
	cr_assert_gt(r.fields.n, 10);
	expect_request(&r, "POST /p HTTP/1.1\r\nHost: a\r\n\r\n");
}

Test(http1_write, connection_is_written_anew)
{
	static struct request r;

	r = some_request();
	add(&r.fields, "Host", "a");
	r.is_persistent = false;
	expect_request(&r, "POST /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	r.upgrade = of("websocket");
	expect_request(
		&r,
		"POST /p HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

static void expect_response(const struct response *r, uint8_t client_minor, const char *want)
{
	struct text t = text_of(buffer, sizeof(buffer) - 1);

	http1_write_response(&t, r, client_minor);
	cr_assert_not(t.is_cut);
	buffer[t.len] = '\0';
	cr_expect_str_eq(buffer, want);
}

Test(http1_write, a_response_has_its_status_fields_and_framing)
{
	static struct response r;

	r = (struct response){
		.status = 200, .reason = of("OK"), .is_persistent = true, .body = BODY_CHUNKED};
	add(&r.fields, "Content-Type", "text/event-stream");
	add(&r.fields, "Keep-Alive", "timeout=5");
	expect_response(
		&r, 1,
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
	r.body = BODY_LENGTH;
	r.is_persistent = false;
	expect_response(
		&r, 1,
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	r = (struct response){.status = 599, .is_persistent = true, .body = BODY_NONE};
	expect_response(&r, 1, "HTTP/1.1 599 \r\n\r\n");
}

Test(http1_write, a_client_of_1_0_is_told_that_the_connection_stays)
{
	static struct response r;

	r = (struct response){
		.status = 200, .reason = of("OK"), .is_persistent = true, .body = BODY_LENGTH};
	expect_response(&r, 0,
	                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
	r.is_persistent = false;
	r.body = BODY_UNTIL_CLOSE;
	expect_response(&r, 0, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

Test(http1_write, a_101_has_its_upgrade)
{
	static struct response r;

	r = (struct response){.status = 101,
	                      .reason = of("Switching Protocols"),
	                      .upgrade = of("websocket"),
	                      .body = BODY_TUNNEL,
	                      .is_persistent = true};
	expect_response(
		&r, 1,
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

Test(http1_write, the_length_that_head_is_told_is_passed_on)
{
	static struct response r;

	// RFC 9110 section 8.6; never with 1xx and 204
	r = (struct response){
		.status = 200, .reason = of("OK"), .is_persistent = true, .body = BODY_NONE};
	add(&r.fields, "Content-Length", "1234");
	expect_response(&r, 1, "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n");
	r.status = 204;
	expect_response(&r, 1, "HTTP/1.1 204 OK\r\n\r\n");
	r.status = 103;
	expect_response(&r, 1, "HTTP/1.1 103 OK\r\n\r\n");
	r.status = 200;
	r.body = BODY_CHUNKED;
	expect_response(&r, 1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

Test(http1_write, what_does_not_fit_is_told_and_never_written)
{
	static struct request r;
	size_t whole =
		sizeof("POST /p HTTP/1.1\r\nHost: a.example\r\nContent-Length: 7\r\n\r\n") - 1;

	r = some_request();
	r.body = BODY_LENGTH;
	r.content_length = 7;
	for (size_t size = 0; size <= whole; size++) {
		char *p = (char *)(uintptr_t)http1check_copy(slice_of(buffer, size), false).ptr;
		struct text t = text_of(p, size);

		http1_write_request(&t, &r);
		cr_expect_eq(t.is_cut, size < whole, "%zu", size);
		cr_expect_leq(t.len, size);
	}
}

Test(http1_write, chunks_have_sizes_in_hex_and_trailers)
{
	static struct fields trailers;
	struct text t = text_of(buffer, sizeof(buffer));

	http1_write_chunk_size(&t, 0x1f);
	http1_write_chunk_size(&t, UINT64_MAX);
	add(&trailers, "Grpc-Status", "0");
	add(&trailers, "Grpc-Message", "");
	add(&trailers, "X", "dropped");
	trailers.at[2].is_dropped = true;
	http1_write_last_chunk(&t, &trailers);
	http1_write_last_chunk(&t, NULL);
	cr_expect(slice_eq(text_slice(&t), of("1f\r\nffffffffffffffff\r\n0\r\nGrpc-Status: 0\r\n"
	                                      "Grpc-Message: \r\n\r\n0\r\n\r\n")));
}

Test(http1_write, statuses_have_the_phrases_of_the_standards)
{
	cr_expect_str_eq(http1_reason(200), "OK");
	cr_expect_str_eq(http1_reason(101), "Switching Protocols");
	cr_expect_str_eq(http1_reason(503), "Service Unavailable");
	cr_expect_str_eq(http1_reason(511), "Network Authentication Required");
	cr_expect_str_eq(http1_reason(0), "");
	cr_expect_str_eq(http1_reason(299), "");
	cr_expect_str_eq(http1_reason(512), "");
	cr_expect_str_eq(http1_reason(UINT16_MAX), "");
}
