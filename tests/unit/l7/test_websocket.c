// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <errno.h>

#include "l7/websocket.h"
#include "tests/support/guard.h"

#define BYTES(literal) (literal), sizeof(literal) - 1
#define KEY "dGhlIHNhbXBsZSBub25jZQ==" // RFC 6455 section 1.3
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void add(struct fields *f, const char *name, const char *value)
{
	struct slice n = slice_of(name, strlen(name));

	cr_assert(message_add(f, header_find(n), n, slice_of(value, strlen(value))));
}

static struct slice z(const char *text)
{
	return slice_of(text, strlen(text));
}

// --- handshake ---

static struct request *handshake(const char *version, const char *key)
{
	static struct request r;

	r = (struct request){.method = METHOD_GET, .minor = 1, .upgrade = z("websocket")};
	if (version)
		add(&r.fields, "Sec-WebSocket-Version", version);
	if (key)
		add(&r.fields, "Sec-WebSocket-Key", key);
	return &r;
}

Test(websocket, is_asked_for_by_get_and_upgrade_in_1_1)
{
	struct request *r = handshake("13", KEY);

	cr_expect(websocket_is_asked(r));
	r->upgrade = z("WebSocket");
	cr_expect(websocket_is_asked(r));
	r->upgrade = z("h2c, websocket");
	cr_expect(websocket_is_asked(r));
	r->upgrade = z("h2c");
	cr_expect_not(websocket_is_asked(r));
	r->upgrade = z("websockets");
	cr_expect_not(websocket_is_asked(r));
	r->upgrade = slice_of(NULL, 0);
	cr_expect_not(websocket_is_asked(r));
	r = handshake("13", KEY);
	r->minor = 0;
	cr_expect_not(websocket_is_asked(r));
	r = handshake("13", KEY);
	r->method = METHOD_POST;
	cr_expect_not(websocket_is_asked(r));
}

static const struct {
	const char *version, *key;
	int want;
} handshakes[] = {
	{"13", KEY, 0},
	{"13", "AAAAAAAAAAAAAAAAAAAAAA==", 0},
	{"13", "+/+/+/+/+/+/+/+/+/+/+w==", 0},
	{"8", KEY, 426},
	{"14", KEY, 426},
	{"013", KEY, 426},
	{"13, 8", KEY, 426},
	{"", KEY, 426},
	{NULL, KEY, 400},
	{"13", NULL, 400},
	{"13", "", 400},
	{"13", "dGhlIHNhbXBsZSBub25jZQ=", 400},
	{"13", "dGhlIHNhbXBsZSBub25jZQ===", 400},
	{"13", "dGhlIHNhbXBsZSBub25jZQAA", 400}, // 18 bytes
	{"13", "dGhlIHNhbXBsZSBub25jZQA=", 400}, // 17 bytes
	{"13", "dGhlIHNhbXBsZSBub25jZ===", 400}, // 15 bytes and a bit
	{"13", "dGhlIHNhbXBs SBub25jZQ==", 400},
	{"13", "dGhlIHNhbXBs-_Bub25jZQ==", 400}, // the alphabet of URLs
	{"13", "dGhlIHNh=XBsZSBub25jZQ==", 400},
};

Test(websocket, a_handshake_is_checked)
{
	for (size_t i = 0; i < ARRAY_LEN(handshakes); i++) {
		const char *why = NULL;
		int rc = websocket_check_request(
			handshake(handshakes[i].version, handshakes[i].key), &why);

		cr_expect_eq(rc, handshakes[i].want, "%zu: %d", i, rc);
		cr_expect_eq(why != NULL, rc != 0, "%zu", i);
	}
}

Test(websocket, a_handshake_has_one_key_one_version_and_no_body)
{
	struct request *r = handshake("13", KEY);
	const char *why;

	add(&r->fields, "sec-websocket-key", KEY);
	cr_expect_eq(websocket_check_request(r, &why), 400);
	r = handshake("13", KEY);
	add(&r->fields, "SEC-WEBSOCKET-VERSION", "13");
	cr_expect_eq(websocket_check_request(r, &why), 400);
	r = handshake("13", KEY);
	r->body = BODY_CHUNKED;
	cr_expect_eq(websocket_check_request(r, &why), 400);
	r->body = BODY_LENGTH;
	cr_expect_eq(websocket_check_request(r, &why), 0);
	r->content_length = 1;
	cr_expect_eq(websocket_check_request(r, &why), 400);
}

