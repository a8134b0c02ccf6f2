// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/l7/load_talk.h"

#include <stdio.h>
#include <string.h>

enum {
	ANSWER_LEN = 13,  // load_turns_origin.c
	STATUS_LEN = 12,  // of "HTTP/1.1 200"
	FRAME_HEAD = 9,   // RFC 9113 section 4.1
	HPACK_200 = 0x88, // RFC 7541 appendix A: index 8, ":status 200"
	HPACK_SIZE = 0x20,
	FLAG_END = 1,     // END_STREAM; of SETTINGS: ACK
	MESSAGE_LEN = 32, // of gRPC: five bytes and what they announce
};

enum {
	FRAME_DATA = 0,
	FRAME_HEADERS = 1,
	FRAME_RESET = 3,
	FRAME_SETTINGS = 4,
	FRAME_GOAWAY = 7,
	FRAME_WINDOW = 8
};

const struct load_talk_shape load_talk_shapes[TALK_COUNT] = {
	[TALK_REQUEST] = {"request", 32, 1},
	[TALK_H2] = {"h2", 8, 16},
	[TALK_GRPC] = {"grpc", 8, 16},
	[TALK_EVENT] = {"event", 32, 1},
};

// --- what is said ---

static const char request[] = "GET / HTTP/1.1\r\nHost: bench.example\r\nAccept: */*\r\n\r\n";

// RFC 7541: GET, http, "/", an authority that enters no table.
static const char get_block[] = "\x82\x86\x84\x01\x0d"
				"bench.example";
// POST, http, a path, an authority, "content-type: application/grpc", "te: trailers".
static const char call_block[] = "\x83\x86\x04\x0b"
				 "/bench.call\x01\x0d"
				 "bench.example\x0f\x10\x10"
				 "application/grpc\x00\x02te\x08trailers";

static char *frame_head(char *to, size_t len, uint8_t type, uint8_t flags, uint32_t stream)
{
	const uint8_t head[FRAME_HEAD] = {(uint8_t)(len >> 16),
	                                  (uint8_t)(len >> 8),
	                                  (uint8_t)len,
	                                  type,
	                                  flags,
	                                  (uint8_t)(stream >> 24),
	                                  (uint8_t)(stream >> 16),
	                                  (uint8_t)(stream >> 8),
	                                  (uint8_t)stream};

	memcpy(to, head, FRAME_HEAD);
	return to + FRAME_HEAD;
}

// The preface, SETTINGS without any, and a window for the connection that never runs dry.
static size_t hello_h2(struct load_talk *t, char *bytes)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	static const char window[] = "\x7f\x00\x00\x00";
	char *p = bytes;

	memcpy(p, preface, sizeof(preface) - 1);
	p = frame_head(p + sizeof(preface) - 1, 0, FRAME_SETTINGS, 0, 0);
	p = frame_head(p, 4, FRAME_WINDOW, 0, 0);
	memcpy(p, window, 4);
	t->next_stream = 1;
	return (size_t)(p + 4 - bytes);
}

size_t load_talk_hello(struct load_talk *t, char *bytes, uint32_t proxy)
{
	switch (t->kind) {
	case TALK_H2:
	case TALK_GRPC:
		return hello_h2(t, bytes);
	case TALK_EVENT:
		return (size_t)snprintf(bytes, TALK_MAX,
		                        "GET /chat/%u HTTP/1.1\r\nHost: bench.example\r\n"
		                        "Accept: text/event-stream\r\n\r\n",
		                        proxy);
	default:
		return 0;
	}
}

static char *ask_h2(struct load_talk *t, char *p)
{
	const char *block = t->kind == TALK_GRPC ? call_block : get_block;
	const size_t len = (t->kind == TALK_GRPC ? sizeof(call_block) : sizeof(get_block)) - 1;
	static const char message[MESSAGE_LEN] = {[4] = MESSAGE_LEN - 5};
	const uint8_t end = t->kind == TALK_GRPC ? 0 : FLAG_END;

	p = frame_head(p, len, FRAME_HEADERS, 4 | end, t->next_stream); // END_HEADERS
	memcpy(p, block, len);
	p += len;
	if (!end) {
		p = frame_head(p, MESSAGE_LEN, FRAME_DATA, FLAG_END, t->next_stream);
		memcpy(p, message, MESSAGE_LEN);
		p += MESSAGE_LEN;
	}
	t->next_stream += 2;
	return p;
}

