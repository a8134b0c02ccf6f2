// SPDX-License-Identifier: BSD-3-Clause
// Probes by HTTP/2 against a backend that this test plays with frames of its own, on a port of the loopback device.
#include "l7/http2.h"
#include "tests/unit/l7/probebuild.h"

// RFC 9113 sections 4.1 and 6.
enum { FRAME_HEAD = 9, DATA = 0, HEADERS = 1, RESET = 3, SETTINGS = 4, GOAWAY = 7 };
enum { END_STREAM = 1, END_HEADERS = 4 };

static struct probebuild b;
static uint8_t asked[4096]; // what the probe sent
static size_t asked_len;
static uint8_t out[4096]; // what it is answered
static size_t out_len;

static void begin(void)
{
	probebuild_begin(&b);
}

static void end(void)
{
	probebuild_end(&b);
}

TestSuite(probe_http2, .init = begin, .fini = end, .timeout = 60);

static void start(const char *check)
{
	char text[1024];

	snprintf(
		text, sizeof(text),
		"{'services': [{'name': 's', 'address': '127.0.0.1', 'port': 1, 'protocol': 'tcp', 'l7': 'l'}],"
		" 'l7': [{'name': 'l', 'routes': [{'path': '/', 'pool': 'p'}]}],"
		" 'pools': [{'name': 'p', 'balance': 'round_robin', 'protocol': 'http2',"
		" 'health': {%s, 'interval_ms': 10, 'timeout_ms': 10},"
		" 'backends': [{'name': 'b', 'address': '127.0.0.1', 'port': %u}]}]}",
		check, b.port);
	asked_len = out_len = 0;
	probebuild_start(&b, text);
}

// --- what the probe sends ---

static size_t frame_len(const uint8_t *p)
{
	return FRAME_HEAD + ((size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2]);
}

// The next frame of stream 1 behind *at, the connection's preface and its own frames skipped; NULL: it has not come whole.
static const uint8_t *next_frame(size_t *at)
{
	size_t preface = strlen(HTTP2_PREFACE);

	if (asked_len < preface)
		return NULL;
	if (*at == 0)
		*at = preface;
	while (asked_len - *at >= FRAME_HEAD && asked_len - *at >= frame_len(asked + *at)) {
		const uint8_t *frame = asked + *at;

		*at += frame_len(frame);
		if (frame[8] == 1)
			return frame;
	}
	return NULL;
}

static bool is_asked(void)
{
	const uint8_t *frame;
	size_t at = 0;

	while ((frame = next_frame(&at)))
		if (frame[3] <= HEADERS && frame[4] & END_STREAM)
			return true;
	return false;
}

static void take_request(void)
{
	for (int i = 0; i < 2000; i++) {
		ssize_t n = probebuild_read(&b, asked + asked_len, sizeof(asked) - asked_len);
		asked_len += n > 0 ? (size_t)n : 0;
		if (is_asked())
			return;
	}
	cr_assert_fail("no request came");
}

// --- what it is answered ---

static void put_frame(uint8_t type, uint8_t flags, uint8_t stream, struct slice payload)
{
	uint8_t head[FRAME_HEAD] = {
		0, (uint8_t)(payload.len >> 8), (uint8_t)payload.len, type, flags, 0, 0, 0, stream};

	cr_assert_leq(out_len + sizeof(head) + payload.len, sizeof(out));
	memcpy(out + out_len, head, sizeof(head));
	if (payload.len)
		memcpy(out + out_len + sizeof(head), payload.ptr, payload.len);
	out_len += sizeof(head) + payload.len;
}

// "name: value" lines as literal fields without indexing (RFC 7541 section 6.2.2), nothing compressed.
static struct slice block_of(const char *lines)
{
	static uint8_t block[1024];
	size_t len = 0;

	while (*lines) {
		const char *colon = strchr(lines + 1, ':'), *eol = strchr(lines, '\n');
		size_t name = (size_t)(colon - lines), value = (size_t)(eol - colon - 2);

		block[len++] = 0;
		block[len++] = (uint8_t)name;
		memcpy(block + len, lines, name);
		len += name;
		block[len++] = (uint8_t)value;
		memcpy(block + len, colon + 2, value);
		len += value;
		lines = eol + 1;
	}
	return slice_of(block, len);
}

