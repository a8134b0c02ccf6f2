// SPDX-License-Identifier: BSD-3-Clause
// HTTP/1.1 towards backends: one request at a time on each connection, those without one are kept (peer->idle). An idle
// connection that says anything, or ends, is closed at once. One thread, that of the worker.
#pragma once

#include "l7/http1.h"
#include "l7/upstream.h"
#include "l7/upstream_conn.h"

enum upstream_http1_state {
	UPSTREAM_HTTP1_CONNECTING, // TCP, then TLS
	UPSTREAM_HTTP1_IDLE,
	UPSTREAM_HTTP1_HEAD, // a request was given, or may be; its answer's head is awaited
	UPSTREAM_HTTP1_BODY, // the answer's content
	UPSTREAM_HTTP1_TRAILERS,
	UPSTREAM_HTTP1_TUNNEL, // bytes both ways
	UPSTREAM_HTTP1_DONE,   // the answer is complete
};

struct upstream_http1 {
	struct upstream up;
	struct upstream_conn link;
	struct upstream_http1 *next, *prev; // peer->idle
	struct http1_chunked chunked;       // of the answer
	uint64_t left;                      // BODY_LENGTH: bytes of the answer to come
	uint64_t idle_ms;                   // since when it is idle
	uint32_t seen;                      // bytes of an incomplete head that were looked at
	uint16_t keepalive;                 // idle connections kept of this backend
	uint8_t state;                      // enum upstream_http1_state
	uint8_t body;                       // enum body of the answer
	uint8_t request_body;               // enum body of the request
	bool is_persistent;                 // after this answer
	bool has_begun;                     // some byte of the answer came
	bool is_packed;                     // heads are
	bool is_asking;                     // its ALPN says what the backend speaks
};

// upstream_take() of a pool that speaks HTTP/1.
NODISCARD int upstream_http1_take(struct upstream **out, struct stream *s, uint16_t pool,
                                  struct peer *peer);

// upstream_sweep() of one backend; the caller holds a reference to it.
void upstream_http1_sweep(struct peer *peer, uint64_t longer_ms);
