// SPDX-License-Identifier: BSD-3-Clause
// The access log: one JSON object a line for each request, written when it ended.
//   - access_write() makes the line; any text of a client is escaped (RFC 8259), invalid UTF-8 becomes \ufffd;
//   - struct access_log buffers the lines of one worker and appends them to the file with whole-line write(2)s, so that
//     workers may share a file (O_APPEND). A write that fails loses lines, which are counted and said in the
//     log once until it works again; it never blocks a stream for longer than the write(2) takes.
#pragma once

#include "l4/base/addr.h"
#include "l4/base/err.h"
#include "l4/base/slice.h"
#include "l4/model/counters.h"
#include "l7/text.h"

// Why a request or stream ended: REQUEST_ENDS of l4/model/counters.h.
#define X(SYMBOL, name, help) ACCESS_##SYMBOL,
enum access_end { ACCESS_NONE, REQUEST_ENDS(X) ACCESS_END_COUNT };
#undef X

extern const char *const access_end_names[ACCESS_END_COUNT];
extern const char *const access_end_helps[ACCESS_END_COUNT];

// Of an event stream, a WebSocket or a gRPC call: what was measured (meter.h). Spans in ns, 0 = there is none.
struct access_stream {
	bool is_measured;
	uint64_t first_event_ns; // since the request, or since a WebSocket's client first spoke
	uint64_t first_token_ns, first_token_delivered_ns; // likewise
	uint64_t gap_most_ns;                              // between two events
	uint64_t per_token_ns;
	uint64_t delay_most_ns; // that an event waited here
	uint64_t held_most_ns;  // that one waited for the client
	uint64_t events;
	uint64_t tokens_in, tokens_out; // as the stream states; 0 = it does not
	const char *model;              // of the configuration, or "other"; NULL = not said
};

// Everything is borrowed until access_write() returns. Times are of one monotonic clock, in ns, 0 = did not happen.
struct access_record {
	uint64_t start_real_ns; // CLOCK_REALTIME when the request's first byte came
	uint64_t start_ns;      // the same moment, monotonic
	uint64_t
		connect_ns; // the backend's connection was ready (equals picked_ns if one was reused)
	uint64_t picked_ns;     // a backend was asked for
	uint64_t first_byte_ns; // the backend's first byte
	uint64_t end_ns;
	uint64_t bytes_in;  // from the client, content only
	uint64_t bytes_out; // to the client, content only
	struct slice method, host, target, user_agent, referer, request_id;
	struct addr client;
	be16 client_port;
	uint16_t status;  // as sent to the client; 0 = none
	uint8_t minor;    // HTTP/1.minor
	uint8_t end;      // enum access_end
	uint8_t attempts; // backends tried
	uint8_t resent;   // times that the request was given to a backend, but for the first
	uint8_t grpc_status;
	bool has_grpc_status;
	bool is_reused; // the backend's connection had served before
	const char *l7; // names of the configuration; NULL = none
	const char *pool;
	const char *backend;
	const char *protocol;    // "http/1.1" "websocket" "sse" "grpc" "grpc-web"
	const char *tls_version; // NULL = clear
	const char *server_name;
	const char *reason;     // in words, NULL = none
	const char *stream_end; // meter_end_names; NULL = it was no stream
	struct access_stream stream;
};

// The line with its newline: {"time":"2026-11-21T12:00:00.123Z","client":"192.0.2.7:40000","l7":"api","method":"GET",...}. Times:
// "connect_ms", "first_byte_ms", "total_ms" and others end with three decimals. What is NULL, empty or did not happen is left out. Long texts are cut
// (1024 bytes each) so that the line always fits in ACCESS_LINE_MAX.
enum { ACCESS_LINE_MAX = 16384 };
void access_write(struct text *line, const struct access_record *r);

struct access_log;

// "-" is stdout. O_APPEND, mode 0640. -ENOMEM or what open(2) said, with *err.
NODISCARD int access_open(struct access_log **out, const char *file, struct err *err);
void access_close(struct access_log *log); // flushes; NULL is fine

void access_put(struct access_log *log, const struct access_record *r);
void access_flush(struct access_log *log); // after a quarter of a second at most
// Opens the file anew (it was rotated away); the old one stays if that fails.
NODISCARD int access_reopen(struct access_log *log, struct err *err);
uint64_t access_lost(const struct access_log *log); // lines that could not be written
