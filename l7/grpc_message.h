// SPDX-License-Identifier: BSD-3-Clause
// Messages of a gRPC call in one direction (gRPC over HTTP/2, PROTOCOL-HTTP2.md, "Length-Prefixed-Message"): a flag, the length in
// four bytes, big endian, then the message. They are counted while they pass, in constant memory; DATA frames cut them anywhere
// and hold several, so what is given here are the frames' contents, one behind the other.
// Any thread; no allocation.
#pragma once

#include "l4/base/slice.h"

enum { GRPC_MESSAGE_HEAD = 5 };

struct grpc_message {          // all zero = at the start of a call
	uint64_t n;            // ended messages
	uint64_t n_compressed; // of these and the present one
	uint64_t n_bytes;      // of messages, without heads
	uint32_t left;         // bytes of the present message to come
	uint8_t head[GRPC_MESSAGE_HEAD];
	uint8_t head_len; // bytes of the head that came; 0 while a message is on its way
	bool in_message;  // a head was complete, its message is not
	bool is_broken;   // a flag that is neither 0 nor 1 came: no messages can be told any more
};

// Takes bytes from the front, up to where a message ends: true; or all of them, or none once broken: false.
bool grpc_message_next(struct grpc_message *g, struct slice *bytes);

// Looks at all of the bytes. The number of messages that ended in them; 0 once broken.
uint64_t grpc_message_take(struct grpc_message *g, struct slice bytes);

// Between two messages: where a call may end. A call that ends elsewhere was cut.
static inline bool grpc_message_is_between(const struct grpc_message *g)
{
	return !g->head_len && !g->in_message;
}