struct answer_case {
	const char *head, *trailers; // trailers NULL: the head ends the answer, or the data does
	const char *data;
	size_t len;
	const char *reason;
	bool is_good;
};

static void put_answer(const struct answer_case *a)
{
	bool is_only = !a->trailers && !a->data;

	put_frame(SETTINGS, 0, 0, (struct slice){0});
	put_frame(HEADERS, END_HEADERS | (is_only ? END_STREAM : 0), 1, block_of(a->head));
	if (a->data)
		put_frame(DATA, a->trailers ? 0 : END_STREAM, 1, slice_of(a->data, a->len));
	if (a->trailers)
		put_frame(HEADERS, END_HEADERS | END_STREAM, 1, block_of(a->trailers));
}

static void send_out(size_t from, size_t to)
{
	cr_assert_eq(write(b.accepted, out + from, to - from), (ssize_t)(to - from));
}

static void expect(const struct answer_case *a, const char *what)
{
	cr_expect_str_eq(b.last->verdict.record.reason, a->reason, "%s: %s", what,
	                 b.last->verdict.record.reason);
	cr_expect_eq(b.last->verdict.record.state, a->is_good ? HEALTH_HEALTHY : HEALTH_UNHEALTHY);
}

#define GRPC_HEAD ":status: 200\ncontent-type: application/grpc\n"
#define CHECK "'type': 'grpc', 'service': 'a.B'"

static const struct answer_case answers[] = {
	{GRPC_HEAD, "grpc-status: 0\n", "\0\0\0\0\2\x08\1", 7, "SERVING", true},
	{GRPC_HEAD, "grpc-status: 0\n", "\0\0\0\0\2\x08\2", 7, "NOT_SERVING", false},
	{GRPC_HEAD, "grpc-status: 0\n", "\0\0\0\0\0", 5, "UNKNOWN", false},
	{GRPC_HEAD, "grpc-status: 0\n", "\0\0\0\0\2\x08\7", 7, "status 7", false},
	{GRPC_HEAD, "grpc-status: 0\n", "\0\0\0\0\3\x08\1", 7, "grpc: malformed answer", false},
	{GRPC_HEAD, "grpc-status: 0\n", "\1\0\0\0\2\x08\1", 7, "grpc: malformed answer", false},
	{GRPC_HEAD, "grpc-status: 0\n", NULL, 0, "grpc: malformed answer", false},
	{GRPC_HEAD, "grpc-status: x\n", NULL, 0, "grpc: malformed grpc-status", false},
	{GRPC_HEAD, NULL, "\0\0\0\0\2\x08\1", 7, "grpc: no grpc-status", false},
	{GRPC_HEAD "grpc-status: 12\n", NULL, NULL, 0,
         "UNIMPLEMENTED: the server has no grpc.health.v1.Health", false},
	{GRPC_HEAD "grpc-status: 5\n", NULL, NULL, 0, "NOT_FOUND: the server knows no service a.B",
         false},
	{GRPC_HEAD, "grpc-status: 14\n", NULL, 0, "grpc-status UNAVAILABLE", false},
	{GRPC_HEAD, "grpc-status: 99\n", NULL, 0, "grpc-status 99", false},
	{":status: 503\ncontent-type: text/html\n", NULL, "<p>", 3, "status 503, no gRPC", false},
	{":status: 200\ncontent-type: text/html\n", NULL, "<p>", 3, "status 200, no gRPC", false},
};

Test(probe_http2, what_a_grpc_server_says_is_understood)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		start(CHECK);
		take_request();
		put_answer(&answers[i]);
		send_out(0, out_len);
		probebuild_finish(&b);
		expect(&answers[i], "in one piece");
	}
}

