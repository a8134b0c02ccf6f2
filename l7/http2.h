// SPDX-License-Identifier: BSD-3-Clause
// HTTP/2 (RFC 9113, HPACK RFC 7541) on one connection, either side, by nghttp2: the only door to it. Heads come and go as
// struct request and struct response (message.h), the same as HTTP/1's.
//
//   bytes from the peer -> http2_receive() -> ops->request() or ->response(), ->data(), ->end(), ->closed()
//   http2_request() or http2_respond(), http2_data(), http2_end() -> frames, which leave at the end of the loop's turn,
//   together with those of the connection's other streams
//
// Flow control: what is received counts against the peer's window until http2_consume() or http2_grant() gives it back; what is sent beyond
// the peer's window waits here, and http2_is_blocked() says so: then its source is to stop until ops->drained(). Of a client's
// streams only the window of the stream itself holds a backend up: that of the connection is given back as bytes come.
// Extended CONNECT (RFC 8441) looks like HTTP/1's upgrade: a request with `upgrade` "websocket", method GET, BODY_NONE and no
// Sec-WebSocket-Key; its answer is a response 101, and ops->end() is called only when the peer ends the tunnel.
//
// What floods is cut off: streams that are reset as soon as they are opened (CVE-2023-44487), CONTINUATION (2024), PING, SETTINGS,
// empty DATA and the like use up an allowance that requests which are answered refill; heads beyond the limits are
// decoded and dropped, far beyond them the connection ends with ENHANCE_YOUR_CALM.
//
// One thread, that of the connection's loop. No function below calls an op but http2_receive(), http2_drained(), http2_close() and
// the loop's task.
#pragma once

#include "l7/conn.h"
#include "l7/http1.h"
#include "l7/message.h"

// RFC 9113 section 7.
enum http2_error {
	HTTP2_NO_ERROR,
	HTTP2_PROTOCOL_ERROR,
	HTTP2_INTERNAL_ERROR,
	HTTP2_FLOW_CONTROL_ERROR,
	HTTP2_SETTINGS_TIMEOUT,
	HTTP2_STREAM_CLOSED,
	HTTP2_FRAME_SIZE_ERROR,
	HTTP2_REFUSED_STREAM,
	HTTP2_CANCEL,
	HTTP2_COMPRESSION_ERROR,
	HTTP2_CONNECT_ERROR,
	HTTP2_ENHANCE_YOUR_CALM,
	HTTP2_INADEQUATE_SECURITY,
	HTTP2_HTTP_1_1_REQUIRED,
};

// What a client begins with (section 3.4).
#define HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const char *http2_error_text(enum http2_error error); // "CANCEL"

struct http2;

// One request and its answer. Embedded in its owner's struct; from http2_request() or ops->open() until ops->closed().
// All zero at first; private but for id and http2.
struct http2_stream {
	struct http2 *http2;
	struct http2_stream *next, *prev; // http2->streams
	struct buf_chain out;             // to be sent
	struct slice lent;                // likewise, behind `out`; only while http2_data() runs
	struct buf *trailers;             // likewise, packed (head.h); NULL = none
	size_t n_out;                     // bytes of out and lent
	uint32_t unconsumed;              // of a server: bytes received and not given back
	int32_t id;                       // 0 = closed
	uint16_t flags;                   // http2_session.h
	uint8_t method;                   // enum method of the request
};

struct http2_ops {
	// Server: the peer opens a stream. Its memory, zero filled; NULL: no memory, it is refused.
	struct http2_stream *(*open)(struct http2 *h);
	// Server: the request's head. Borrowed until it returns.
	void (*request)(struct http2_stream *s, struct request *r);
	// Server: the head is malformed or beyond a limit; answer `status`, or reset it.
	void (*refused)(struct http2_stream *s, uint16_t status, const char *reason);
	// Client: the answer's head; interim ones have a status below 200.
	void (*response)(struct http2_stream *s, struct response *r);
	// Content.
	void (*data)(struct http2_stream *s, struct slice bytes);
	// The peer's part is complete; trailers may be NULL. Follows each head without content, too.
	void (*end)(struct http2_stream *s, const struct fields *trailers);
	// It was blocked and is no more.
	void (*drained)(struct http2_stream *s);
	// The last call, the memory is the owner's again. HTTP2_NO_ERROR: both parts were complete, or we reset it.
	// is_unprocessed: the peer says that it has not looked at the request (REFUSED_STREAM, GOAWAY).
	void (*closed)(struct http2_stream *s, enum http2_error error, bool is_unprocessed);
	// The peer's SETTINGS came: http2_room(), http2_takes_websockets() may say something else now. May be NULL.
	void (*settings)(struct http2 *h);
	// The peer takes no new streams (GOAWAY), and says why. May be NULL.
	void (*goaway)(struct http2 *h, enum http2_error error);
	// Both sides have said all, no stream is left: close the connection when conn_pending() is 0. Once.
	void (*over)(struct http2 *h);
};

