// SPDX-License-Identifier: BSD-3-Clause
// What a request costs in lb7d besides parsing and writing: rewriting its head, following its stream, logging it.
// Nanoseconds a request or line, or a buffer of 64 KiB; both columns in turn, the fastest turn of each:
//   bench rewrite_request   beside one memcpy of the struct that it works on: nobody else has this work alone
//   bench websocket_track_N, event_stream_N   beside memcpy of the same bytes; N = bytes of a frame's payload or of a line
//   bench access_write      beside jansson's json_pack and json_dumpb of the same members, and beside snprintf, which escapes nothing
#include "l4/base/clock.h"
#include "l7/access.h"
#include "l7/event_stream.h"
#include "l7/rewrite.h"
#include "l7/websocket.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>

enum { TURNS = 41, STREAM = 64 * 1024 };

// One turn; returns how often it did the work.
typedef unsigned int (*work)(void);

static double turn(work w)
{
	uint64_t start = clock_now_ns();
	unsigned int n = w();

	return (double)(clock_now_ns() - start) / n;
}

static void compare(const char *name, work ours, work theirs)
{
	double best = 1e18, yardstick = 1e18;

	for (unsigned int i = 0; i < TURNS; i++) {
		double a = turn(ours), b = turn(theirs);

		best = a < best ? a : best;
		yardstick = b < yardstick ? b : yardstick;
	}
	printf("bench %s ours=%.1f yardstick=%.1f ratio=%.2f\n", name, best, yardstick,
	       best / yardstick);
}

