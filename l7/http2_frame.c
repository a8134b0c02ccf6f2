// SPDX-License-Identifier: BSD-3-Clause
// A client's frames before nghttp2 has them: what it drops without a word, being told to forget streams that are closed and to leave
// priorities alone. Some of it is an error (RFC 9113 sections 5.1, 5.1.1 and 6.3; RFC 7540 section 5.3.1), and much of it is a flood.
#include "l7/http2_session.h"

enum {
	HEAD_SIZE = 9, // RFC 9113 section 4.1: length 24 bits, type, flags, number of the stream
	PRIORITY_SIZE = 5,
	COST_FRAME = 1, // in tenths of a reset; answers refund it
};

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t length_of(const struct http2_frames *f)
{
	return load32(f->head) >> 8;
}

static int32_t stream_id_of(const uint8_t *p)
{
	return (int32_t)(load32(p) & INT32_MAX);
}

// How many bytes have to come before it can be judged.
static size_t head_size(const struct http2_frames *f)
{
	bool is_priority = f->n_head >= HEAD_SIZE && f->head[3] == NGHTTP2_PRIORITY &&
	                   length_of(f) == PRIORITY_SIZE;

	return is_priority ? HEAD_SIZE + PRIORITY_SIZE : HEAD_SIZE;
}

static void note_number(struct http2_frames *f, int32_t id)
{
	if (id > f->last + 2) {
		f->gap_begin = f->last + 1;
		f->gap_end = id - 1;
	}
	f->last = id;
}

static bool has_ended(const struct http2_frames *f, int32_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(f->ended); i++)
		if (f->ended[i] == id)
			return true;
	return false;
}

// HEADERS or DATA of a stream that is no more. They may have been on their way when we reset it; then they are dropped.
static void judge_late(struct http2 *h, int32_t id, bool is_headers)
{
	const struct http2_frames *f = &h->frames;

	if (has_ended(f, id))
		http2_break(h, HTTP2_STREAM_CLOSED, "frame on a stream that its client has ended");
	else if (is_headers && id >= f->gap_begin && id <= f->gap_end)
		http2_break(h, HTTP2_PROTOCOL_ERROR, "stream opened below the last one");
	else
		http2_spend(h, COST_FRAME);
}

static void judge_priority(struct http2 *h, int32_t id)
{
	const struct http2_frames *f = &h->frames;

	if (!id || (length_of(f) == PRIORITY_SIZE && stream_id_of(f->head + HEAD_SIZE) == id))
		http2_break(h, HTTP2_PROTOCOL_ERROR, "PRIORITY of no stream, or on itself");
	else
		http2_spend(h, COST_FRAME);
}

static void judge(struct http2 *h)
{
	struct http2_frames *f = &h->frames;
	int32_t id = stream_id_of(f->head + 5);

	switch (f->head[3]) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		if (!(id & 1))
			return; // for nghttp2 to say
		if (id > f->last && f->head[3] == NGHTTP2_HEADERS)
			note_number(f, id);
		else if (id <= f->last && !http2_session_stream(h, id))
			judge_late(h, id, f->head[3] == NGHTTP2_HEADERS);
		return;
	case NGHTTP2_PRIORITY:
		judge_priority(h, id);
		return;
	case NGHTTP2_SETTINGS:
	case NGHTTP2_PING:
	case NGHTTP2_RST_STREAM:
	case NGHTTP2_CONTINUATION:
		return; // counted when it was right, or limited by nghttp2
	}
	http2_spend(h, COST_FRAME);
}

void http2_frame_init(struct http2 *h)
{
	h->frames.left = sizeof(HTTP2_PREFACE) - 1;
}

void http2_frame_ended(struct http2 *h, int32_t id)
{
	struct http2_frames *f = &h->frames;

	f->ended[f->n_ended++ % ARRAY_LEN(f->ended)] = id;
}

size_t http2_frame_next(struct http2 *h, struct slice bytes)
{
	struct http2_frames *f = &h->frames;
	size_t n = 0, payload;

	if (!f->left) {
		while (n < bytes.len && f->n_head < head_size(f))
			f->head[f->n_head++] = bytes.ptr[n++];
		if (f->n_head < head_size(f))
			return n;
		judge(h);
		f->left = length_of(f) - (uint32_t)(f->n_head - HEAD_SIZE);
		f->n_head = 0;
	}
	payload = f->left < bytes.len - n ? f->left : bytes.len - n;
	f->left -= (uint32_t)payload;
	return n + payload;
}
