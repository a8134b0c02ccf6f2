// SPDX-License-Identifier: BSD-3-Clause
// What a stream holds of its backend: one request's way there and its answer's way back, whatever the protocol. HTTP/1.1: a
// connection (upstream_http1.c); HTTP/2: a stream on one (upstream_http2.c).
//
//   upstream_take() -> a stream has its way: is_open says that the request can be sent; else stream_opened() follows
//   upstream_head(), upstream_data(), upstream_end() -> the request
//   stream_response(), stream_interim(), stream_body(), stream_body_end() <- its answer (stream.h)
//   upstream_release() -> back to the pool, or closed
//
// One thread, that of the worker. No function below calls a function of the stream.
#pragma once

#include "l4/base/slice.h"

struct conf_pool;
struct fields;
struct peer;
struct stream;
struct upstream;
struct worker;

struct upstream_ops {
	int (*head)(struct upstream *u, struct slice head, uint8_t body);
	void (*data)(struct upstream *u, struct slice bytes);
	void (*end)(struct upstream *u, const struct fields *trailers);
	bool (*is_blocked)(struct upstream *u);
	bool (*is_full)(struct upstream *u);
	void (*flush)(struct upstream *u);
	void (*resume)(struct upstream *u);
	void (*release)(struct upstream *u, bool may_reuse);
	const char *(*reason)(struct upstream *u);
};

struct upstream {
	const struct upstream_ops *ops;
	struct stream *stream; // whose request it serves; NULL = none
	bool is_open;          // connected: the request can be sent
	bool is_reused;        // the connection had served before, and may be closed for its age
	bool is_http2;
};

// A way to the backend for the stream: over a connection that is there, or a new one. What is spoken is the pool's "protocol"; of HTTP_AUTO
// what the backend's ALPN said last; a WebSocket goes by HTTP/1 if the backend's HTTP/2 knows none (RFC 8441). *out untouched on
// failure: -errno of connect(2), -ENOMEM.
NODISCARD int upstream_take(struct upstream **out, struct stream *s, uint16_t pool,
                            uint16_t backend);

// The backend asks for HTTP/1.1 though it speaks HTTP/2 (RFC 9113 section 7, HTTP_1_1_REQUIRED), for something that it was asked, or for
// all: so it is done for a while.
enum { UPSTREAM_HTTP1_MS = 300000 };
bool upstream_wants_http1(const struct worker *w, const struct peer *peer);

// Whether a pool's streams keep their heads packed (head.h), because HTTP/2 may be spoken; else as HTTP/1's text.
bool upstream_packs(const struct conf_pool *pool);

// The request's head as it was kept by the stream; then content by its kind (enum body), and its end. 0, -ENOMEM, or -EMSGSIZE: the head
// is too long for HTTP/2; then it has to be given back.
NODISCARD static inline int upstream_head(struct upstream *u, struct slice head, uint8_t body)
{
	return u->ops->head(u, head, body);
}

// Borrowed until the present callback returns, or until upstream_flush().
static inline void upstream_data(struct upstream *u, struct slice bytes)
{
	u->ops->data(u, bytes);
}

static inline void upstream_end(struct upstream *u, const struct fields *trailers) // may be NULL
{
	u->ops->end(u, trailers);
}

// Some of what was given waits, as far as known: give no more until stream_upstream_drained().
static inline bool upstream_is_blocked(struct upstream *u)
{
	return u->ops->is_blocked(u);
}

// The same, for sure: what is gathered is sent first.
static inline bool upstream_is_full(struct upstream *u)
{
	return u->ops->is_full(u);
}

// What was given leaves now, if it can.
static inline void upstream_flush(struct upstream *u)
{
	u->ops->flush(u);
}

// The client has taken what it was given: more of the answer may come.
static inline void upstream_resume(struct upstream *u)
{
	u->ops->resume(u);
}

// The stream has no more use for it. `may_reuse`: the answer is complete, and the request was sent whole.
static inline void upstream_release(struct upstream *u, bool may_reuse)
{
	u->ops->release(u, may_reuse);
}

// Why it failed, in words, "" if errno says it all; borrowed until it is released.
static inline const char *upstream_reason(struct upstream *u)
{
	return u->ops->reason(u);
}

// Closes connections that are idle for longer, in ms, and those of an older configuration: their pool may speak TLS or the
// PROXY protocol now, or verify otherwise.
enum { UPSTREAM_IDLE_MS = 55000 }; // below the 60 s and 75 s after which common servers close
void upstream_sweep(struct worker *w, uint64_t longer_ms);
