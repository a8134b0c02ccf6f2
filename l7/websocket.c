// SPDX-License-Identifier: BSD-3-Clause
#include "l7/websocket.h"

#include "l7/tls_digest.h"

#include <errno.h>

enum {
	KEY_LEN = 24, // 16 bytes as base64
	BIT_FINAL = 0x80,
	BIT_MASK = 0x80,
	MASK_LEN = 4,
	CONTROL_MAX = 125, // section 5.5
	LEN_16 = 126,      // section 5.2
	LEN_64 = 127,
};

// --- handshake (section 4) ---

bool websocket_is_asked(const struct request *r)
{
	return r->method == METHOD_GET && r->minor >= 1 &&
	       header_has_token(r->upgrade, "websocket");
}

static bool is_base64(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/';
}

static bool is_key(struct slice key)
{
	if (key.len != KEY_LEN || key.ptr[22] != '=' || key.ptr[23] != '=')
		return false;
	for (size_t i = 0; i < 22; i++)
		if (!is_base64(key.ptr[i]))
			return false;
	return true;
}

// The only field of this kind, or NULL: two that differ would mean two things to two readers.
static const struct field *only_field(const struct fields *f, enum header id)
{
	const struct field *found = NULL;

	for (uint16_t i = 0; i < f->n; i++) {
		if (f->at[i].id != id || f->at[i].is_dropped)
			continue;
		if (found)
			return NULL;
		found = &f->at[i];
	}
	return found;
}

int websocket_check_request(const struct request *r, const char **why)
{
	const struct field *version = only_field(&r->fields, HEADER_SEC_WEBSOCKET_VERSION);
	const struct field *key = only_field(&r->fields, HEADER_SEC_WEBSOCKET_KEY);

	if (!version) {
		*why = "WebSocket: no Sec-WebSocket-Version, or several";
		return 400;
	}
	if (!slice_eq(version->value, slice_of("13", 2))) {
		*why = "WebSocket: version is not 13";
		return 426;
	}
	// RFC 8441 section 5: HTTP/2 has none.
	if (r->minor != MESSAGE_HTTP2 && (!key || !is_key(key->value))) {
		*why = "WebSocket: Sec-WebSocket-Key is not 16 bytes of base64";
		return 400;
	}
	if (r->body == BODY_CHUNKED || (r->body == BODY_LENGTH && r->content_length > 0)) {
		*why = "WebSocket: the handshake has a body";
		return 400;
	}
	return 0;
}

static void base64(char *out, const uint8_t *in, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3, out += 4) {
		uint32_t second = i + 1 < len ? in[i + 1] : 0, third = i + 2 < len ? in[i + 2] : 0;
		uint32_t bits = (uint32_t)in[i] << 16 | second << 8 | third;

		for (size_t k = 0; k < 4; k++)
			out[k] = i + k <= len ? digits[bits >> (18 - 6 * k) & 63] : '=';
	}
	*out = '\0';
}

void websocket_make_key(char out[WEBSOCKET_KEY_SIZE])
{
	uint8_t random[16];

	tls_digest_random(random, sizeof(random));
	base64(out, random, sizeof(random));
}

void websocket_accept(char out[WEBSOCKET_ACCEPT_SIZE], struct slice key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // section 1.3
	uint8_t text[KEY_LEN + sizeof(guid) - 1], digest[20];

	assert(key.len == KEY_LEN);
	memcpy(text, key.ptr, KEY_LEN);
	memcpy(text + KEY_LEN, guid, sizeof(guid) - 1);
	tls_digest_sha1(digest, slice_of(text, sizeof(text)));
	base64(out, digest, sizeof(digest));
}

bool websocket_check_response(const struct response *r, struct slice key)
{
	const struct field *accept = only_field(&r->fields, HEADER_SEC_WEBSOCKET_ACCEPT);
	char want[29];

	if (r->status != 101 || !header_eq(r->upgrade, "websocket") || !accept || !is_key(key))
		return false;
	websocket_accept(want, key);
	return slice_eq(accept->value, slice_of(want, 28));
}

// --- frames (section 5) ---

static bool is_control(uint8_t opcode)
{
	return opcode & 8;
}

// Bytes of the head, as far as its first two tell.
static uint8_t head_size(const struct websocket *w)
{
	uint8_t len, size = 2;

	if (w->head_len < 2)
		return 2;
	len = w->head[1] & LEN_64;
	if (len == LEN_16)
		size += 2;
	else if (len == LEN_64)
		size += 8;
	return w->head[1] & BIT_MASK ? size + MASK_LEN : size;
}

