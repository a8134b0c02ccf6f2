// SPDX-License-Identifier: BSD-3-Clause
// WebSocket (RFC 6455): the handshake is checked, then frames pass unchanged. The tracker knows where frames end,
// in constant memory, so that a control frame of ours (ping, close) can be put between two of them, and tells
// what the peers say to each other.
// Any thread; no allocation.
#pragma once

#include "l7/message.h"

// Whether the request asks for a WebSocket: GET, HTTP/1.1, "Upgrade: websocket" named by Connection.
bool websocket_is_asked(const struct request *r);

// 0; 400 if the handshake is malformed (key is not 16 bytes of base64, body), 426 if Sec-WebSocket-Version is not 13 (answer with
// "Sec-WebSocket-Version: 13"). *why: a reason for the log, static.
NODISCARD int websocket_check_request(const struct request *r, const char **why);

// Whether a 101 accepts this key: Upgrade, Connection and Sec-WebSocket-Accept are right. `key`: Sec-WebSocket-Key's value.
bool websocket_check_response(const struct response *r, struct slice key);

// 16 random bytes as base64 (section 4.1), and the end.
enum { WEBSOCKET_KEY_SIZE = 25 };
void websocket_make_key(char out[WEBSOCKET_KEY_SIZE]);

// "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" for a key, and the end.
enum { WEBSOCKET_ACCEPT_SIZE = 29 };
void websocket_accept(char out[WEBSOCKET_ACCEPT_SIZE], struct slice key);

enum websocket_opcode {
	WEBSOCKET_CONTINUATION = 0,
	WEBSOCKET_TEXT = 1,
	WEBSOCKET_BINARY = 2,
	WEBSOCKET_CLOSE = 8,
	WEBSOCKET_PING = 9,
	WEBSOCKET_PONG = 10,
};

enum { WEBSOCKET_FRAME_MAX = 131 }; // a control frame: 2 + 4 of mask + 125

// One direction of a connection. All zero = at its start; set is_client first.
struct websocket {
	uint64_t left;       // bytes of the present frame's payload to come
	uint64_t n_messages; // ended data messages
	uint8_t head[14];    // of the present frame, as far as it came
	uint8_t head_len;
	uint8_t opcode;  // of the present frame
	bool is_client;  // sent by the client: frames must be masked
	bool is_final;   // the present frame ends its message
	bool in_message; // between the frames of a fragmented message
	bool is_closed;  // a close frame came; nothing may follow it
	bool was_pong;   // a pong ended in the last call
};

// Looks at all of the bytes. 0, or -EPROTO if they are no frames: reserved opcode, wrong masking, control frame fragmented or
// above 125 bytes, data after close, length not minimal or above 2^63-1, continuation out of order. Reserved bits are the
// extensions' and pass.
NODISCARD int websocket_track(struct websocket *w, struct slice bytes);

// Whether a control frame may be put in now.
static inline bool websocket_is_between(const struct websocket *w)
{
	return w->left == 0 && w->head_len == 0;
}

// Writes a control frame; masked with `mask` (a client's), or not (NULL). payload: at most 125 bytes. Returns its length.
size_t websocket_write(uint8_t out[WEBSOCKET_FRAME_MAX], enum websocket_opcode opcode,
                       struct slice payload, const uint8_t mask[4]);

// A close frame with a status code (RFC 6455 section 7.4): 1001 going away, 1002 protocol error, 1011, 1012.
size_t websocket_write_close(uint8_t out[WEBSOCKET_FRAME_MAX], uint16_t code,
                             const uint8_t mask[4]);