Test(websocket, accept_is_that_of_the_rfc)
{
	char out[29];

	websocket_accept(out, z(KEY));
	cr_expect_str_eq(out, ACCEPT);
	// From draft-hixie's successor's most quoted second example (Wikipedia, "WebSocket").
	websocket_accept(out, z("x3JJHMbDL1EzLkh9GBhXDw=="));
	cr_expect_str_eq(out, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

Test(websocket, a_key_of_ours_is_one_and_never_the_same)
{
	static struct request r;
	char one[WEBSOCKET_KEY_SIZE], other[WEBSOCKET_KEY_SIZE];
	const char *why = "";

	websocket_make_key(one);
	websocket_make_key(other);
	cr_expect_str_neq(one, other);
	r = (struct request){.method = METHOD_GET, .minor = 1, .upgrade = z("websocket")};
	cr_assert(message_add(&r.fields, HEADER_SEC_WEBSOCKET_VERSION, z("Sec-WebSocket-Version"),
	                      z("13")));
	cr_assert(message_add(&r.fields, HEADER_SEC_WEBSOCKET_KEY, z("Sec-WebSocket-Key"), z(one)));
	cr_expect_eq(websocket_check_request(&r, &why), 0, "%s: %s", one, why);
}

static bool is_accepted(uint16_t status, const char *upgrade, const char *accept,
                        const char *second)
{
	static struct response r;

	r = (struct response){.status = status, .upgrade = z(upgrade)};
	add(&r.fields, "Sec-WebSocket-Accept", accept);
	if (second)
		add(&r.fields, "Sec-WebSocket-Accept", second);
	return websocket_check_response(&r, z(KEY));
}

Test(websocket, an_answer_is_checked)
{
	cr_expect(is_accepted(101, "websocket", ACCEPT, NULL));
	cr_expect(is_accepted(101, "WebSocket", ACCEPT, NULL));
	cr_expect_not(is_accepted(200, "websocket", ACCEPT, NULL));
	cr_expect_not(is_accepted(101, "h2c", ACCEPT, NULL));
	cr_expect_not(is_accepted(101, "h2c, websocket", ACCEPT, NULL));
	cr_expect_not(is_accepted(101, "", ACCEPT, NULL));
	cr_expect_not(is_accepted(101, "websocket", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO=", NULL));
	cr_expect_not(is_accepted(101, "websocket", "S3PPLMBITXAQ9KYGZZHZRBK+XOO=", NULL));
	cr_expect_not(is_accepted(101, "websocket", "", NULL));
	cr_expect_not(is_accepted(101, "websocket", ACCEPT, ACCEPT));
}

// --- frames ---

// RFC 6455 section 5.7.
#define HELLO "\x81\x05\x48\x65\x6c\x6c\x6f"
#define HELLO_MASKED "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
#define HEL "\x01\x03\x48\x65\x6c"
#define LO "\x80\x02\x6c\x6f"
#define PING "\x89\x05\x48\x65\x6c\x6c\x6f"
#define PONG_MASKED "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
#define CLOSE "\x88\x02\x03\xe9"

static const struct {
	const char *name;
	bool is_client;
	const char *bytes;
	size_t len;
	uint64_t n_messages;
	bool is_between, is_closed, in_message;
} valid[] = {
	{"text", false, BYTES(HELLO), 1, true, false, false},
	{"masked text", true, BYTES(HELLO_MASKED), 1, true, false, false},
	{"fragments", false, BYTES(HEL LO), 1, true, false, false},
	{"first fragment", false, BYTES(HEL), 0, true, false, true},
	{"ping", false, BYTES(PING), 0, true, false, false},
	{"pong", true, BYTES(PONG_MASKED), 0, true, false, false},
	{"ping among fragments", false, BYTES(HEL PING LO), 1, true, false, false},
	{"close among fragments", false, BYTES(HEL CLOSE), 0, true, true, true},
	{"close", false, BYTES(CLOSE), 0, true, true, false},
	{"close without a code", false, BYTES("\x88\x00"), 0, true, true, false},
	{"empty text", false, BYTES("\x81\x00"), 1, true, false, false},
	{"empty masked text", true, BYTES("\x81\x80mask"), 1, true, false, false},
	{"empty fragments", false, BYTES("\x01\x00\x00\x00\x80\x00"), 1, true, false, false},
	{"reserved bits", false, BYTES("\xf1\x01x"), 1, true, false, false},
	{"compressed message", false, BYTES("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"), 1, true, false,
         false}, // RFC 7692 section 7.2.3.1
	{"part of a head", false, BYTES(HELLO "\x82"), 1, false, false, false},
	{"part of a payload", false, BYTES("\x82\x02x"), 0, false, false, false},
	{"no payload yet", true, BYTES("\x82\x81mask"), 0, false, false, false},
	{"two", false, BYTES(HELLO HELLO), 2, true, false, false},
	{"126 bytes to come", false, BYTES("\x82\x7e\x00\x7e"), 0, false, false, false},
	{"64 KiB to come", false, BYTES("\x82\x7f\0\0\0\0\0\1\0\0"), 0, false, false, false},
	{"2^63-1 bytes to come", false, BYTES("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), 0, false,
         false, false},
};

static const struct {
	const char *name;
	bool is_client;
	const char *bytes;
	size_t len;
} invalid[] = {
	{"unmasked from a client", true, BYTES(HELLO)},
	{"masked from a server", false, BYTES(HELLO_MASKED)},
	{"opcode 3", false, BYTES("\x83\x00")},
	{"opcode 7", false, BYTES("\x87\x00")},
	{"opcode 11", false, BYTES("\x8b\x00")},
	{"opcode 15", false, BYTES("\x8f\x00")},
	{"fragmented ping", false, BYTES("\x09\x00")},
	{"fragmented close", false, BYTES("\x08\x00")},
	{"ping of 126", false, BYTES("\x89\x7e")},
	{"close of 64 KiB", false, BYTES("\x88\x7f")},
	{"continuation of nothing", false, BYTES("\x80\x00")},
	{"continuation after the end", false, BYTES(HEL LO LO)},
	{"text within a message", false, BYTES(HEL HELLO)},
	{"binary within a message", false, BYTES(HEL "\x82\x00")},
	{"125 in 16 bits", false, BYTES("\x82\x7e\x00\x7d")},
	{"65535 in 64 bits", false, BYTES("\x82\x7f\0\0\0\0\0\0\xff\xff")},
	{"2^63", false, BYTES("\x82\x7f\x80\0\0\0\0\0\0\0")},
	{"data after close", false, BYTES(CLOSE HELLO)},
	{"one byte after close", false, BYTES(CLOSE "\x81")},
	{"close after close", false, BYTES(CLOSE CLOSE)},
};

static int track(struct websocket *w, const char *bytes, size_t len)
{
	uint8_t *copy = guard_alloc(len);
	int rc;

	memcpy(copy, bytes, len);
	rc = websocket_track(w, slice_of(copy, len));
	guard_free(copy, len);
	return rc;
}

Test(websocket, frames_are_followed_whatever_the_split)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++)
		for (size_t split = 0; split <= valid[i].len; split++) {
			struct websocket w = {.is_client = valid[i].is_client};

			cr_expect_eq(track(&w, valid[i].bytes, split), 0, "%s", valid[i].name);
			cr_expect_eq(track(&w, valid[i].bytes + split, valid[i].len - split), 0,
			             "%s at %zu", valid[i].name, split);
			cr_expect_eq(w.n_messages, valid[i].n_messages, "%s", valid[i].name);
			cr_expect_eq(w.in_message, valid[i].in_message, "%s", valid[i].name);
			cr_expect_eq(w.is_closed, valid[i].is_closed, "%s", valid[i].name);
			cr_expect_eq(websocket_is_between(&w), valid[i].is_between, "%s at %zu",
			             valid[i].name, split);
		}
}

Test(websocket, byte_by_byte_is_the_same)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
		struct websocket w = {.is_client = valid[i].is_client};

		for (size_t at = 0; at < valid[i].len; at++)
			cr_expect_eq(track(&w, valid[i].bytes + at, 1), 0, "%s", valid[i].name);
		cr_expect_eq(w.n_messages, valid[i].n_messages, "%s", valid[i].name);
		cr_expect_eq(websocket_is_between(&w), valid[i].is_between, "%s", valid[i].name);
	}
}

Test(websocket, what_is_no_frame_is_refused_whatever_the_split)
{
	for (size_t i = 0; i < ARRAY_LEN(invalid); i++)
		for (size_t split = 0; split < invalid[i].len; split++) {
			struct websocket w = {.is_client = invalid[i].is_client};
			int rc = track(&w, invalid[i].bytes, split);

			if (rc == 0)
				rc = track(&w, invalid[i].bytes + split, invalid[i].len - split);
			cr_expect_eq(rc, -EPROTO, "%s at %zu", invalid[i].name, split);
		}
}

Test(websocket, payloads_of_all_length_forms_end_where_they_end)
{
	static const uint64_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 100000};
	static uint8_t payload[100000];

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct websocket w = {.is_client = true};
		uint64_t n = sizes[i];
		uint8_t head[14] = {0x82};
		size_t len = 2;

		head[1] = (uint8_t)(0x80 | (n < 126 ? n : n < 65536 ? 126 : 127));
		for (int shift = n < 126 ? -8 : n < 65536 ? 8 : 56; shift >= 0; shift -= 8)
			head[len++] = (uint8_t)(n >> shift);
		len += 4;
		cr_expect_eq(websocket_track(&w, slice_of(head, len)), 0);
		cr_expect_eq(websocket_is_between(&w), n == 0, "%lu", n);
		if (n > 0) {
			cr_expect_eq(websocket_track(&w, slice_of(payload, n - 1)), 0);
			cr_expect_not(websocket_is_between(&w), "%lu", n);
			cr_expect_eq(websocket_track(&w, slice_of(payload, 1)), 0);
		}
		cr_expect(websocket_is_between(&w), "%lu", n);
		cr_expect_eq(w.n_messages, 1, "%lu", n);
	}
}