struct http2_setup {
	struct conn *conn; // borrowed, outlives the session
	const struct http2_ops *ops;
	void *owner;             // http2_owner()
	struct request *request; // parsed into, used up before the op returns: the worker's
	struct response *response;
	struct fields *trailers;
	struct http1_limits limits; // of heads
	uint32_t n_streams;         // SETTINGS_MAX_CONCURRENT_STREAMS; of a server
	uint32_t stream_window;     // bytes that may be on their way to us, of one stream
	uint32_t connection_window; // of all
	bool is_server;
};

// 0 or -ENOMEM. SETTINGS leave at the end of the turn.
NODISCARD int http2_new(struct http2 **out, const struct http2_setup *setup);

// All streams end: ops->closed(error) for each. Memory is freed at the end of the turn. NULL is fine.
void http2_close(struct http2 *h, enum http2_error error);

// There are no streams, and have not been for a while: gives back what is kept for them.
void http2_rest(struct http2 *h);

void *http2_owner(const struct http2 *h);

// Takes all of `bytes`. 0; -EPROTO: the peer broke the protocol or floods, http2_reason() says how, GOAWAY is on its way and nothing
// more is to be received; -ENOMEM.
NODISCARD int http2_receive(struct http2 *h, struct slice bytes);
const char *http2_reason(const struct http2 *h);

// The connection's `drained`: what had to wait goes on.
void http2_drained(struct http2 *h);

// Sends what waits now, not at the end of the turn.
void http2_flush(struct http2 *h);

uint32_t http2_n_streams(const struct http2 *h);

// --- client ---

// Streams that may be opened now: what the peer allows, less what is open; 0 after GOAWAY.
uint32_t http2_room(const struct http2 *h);
bool http2_takes_websockets(const struct http2 *h); // SETTINGS_ENABLE_CONNECT_PROTOCOL
bool http2_has_settings(const struct http2 *h); // of the peer; before that, the above are guesses

// Opens a stream; *s is zero filled. Content follows by http2_data() and http2_end() unless it has none. 0, -ENOMEM, -EMSGSIZE or
// -EAGAIN: no room.
NODISCARD int http2_request(struct http2 *h, struct http2_stream *s, const struct request *r,
                            bool is_secure);

// --- server ---

// The answer's head; content and end follow unless it has none. False: it does not fit into a head that peers take; nothing was sent.
NODISCARD bool http2_respond(struct http2_stream *s, const struct response *r);
// A head before that one. False: it was left out, as it may be: the client takes none now.
bool http2_interim(struct http2_stream *s, const struct response *r);

// --- both ---

// Borrowed until it returns.
void http2_data(struct http2_stream *s, struct slice bytes);
void http2_end(struct http2_stream *s, const struct fields *trailers); // trailers may be NULL

// Bytes wait for the peer's window, or for the connection: bring no more until ops->drained().
bool http2_is_blocked(struct http2_stream *s);

// Bytes that wait, for the turn's end too. If there are any, ops->drained() is called when they have left.
size_t http2_unsent(struct http2_stream *s);

// Server: n bytes that ops->data() brought are no longer in our memory, the client may send as many again.
void http2_consume(struct http2_stream *s, size_t n);

// Client: all that ops->data() brought is no longer in our memory, the server may have `window` bytes of the stream on their way. It
// is told when less than half of that is left, so a window may be smaller than the one before: then it shrinks as it is used.
void http2_grant(struct http2_stream *s, uint32_t window);

// RST_STREAM; ops->closed() follows, from the loop. What was not sent is lost.
void http2_reset(struct http2_stream *s, enum http2_error error);

// Says GOAWAY in two steps (section 6.8): "soon" with a PING behind it, and when that is answered, or http2_shutdown() is called again,
// the number of the last stream that is served. Running streams go on.
void http2_shutdown(struct http2 *h);

// PING; http2_is_pinged() until it is answered.
void http2_ping(struct http2 *h);
bool http2_is_pinged(const struct http2 *h);
