// SPDX-License-Identifier: BSD-3-Clause
// HTTP/1 on the wire: heads, chunks and trailers, zero copy, no allocation, no system call.
//
// Strict by RFC 9112 and 9110. What two parsers could read in two ways is refused, whatever the RFC lets a lenient one
// accept: bare CR or LF, obs-fold, blanks before the colon or at a line's start, control characters, a
// Content-Length beside Transfer-Encoding, several or signed Content-Lengths, a transfer coding other than exactly
// one "chunked", Transfer-Encoding in HTTP/1.0, chunk sizes with anything but hex digits, no Host or two of them, a
// Host that is not host[:port] or differs from an absolute target's. One empty line before a request line is skipped
// (section 2.2). Chunk extensions are checked and dropped, never passed on.
//
// A parse function returns
//   > 0  bytes consumed, *out is filled with slices borrowed from `in`
//   0    needs more: call again with the same bytes and more behind them, and seen = what was there before
//   < 0  malformed or beyond a limit: -(enum http1_error); the connection cannot go on
// *out is of use only after > 0: it is too large to be filled twice. A fault in a line that is incomplete may be told only when
// the line ends: what was seen is looked at again only then, or when a limit is met.
//
// A field that Connection names and that the list of header.h does not know is dropped (is_dropped); one of the list is passed
// on as its class says, so that a client cannot have an Authorization taken away. Any thread.
#pragma once

#include "l7/message.h"
#include "l7/text.h"

#include <sys/types.h>

// X(SYMBOL, status to answer, "reason for the log")
#define HTTP1_ERRORS(X)                                                      \
	X(LINE, 400, "malformed request line")                               \
	X(METHOD, 400, "method is no token")                                 \
	X(TARGET, 400, "malformed request target")                           \
	X(VERSION, 400, "not HTTP/1.0 or HTTP/1.1")                          \
	X(MAJOR, 505, "HTTP version is not 1")                               \
	X(STATUS, 502, "malformed status line")                              \
	X(BARE_CR, 400, "carriage return without line feed")                 \
	X(BARE_LF, 400, "line feed without carriage return")                 \
	X(CONTROL, 400, "control character")                                 \
	X(NAME, 400, "malformed field name, or blank before the colon")      \
	X(FOLD, 400, "line folding")                                         \
	X(HOST_MISSING, 400, "no Host")                                      \
	X(HOST_TWICE, 400, "several Host fields")                            \
	X(HOST, 400, "malformed Host, or not the target's")                  \
	X(LENGTH, 400, "malformed Content-Length")                           \
	X(LENGTH_TWICE, 400, "several Content-Length")                       \
	X(LENGTH_AND_CODING, 400, "Content-Length beside Transfer-Encoding") \
	X(CODING, 400, "transfer coding is not exactly one chunked")         \
	X(CODING_UNKNOWN, 501, "unknown transfer coding")                    \
	X(CODING_IN_1_0, 400, "Transfer-Encoding in HTTP/1.0")               \
	X(CONNECTION, 400, "Connection names too many fields")               \
	X(CHUNK_SIZE, 400, "malformed chunk size")                           \
	X(CHUNK_EXTENSION, 400, "malformed or too long chunk extension")     \
	X(CHUNK_END, 400, "chunk does not end where its size says")          \
	X(TRAILER, 400, "field not allowed in a trailer")                    \
	X(LINE_TOO_LONG, 414, "request line beyond limits.line")             \
	X(HEAD_TOO_LONG, 431, "head beyond limits.header")                   \
	X(TOO_MANY_FIELDS, 431, "more fields than limits.headers")

#define X(SYMBOL, status, text) HTTP1_##SYMBOL,
enum http1_error { HTTP1_OK, HTTP1_ERRORS(X) HTTP1_ERROR_COUNT };
#undef X

extern const uint16_t
	http1_error_status[HTTP1_ERROR_COUNT]; // for a client; a backend's faults are 502
extern const char *const http1_error_text[HTTP1_ERROR_COUNT];

struct http1_limits {
	uint32_t line;   // bytes of the request or status line
	uint32_t head;   // bytes of the whole head, or trailer section
	uint16_t fields; // at most 256
};

NODISCARD ssize_t http1_parse_request(struct request *out, struct slice in, size_t seen,
                                      const struct http1_limits *limits);

// `method` (enum method) of the request that is answered decides about the body: HEAD, CONNECT. 1xx have BODY_NONE
// (another response follows), 101 BODY_TUNNEL.
// The blank behind the status may be missing, as it is from many servers. 204 with a transfer coding is not persistent: some
// servers send a last chunk.
NODISCARD ssize_t http1_parse_response(struct response *out, struct slice in, size_t seen,
                                       uint8_t method, const struct http1_limits *limits);

// The trailer section after the last chunk, its empty line included. Fields that frame, route or authenticate
// (RFC 9110 section 6.5.1: header_classes other than END_TO_END, Host, Authorization, Cookie, Content-*) are an error.
NODISCARD ssize_t http1_parse_trailers(struct fields *out, struct slice in, size_t seen,
                                       const struct http1_limits *limits);

// --- chunked (RFC 9112 section 7.1) ---

struct http1_chunked {       // all zero = at the start
	uint64_t left;       // bytes of the present chunk's data still to come
	uint32_t excess;     // bytes of extensions beyond what the data would excuse, bounded
	uint16_t line;       // bytes of the present size line, bounded
	uint8_t state;       // the decoder's own
	bool is_at_trailers; // last chunk seen: what follows is for http1_parse_trailers()
};

// Takes framing and at most one stretch of data from the front of `in`: returns the bytes consumed (0 only if `in` is
// empty or is_at_trailers), *data is the stretch, empty if the bytes were framing only. Nothing is held: call on
// until all is consumed or is_at_trailers. Keeps its place across any split of the input.
NODISCARD ssize_t http1_decode_chunks(struct http1_chunked *c, struct slice in, struct slice *data);

// --- writing ---

// "METHOD target HTTP/1.1" and the fields that are not dropped, and the empty line. Target = path ?query. Framing is from
// r->body and content_length: FRAMING and HOP fields of the list are never written, except Connection and Upgrade, which
// are written anew: Connection: Upgrade if r->upgrade is set; else nothing if is_persistent, "close" if not.
// CONNECT has its authority for a target. Without a Host among the fields, one is written from the authority.
void http1_write_request(struct text *t, const struct request *r);

// "HTTP/1.1 status reason"; likewise. Towards an HTTP/1.0 client (client_minor 0) BODY_CHUNKED must have been
// turned into BODY_UNTIL_CLOSE by the caller; "Connection: keep-alive" is said to it where is_persistent.
// With BODY_NONE a Content-Length among the fields is passed on (HEAD, 304), but never with 1xx and 204.
void http1_write_response(struct text *t, const struct response *r, uint8_t client_minor);

// "1f\r\n" before len bytes of data; "\r\n" follows them. len > 0.
void http1_write_chunk_size(struct text *t, uint64_t len);

// "0\r\n", the trailer fields (NULL = none) and the empty line.
void http1_write_last_chunk(struct text *t, const struct fields *trailers);

// The standard's phrase for a status, "" if it has none.
const char *http1_reason(uint16_t status);
