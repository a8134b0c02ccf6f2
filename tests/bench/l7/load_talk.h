// SPDX-License-Identifier: BSD-3-Clause
// What a client says to a proxy in `l7_load turns`, and when it has its answers: no more of HTTP than that takes, so that the client
// costs little and always the same. One load_talk for each connection; several requests at once only over HTTP/2.
#pragma once

#include "l4/base/cc.h"
#include "l4/base/slice.h"

enum load_talk_kind { TALK_REQUEST, TALK_H2, TALK_GRPC, TALK_EVENT, TALK_COUNT };

enum { TALK_MAX = 8192 }; // bytes of what is said at once

// What a kind is made of.
struct load_talk_shape {
	const char *name;
	uint32_t n_connections; // to each proxy
	uint32_t n_at_once;     // on each of them
};

extern const struct load_talk_shape load_talk_shapes[TALK_COUNT];

// All zero but `kind` at first.
struct load_talk {
	enum load_talk_kind kind;
	uint32_t next_stream; // HTTP/2
	uint32_t n_acks;      // SETTINGS to be acknowledged
	size_t n_seen;        // bytes of the present answer, its head included; or of a frame's
	size_t n_left;        // bytes of the answer's content, or of a frame's payload
	uint8_t frame[10];    // HTTP/2: the head of a frame and the first byte behind it
	uint8_t last[4];      // HTTP/1: the latest bytes
	bool in_content;
};

// Both fill bytes[TALK_MAX] and return the length: when the connection is open, may be nothing; and for a round, nothing in an
// event stream, where the origin speaks.
size_t load_talk_hello(struct load_talk *t, char *bytes, uint32_t proxy);
size_t load_talk_ask(struct load_talk *t, char *bytes);

// How many answers, or events, end in these bytes; -1: that is no answer with status 200.
int load_talk_take(struct load_talk *t, const uint8_t *bytes, size_t len);