Test(probe_http2, every_split_of_an_answer_is_understood)
{
	for (size_t cut = 1;; cut++) {
		start(CHECK);
		take_request();
		put_answer(&answers[0]);
		if (cut == out_len)
			break;
		send_out(0, cut);
		for (int i = 0; i < 3; i++)
			loop_turn(&b.loop, 0);
		cr_assert_eq(b.n_changes, 0, "cut at %zu", cut);
		send_out(cut, out_len);
		probebuild_finish(&b);
		expect(&answers[0], "cut");
	}
}

// github.com/grpc/grpc/doc/health-checking.md: HealthCheckRequest, service = 1.
Test(probe_http2, the_question_is_the_standard_s)
{
	static const uint8_t want[] = {0, 0, 0, 0, 5, 0x0a, 3, 'a', '.', 'B'};
	const uint8_t *frame;
	bool has_data = false;
	size_t at = 0;

	start(CHECK);
	take_request();
	while ((frame = next_frame(&at))) {
		if (frame[3] != DATA || frame_len(frame) == FRAME_HEAD)
			continue;
		cr_assert_eq(frame_len(frame), FRAME_HEAD + sizeof(want));
		cr_expect_eq(memcmp(frame + FRAME_HEAD, want, sizeof(want)), 0);
		has_data = true;
	}
	cr_expect(has_data);
}

Test(probe_http2, http_probes_of_such_a_pool_speak_it_too)
{
	static const struct answer_case good = {":status: 204\n", NULL, NULL, 0,
	                                        "status 204",     true},
					bad = {":status: 500\n", NULL, "oh", 2,
	                                       "status 500",     false};
	const struct answer_case *both[] = {&good, &bad};

	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		start("'type': 'http'");
		take_request();
		put_answer(both[i]);
		send_out(0, out_len);
		probebuild_finish(&b);
		expect(both[i], "http");
	}
}

static const struct {
	uint8_t type, stream;
	struct slice payload;
	const char *reason;
} ends[] = {
	{RESET, 1, {(const uint8_t *)"\0\0\0\7", 4}, "reset: REFUSED_STREAM"},
	{RESET, 1, {(const uint8_t *)"\0\0\0\2", 4}, "reset: INTERNAL_ERROR"},
	{GOAWAY, 0, {(const uint8_t *)"\0\0\0\0\0\0\0\0", 8}, "reset: REFUSED_STREAM"},
};

Test(probe_http2, a_server_that_does_not_want_to_says_so)
{
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		start(CHECK);
		take_request();
		put_frame(SETTINGS, 0, 0, (struct slice){0});
		put_frame(ends[i].type, 0, ends[i].stream, ends[i].payload);
		send_out(0, out_len);
		probebuild_finish(&b);
		cr_expect_str_eq(b.last->verdict.record.reason, ends[i].reason, "%zu", i);
	}
}

Test(probe_http2, an_answer_longer_than_any_is_none)
{
	static const uint8_t junk[600];

	start(CHECK);
	take_request();
	put_frame(SETTINGS, 0, 0, (struct slice){0});
	put_frame(HEADERS, END_HEADERS, 1, block_of(GRPC_HEAD));
	put_frame(DATA, 0, 1, slice_of(junk, sizeof(junk)));
	send_out(0, out_len);
	probebuild_finish(&b);
	cr_expect_str_eq(b.last->verdict.record.reason, "grpc: malformed answer");
}

Test(probe_http2, one_that_speaks_http_1_is_told_from_one_that_is_silent)
{
	static const char bytes[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";

	start(CHECK);
	take_request();
	cr_assert_eq(write(b.accepted, bytes, sizeof(bytes) - 1), (ssize_t)sizeof(bytes) - 1);
	probebuild_finish(&b);
	cr_expect_eq(strncmp(b.last->verdict.record.reason, "HTTP/2: ", 8), 0, "%s",
	             b.last->verdict.record.reason);
	start(CHECK);
	take_request();
	probebuild_hang_up(&b);
	for (int i = 0; i < 2000 && !b.n_changes; i++)
		loop_turn(&b.loop, 1);
	cr_expect_str_eq(b.last->verdict.record.reason, "closed without an answer");
}