Test(websocket, a_pong_is_said_in_the_call_that_ends_it)
{
	struct websocket w = {.is_client = true};
	size_t len = sizeof(PONG_MASKED) - 1;

	cr_expect_eq(track(&w, PONG_MASKED, len - 1), 0);
	cr_expect_not(w.was_pong);
	cr_expect_eq(track(&w, &PONG_MASKED[len - 1], 1), 0);
	cr_expect(w.was_pong);
	cr_expect_eq(track(&w, BYTES(HELLO_MASKED)), 0);
	cr_expect_not(w.was_pong);
	cr_expect_eq(track(&w, BYTES("\x8a\x80mask")), 0);
	cr_expect(w.was_pong);
}

Test(websocket, control_frames_are_written_as_in_the_rfc)
{
	static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
	uint8_t out[WEBSOCKET_FRAME_MAX];
	size_t len;

	len = websocket_write(out, WEBSOCKET_PING, z("Hello"), NULL);
	cr_expect(slice_eq(slice_of(out, len), slice_of(BYTES(PING))));
	len = websocket_write(out, WEBSOCKET_PONG, z("Hello"), mask);
	cr_expect(slice_eq(slice_of(out, len), slice_of(BYTES(PONG_MASKED))));
	len = websocket_write_close(out, 1001, NULL);
	cr_expect(slice_eq(slice_of(out, len), slice_of(BYTES(CLOSE))));
}

Test(websocket, what_is_written_is_followed)
{
	static const uint8_t mask[4] = {1, 2, 3, 4}, payload[125];
	static const enum websocket_opcode opcodes[] = {WEBSOCKET_PING, WEBSOCKET_PONG,
	                                                WEBSOCKET_CLOSE};

	for (size_t i = 0; i < ARRAY_LEN(opcodes); i++)
		for (size_t n = 0; n <= sizeof(payload); n++)
			for (int is_client = 0; is_client < 2; is_client++) {
				struct websocket w = {.is_client = is_client};
				uint8_t *out = guard_alloc(WEBSOCKET_FRAME_MAX);
				size_t len = websocket_write(out, opcodes[i], slice_of(payload, n),
				                             is_client ? mask : NULL);

				cr_expect_eq(websocket_track(&w, slice_of(out, len)), 0);
				cr_expect(websocket_is_between(&w));
				cr_expect_eq(w.is_closed, opcodes[i] == WEBSOCKET_CLOSE);
				guard_free(out, WEBSOCKET_FRAME_MAX);
			}
}
