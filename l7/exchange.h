// SPDX-License-Identifier: BSD-3-Clause
// A request of an HTTP/2 client and its answer: a stream of http2.h towards the client, one of stream.h towards the backend. Content that
// a backend does not take waits here, within the window that the client was given. One thread, that of the worker.
#pragma once

#include "l7/downstream_http2.h"
#include "l7/stream.h"

struct exchange {
	struct http2_stream h2;
	struct downstream *c;
	struct stream *stream; // NULL: not begun, or over
	struct stream_client from;
	struct buf_chain in;          // content that waits for the backend
	struct buf *trailers;         // that follow it, packed; NULL = none
	struct loop_task task;        // gives `in`, or frees
	struct exchange *next, *prev; // downstream_http2->exchanges
	uint64_t given;               // bytes of the answer
	uint64_t moved; // of these had left when a watch looked last, and one; 0 = none looked
	bool has_content;
	bool is_ended;     // all of the request came
	bool is_end_given; // and was given to the stream
	bool is_tunnel;    // WebSocket
	bool is_closed;    // freed by `task`
};

// What the connection's session tells; its owner is the struct downstream.
extern const struct http2_ops exchange_ops;

// One that takes nothing of what is there for it, though its window would be the client's to open.
void exchange_cut_if_stuck(struct exchange *e);
