// SPDX-License-Identifier: BSD-3-Clause
// Connections to backends, and the pool of those without a request. HTTP/1.1: one request at a time on each.
//
//   upstream_take() -> a stream has a connection: idle ones first, else a new one
//   upstream_head(), upstream_data(), upstream_end() -> the request
//   stream_response(), stream_interim(), stream_body(), stream_body_end() <- its answer (stream.h)
//   upstream_release() -> back to the pool, or closed
//
// One thread, that of the worker. An idle connection that says anything, or ends, is closed at once.
#pragma once

#include "l7/conn.h"
#include "l7/http1.h"
#include "l7/view.h"

struct stream;

enum upstream_state {
	UPSTREAM_CONNECTING, // TCP, then TLS
	UPSTREAM_IDLE,
	UPSTREAM_HEAD, // a request was given; its answer's head is awaited
	UPSTREAM_BODY, // the answer's content
	UPSTREAM_TRAILERS,
	UPSTREAM_TUNNEL, // bytes both ways
	UPSTREAM_DONE,   // the answer is complete
	UPSTREAM_CLOSED,
};

struct upstream {
	struct conn conn;
	struct worker *w;
	struct peer *peer;            // counted reference
	struct stream *stream;        // whose request it serves; NULL = idle or closing
	struct upstream *next, *prev; // peer->idle
	struct http1_chunked chunked; // of the answer
	uint64_t left;                // BODY_LENGTH: bytes of the answer to come
	uint32_t seen;                // bytes of an incomplete head that were looked at
	uint64_t idle_ms;             // since when it is idle
	uint32_t n_requests;          // served before this one
	uint16_t keepalive;           // idle connections kept of this backend
	uint8_t state;                // enum upstream_state
	uint8_t body;                 // enum body of the answer
	uint8_t request_body;         // enum body of the request
	bool is_persistent;           // after this answer
	bool is_secure;               // TLS
	bool is_private;              // PROXY protocol said whose it is: for no other client
	bool has_begun;               // some byte of the answer came
	uint32_t epoch;               // worker->epoch when it was made
	struct loop_task free;        // deferred
};

// A connection to the backend for the stream: one that is idle (then state is HEAD and the request can be sent at once), or a new
// one (CONNECTING: stream_opened() follows). *out untouched on failure: -errno of connect(2), -ENOMEM.
NODISCARD int upstream_take(struct upstream **out, struct stream *s, uint16_t pool,
                            uint16_t backend);

// The request's head as text; then content by its kind, and its end.
void upstream_head(struct upstream *u, struct slice head, uint8_t request_body);
void upstream_data(struct upstream *u, struct slice bytes);
void upstream_end(struct upstream *u, const struct fields *trailers); // trailers may be NULL

// The stream has no more use for it. `may_reuse`: the request was sent whole.
void upstream_release(struct upstream *u, bool may_reuse);

// Closes connections that are idle for longer, in ms, and those of an older configuration: their pool may speak TLS or the
// PROXY protocol now, or verify otherwise.
enum { UPSTREAM_IDLE_MS = 55000 }; // below the 60 s and 75 s after which common servers close
void upstream_sweep(struct worker *w, uint64_t longer_ms);