static bool is_opcode_in_order(const struct websocket *w, uint8_t opcode)
{
	switch (opcode) {
	case WEBSOCKET_CONTINUATION:
		return w->in_message;
	case WEBSOCKET_TEXT:
	case WEBSOCKET_BINARY:
		return !w->in_message;
	case WEBSOCKET_CLOSE:
	case WEBSOCKET_PING:
	case WEBSOCKET_PONG:
		return true;
	default:
		return false;
	}
}

// What the first two bytes may say here.
static bool is_start_valid(const struct websocket *w)
{
	uint8_t opcode = w->head[0] & 15, len = w->head[1] & LEN_64;
	bool is_masked = w->head[1] & BIT_MASK;

	if (is_masked != w->is_client || !is_opcode_in_order(w, opcode))
		return false;
	return !is_control(opcode) || (w->head[0] & BIT_FINAL && len <= CONTROL_MAX);
}

static uint64_t number_at(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

// The payload's length from a complete head; false if it is not minimal or too large.
static bool read_length(const uint8_t *head, uint64_t *len)
{
	*len = head[1] & LEN_64;
	if (*len == LEN_16) {
		*len = number_at(head + 2, 2);
		return *len >= LEN_16;
	}
	if (*len == LEN_64) {
		*len = number_at(head + 2, 8);
		return *len > UINT16_MAX && *len <= INT64_MAX;
	}
	return true;
}

static void end_frame(struct websocket *w)
{
	if (!is_control(w->opcode)) {
		w->in_message = !w->is_final;
		w->n_messages += w->is_final;
	} else if (w->opcode == WEBSOCKET_CLOSE) {
		w->is_closed = true;
	} else if (w->opcode == WEBSOCKET_PONG) {
		w->was_pong = true;
	}
}

// The head is complete. Frames without payload end with it.
static bool begin_frame(struct websocket *w)
{
	w->head_len = 0;
	w->opcode = w->head[0] & 15;
	w->is_final = w->head[0] & BIT_FINAL;
	if (!read_length(w->head, &w->left))
		return false;
	if (w->left == 0)
		end_frame(w);
	return true;
}

// The head in one piece, as most come. in->len >= sizeof(w->head): what is copied behind the head is never looked at.
static bool take_whole_head(struct websocket *w, struct slice *in)
{
	uint8_t size;

	memcpy(w->head, in->ptr, sizeof(w->head));
	w->head_len = 2;
	size = head_size(w);
	*in = slice_of(in->ptr + size, in->len - size);
	return is_start_valid(w) && begin_frame(w);
}

// Collects head bytes. Judges the first two as soon as they are there.
static bool take_head(struct websocket *w, struct slice *in)
{
	if (w->head_len == 0 && in->len >= sizeof(w->head))
		return take_whole_head(w, in);
	while (in->len > 0) {
		uint8_t had = w->head_len, size = head_size(w);
		size_t n = (size_t)(size - had);

		if (n > in->len)
			n = in->len;
		memcpy(w->head + had, in->ptr, n);
		*in = slice_of(in->ptr + n, in->len - n);
		w->head_len = (uint8_t)(had + n);
		if (had < 2 && w->head_len == 2 && !is_start_valid(w))
			return false;
		if (w->head_len >= 2 && w->head_len == head_size(w))
			return begin_frame(w);
	}
	return true;
}

int websocket_track(struct websocket *w, struct slice bytes)
{
	w->was_pong = false;
	while (bytes.len > 0) {
		if (w->left == 0) {
			if (w->is_closed || !take_head(w, &bytes))
				return -EPROTO;
			continue;
		}
		if (w->left > bytes.len) {
			w->left -= bytes.len;
			return 0;
		}
		bytes = slice_of(bytes.ptr + w->left, bytes.len - w->left);
		w->left = 0;
		end_frame(w);
	}
	return 0;
}

size_t websocket_write(uint8_t out[WEBSOCKET_FRAME_MAX], enum websocket_opcode opcode,
                       struct slice payload, const uint8_t mask[4])
{
	size_t at = 2;

	assert(is_control((uint8_t)opcode) && payload.len <= CONTROL_MAX);
	out[0] = (uint8_t)(BIT_FINAL | opcode);
	out[1] = (uint8_t)((mask ? BIT_MASK : 0) | payload.len);
	if (mask) {
		memcpy(out + at, mask, MASK_LEN);
		at += MASK_LEN;
	}
	for (size_t i = 0; i < payload.len; i++)
		out[at + i] = mask ? payload.ptr[i] ^ mask[i % MASK_LEN] : payload.ptr[i];
	return at + payload.len;
}

size_t websocket_write_close(uint8_t out[WEBSOCKET_FRAME_MAX], uint16_t code, const uint8_t mask[4])
{
	uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};

	return websocket_write(out, WEBSOCKET_CLOSE, slice_of(payload, 2), mask);
}