// Keeps the compiler from leaving out what nobody looks at.
static void use(const void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

// --- rewriting ---

enum { REQUESTS = 20000 };

static struct request fresh, request;
static struct rewrite_client client;

static void add(const char *name, const char *value)
{
	struct slice n = slice_of(name, strlen(name));

	if (!message_add(&fresh.fields, header_find(n), n, slice_of(value, strlen(value))))
		abort();
}

static void prepare_request(void)
{
	fresh.method = METHOD_GET;
	fresh.minor = 1;
	fresh.path = slice_of("/api/v1/items", 13);
	fresh.authority = slice_of("api.example.com", 15);
	add("Host", "api.example.com");
	add("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
	add("Accept", "application/json");
	add("X-Custom-Field", "value");
	add("Connection", "keep-alive");
	if (addr_parse(&client.address, "198.51.100.207"))
		abort();
}

// What the parser leaves behind: the struct up to the last field.
static void renew_request(void)
{
	memcpy(&request, &fresh, offsetof(struct request, fields.at[5]));
	use(&request);
}

static unsigned int rewrite_requests(void)
{
	static char scratch[4096];
	struct slice id;

	for (unsigned int i = 0; i < REQUESTS; i++) {
		struct text t = text_of(scratch, sizeof(scratch));

		renew_request();
		if (!rewrite_request(&request, &client, "edge-1", NULL,
		                     "0123456789abcdef0123456789abcdef", &id, &t))
			abort();
		use(&request);
	}
	return REQUESTS;
}

static unsigned int renew_requests(void)
{
	for (unsigned int i = 0; i < REQUESTS; i++)
		renew_request();
	return REQUESTS;
}

// --- streams ---

enum { STREAMS = 200 };

static uint8_t stream[STREAM], copy[STREAM];
static size_t stream_len;

// As many whole frames as fit, of `size` bytes of payload, from a client.
static void prepare_frames(size_t size)
{
	size_t at = 0, head = size < 126 ? 6 : 8;

	memset(stream, 'x', sizeof(stream));
	while (sizeof(stream) - at >= head + size) {
		stream[at] = 0x82;
		stream[at + 1] = (uint8_t)(0x80 | (size < 126 ? size : 126));
		if (size >= 126) {
			stream[at + 2] = (uint8_t)(size >> 8);
			stream[at + 3] = (uint8_t)size;
		}
		at += head + size;
	}
	stream_len = at;
}

// Events of one line of `size` bytes.
static void prepare_events(size_t size)
{
	size_t at = 0;

	memset(stream, 'x', sizeof(stream));
	while (sizeof(stream) - at >= size + 2) {
		stream[at + 4] = ':';
		stream[at + size] = stream[at + size + 1] = '\n';
		at += size + 2;
	}
	stream_len = at;
}

static unsigned int track_frames(void)
{
	struct websocket w = {.is_client = true};

	for (unsigned int i = 0; i < STREAMS; i++) {
		use(stream);
		if (websocket_track(&w, slice_of(stream, stream_len)))
			abort();
	}
	return STREAMS;
}

static unsigned int track_events(void)
{
	struct event_stream s = {.line = 0};

	for (unsigned int i = 0; i < STREAMS; i++) {
		use(stream);
		event_stream_take(&s, slice_of(stream, stream_len), NULL, NULL);
	}
	if (!event_stream_is_between(&s))
		abort();
	return STREAMS;
}

static unsigned int copy_stream(void)
{
	for (unsigned int i = 0; i < STREAMS; i++) {
		use(stream);
		memcpy(copy, stream, stream_len);
		use(copy);
	}
	return STREAMS;
}

static void bench_streams(void)
{
	static const size_t sizes[] = {20, 200, 2000, 60000};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char name[64];

		prepare_frames(sizes[i]);
		snprintf(name, sizeof(name), "websocket_track_%zu", sizes[i]);
		compare(name, track_frames, copy_stream);
		prepare_events(sizes[i]);
		snprintf(name, sizeof(name), "event_stream_%zu", sizes[i]);
		compare(name, track_events, copy_stream);
	}
}

// --- log ---

enum { LINES = 2000 };

#define SLICE(literal)                                          \
	{                                                       \
		(const uint8_t *)(literal), sizeof(literal) - 1 \
	}
static struct access_record record = {
	.start_real_ns = UINT64_C(1795262400123456789),
	.start_ns = 1000000000,
	.picked_ns = 1000100000,
	.connect_ns = 1000350000,
	.first_byte_ns = 1012000000,
	.end_ns = 1013500000,
	.bytes_in = 17,
	.bytes_out = 48213,
	.method = SLICE("GET"),
	.host = SLICE("api.example.com"),
	.target = SLICE("/api/v1/items?page=3&sort=name"),
	.user_agent =
		SLICE("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
	.referer = SLICE("https://www.example.com/items"),
	.request_id = SLICE("0123456789abcdef0123456789abcdef"),
	.status = 200,
	.minor = 1,
	.end = ACCESS_COMPLETED,
	.attempts = 1,
	.l7 = "api",
	.pool = "rest",
	.backend = "rest-1",
	.protocol = "http/1.1",
	.tls_version = "TLSv1.3",
	.server_name = "api.example.com",
};

static char line[ACCESS_LINE_MAX];

static unsigned int write_lines(void)
{
	for (unsigned int i = 0; i < LINES; i++) {
		struct text t = text_of(line, sizeof(line));

		access_write(&t, &record);
		use(line);
	}
	return LINES;
}

#define TEXT(s) (const char *)(s).ptr, (int)(s).len

static unsigned int pack_lines(void)
{
	const struct access_record *r = &record;

	for (unsigned int i = 0; i < LINES; i++) {
		char client_text[ADDR_PORT_TEXT_SIZE];
		json_t *o = json_pack(
			"{ss ss ss ss ss ss ss# ss# ss# ss# ss# ss# si ss ss si sf sf sf sI sI ss}",
			"time", "2026-11-21T12:00:00.123Z", "client",
			addr_port_text(&r->client, r->client_port, client_text), "l7", r->l7, "tls",
			r->tls_version, "server_name", r->server_name, "protocol", r->protocol,
			"method", TEXT(r->method), "host", TEXT(r->host), "target", TEXT(r->target),
			"user_agent", TEXT(r->user_agent), "referer", TEXT(r->referer),
			"request_id", TEXT(r->request_id), "status", r->status, "pool", r->pool,
			"backend", r->backend, "attempts", r->attempts, "connect_ms", 0.25,
			"first_byte_ms", 12.0, "total_ms", 13.5, "bytes_in",
			(json_int_t)r->bytes_in, "bytes_out", (json_int_t)r->bytes_out, "end",
			access_end_names[r->end]);

		if (!o || json_dumpb(o, line, sizeof(line), JSON_COMPACT) == 0)
			abort();
		json_decref(o);
		use(line);
	}
	return LINES;
}

#define SIZED(s) (int)(s).len, (const char *)(s).ptr

static unsigned int print_lines(void)
{
	const struct access_record *r = &record;

	for (unsigned int i = 0; i < LINES; i++) {
		char client_text[ADDR_PORT_TEXT_SIZE];

		snprintf(line, sizeof(line),
		         "{\"time\":\"2026-11-21T12:00:00.123Z\",\"client\":\"%s\",\"l7\":\"%s\","
		         "\"tls\":\"%s\",\"server_name\":\"%s\",\"protocol\":\"%s\","
		         "\"method\":\"%.*s\",\"host\":\"%.*s\",\"target\":\"%.*s\","
		         "\"user_agent\":\"%.*s\",\"referer\":\"%.*s\",\"request_id\":\"%.*s\","
		         "\"status\":%u,\"pool\":\"%s\",\"backend\":\"%s\",\"attempts\":%u,"
		         "\"connect_ms\":%.3f,\"first_byte_ms\":%.3f,\"total_ms\":%.3f,"
		         "\"bytes_in\":%lu,\"bytes_out\":%lu,\"end\":\"%s\"}\n",
		         addr_port_text(&r->client, r->client_port, client_text), r->l7,
		         r->tls_version, r->server_name, r->protocol, SIZED(r->method),
		         SIZED(r->host), SIZED(r->target), SIZED(r->user_agent), SIZED(r->referer),
		         SIZED(r->request_id), r->status, r->pool, r->backend, r->attempts, 0.25,
		         12.0, 13.5, r->bytes_in, r->bytes_out, access_end_names[r->end]);
		use(line);
	}
	return LINES;
}

int main(void)
{
	prepare_request();
	compare("rewrite_request", rewrite_requests, renew_requests);
	bench_streams();
	if (addr_parse(&record.client, "198.51.100.207"))
		abort();
	record.client_port = be16_from(40000);
	compare("access_write_jansson", write_lines, pack_lines);
	compare("access_write_snprintf", write_lines, print_lines);
	return 0;
}
