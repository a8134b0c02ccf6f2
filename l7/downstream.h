// SPDX-License-Identifier: BSD-3-Clause
// A client's connection: accepted, PROXY header and TLS if the l7 entry has them, then HTTP/1.1 (downstream_http1.c), requests one after
// the other, or HTTP/2 (downstream_http2.c), many at once; each request is a stream. Time-outs between and before requests are kept here, those within one in stream_clock.c.
// One thread, that of the worker.
#pragma once

#include "l7/conn.h"
#include "l7/http1.h"
#include "l7/http2.h"
#include "l7/listener.h"
#include "l7/stream.h"

enum downstream_state {
	DOWNSTREAM_PROXY,     // PROXY header is awaited
	DOWNSTREAM_HANDSHAKE, // TLS
	DOWNSTREAM_HEAD,      // a request's head
	DOWNSTREAM_BODY,      // its content
	DOWNSTREAM_TRAILERS,
	DOWNSTREAM_WAIT,   // the request is whole; its answer is on its way
	DOWNSTREAM_TUNNEL, // bytes both ways
	DOWNSTREAM_HTTP2,  // streams of HTTP/2
	DOWNSTREAM_LINGER, // all is said; the peer's end is awaited, what it sends is dropped
	DOWNSTREAM_CLOSED,
};

struct downstream_http2;

struct downstream {
	struct conn conn;
	struct worker *w;
	struct downstream *next, *prev; // worker->clients
	struct listener *listener;      // counted reference
	struct stream *stream;          // of the present request; NULL = none
	struct downstream_http2 *http2; // owned; NULL = HTTP/1
	struct stream_client from;
	struct timer timer;           // head, idle, linger; client_idle_ms while it takes nothing
	struct http1_chunked chunked; // of the request
	uint64_t left;                // BODY_LENGTH: bytes of the request to come
	uint64_t begun_ms;            // accepted
	size_t stalled;               // bytes not acknowledged when the timer was started
	uint32_t seen;                // bytes of an incomplete head that were looked at
	uint32_t n_requests;
	uint64_t accepted_ns; // monotonic
	uint8_t state;        // enum downstream_state
	uint8_t protocol;     // enum telemetry_protocol
	uint8_t body;         // enum body of the request
	bool is_persistent;   // after the present request
	bool is_chunked;      // the answer goes out in chunks
	bool is_until_close;  // the answer ends with the connection
	bool is_watched;      // bytes wait for the client: the timer looks whether it takes them
	struct loop_task free;
};

// Takes over fd.
void downstream_accept(struct listener *l, int fd, const union io_address *from);

// Says no more: FIN after what was sent; closed when the peer ends too, or some seconds after it has taken all. Closing at once would
// reset the connection if the peer still sends, and it would not see our answer.
void downstream_linger(struct downstream *c);
void downstream_close(struct downstream *c, bool is_reset);

// What is spoken on it is known, or changes.
void downstream_speaks(struct downstream *c, enum telemetry_protocol protocol);

// Bytes wait for the client: it is given up if it takes none of them for client_idle_ms.
void downstream_watch(struct downstream *c);

// Begins to wait for the next request.
void downstream_next(struct downstream *c);

// In a drain: closes a connection between two requests of which nothing more came. One that has not asked yet may ask once.
void downstream_close_if_idle(struct downstream *c);

const struct conf_l7 *downstream_l7(const struct downstream *c); // NULL: the service is gone

// --- downstream_http1.c ---
extern const struct stream_ops downstream_http1_ops;
size_t downstream_http1_received(struct downstream *c, struct slice bytes);
void downstream_http1_refuse(struct downstream *c, uint16_t status,
                             const char *reason); // answers, then lingers

// --- downstream_http2.c ---
void downstream_http2_begin(struct downstream *c);
size_t downstream_http2_received(struct downstream *c, struct slice bytes);
void downstream_http2_drained(struct downstream *c);
void downstream_http2_timer(struct downstream *c);
// GOAWAY; the connection ends with its last stream.
void downstream_http2_shutdown(struct downstream *c);
// Its streams end; for downstream_close().
void downstream_http2_close(struct downstream *c);