size_t load_talk_ask(struct load_talk *t, char *bytes)
{
	char *p = bytes;

	if (t->kind == TALK_EVENT)
		return 0;
	if (t->kind == TALK_REQUEST) {
		memcpy(bytes, request, sizeof(request) - 1);
		return sizeof(request) - 1;
	}
	for (; t->n_acks; t->n_acks--)
		p = frame_head(p, 0, FRAME_SETTINGS, FLAG_END, 0);
	for (uint32_t i = 0; i < load_talk_shapes[t->kind].n_at_once; i++)
		p = ask_h2(t, p);
	return (size_t)(p - bytes);
}

// --- what is answered ---

// False: another status.
static bool check_status(const struct load_talk *t, uint8_t byte)
{
	static const char status[] = "HTTP/1.1 200";

	return t->n_seen >= STATUS_LEN || byte == (uint8_t)status[t->n_seen];
}

static int take_answers(struct load_talk *t, const uint8_t *bytes, size_t len)
{
	int n = 0;

	for (size_t i = 0; i < len; i++) {
		if (t->in_content) {
			if (--t->n_left)
				continue;
			n++;
			t->in_content = false;
			t->n_seen = 0;
			continue;
		}
		if (!check_status(t, bytes[i]))
			return -1;
		t->n_seen++;
		memmove(t->last, t->last + 1, 3);
		t->last[3] = bytes[i];
		t->in_content = memcmp(t->last, "\r\n\r\n", 4) == 0;
		t->n_left = ANSWER_LEN;
	}
	return n;
}

// An event ends with "}\n\n", and nothing else of the answer does.
static int take_events(struct load_talk *t, const uint8_t *bytes, size_t len)
{
	int n = 0;

	while (len && t->n_seen < STATUS_LEN) {
		if (!check_status(t, *bytes++))
			return -1;
		t->n_seen++;
		len--;
	}
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '}')
			t->n_left = 1;
		else if (bytes[i] != '\n' || !t->n_left)
			t->n_left = 0;
		else if (++t->n_left == 3)
			t->n_left = 0, n++;
	}
	return n;
}

// By the first byte of the head. The first head of a connection begins with the size of the table (RFC 7541 section 6.3).
static bool is_200(uint8_t first)
{
	return first == HPACK_200 || (first & 0xe0) == HPACK_SIZE;
}

// A whole frame is there: 1 if it ends a stream, -1 if it may not be.
static int judge_frame(struct load_talk *t)
{
	const uint8_t type = t->frame[3], flags = t->frame[4];

	if (type == FRAME_RESET || type == FRAME_GOAWAY)
		return -1;
	if (type == FRAME_SETTINGS && !(flags & FLAG_END))
		t->n_acks++;
	// Of trailers the first field is another; those end the stream.
	if (type == FRAME_HEADERS && !(flags & FLAG_END) && !is_200(t->frame[FRAME_HEAD]))
		return -1;
	return (type == FRAME_DATA || type == FRAME_HEADERS) && flags & FLAG_END;
}

static int take_frames(struct load_talk *t, const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;
	int n = 0, rc;

	while (p < end) {
		if (t->n_seen < FRAME_HEAD) {
			t->frame[t->n_seen++] = *p++;
			if (t->n_seen < FRAME_HEAD)
				continue;
			t->n_left = (size_t)(t->frame[0] << 16 | t->frame[1] << 8 | t->frame[2]);
		} else {
			const size_t part =
				t->n_left < (size_t)(end - p) ? t->n_left : (size_t)(end - p);

			if (t->n_seen++ == FRAME_HEAD)
				t->frame[FRAME_HEAD] = *p;
			p += part;
			t->n_left -= part;
		}
		if (t->n_left)
			continue;
		t->n_seen = 0;
		rc = judge_frame(t);
		if (rc < 0)
			return -1;
		n += rc;
	}
	return n;
}

int load_talk_take(struct load_talk *t, const uint8_t *bytes, size_t len)
{
	switch (t->kind) {
	case TALK_REQUEST:
		return take_answers(t, bytes, len);
	case TALK_EVENT:
		return take_events(t, bytes, len);
	default:
		return take_frames(t, bytes, len);
	}
}
