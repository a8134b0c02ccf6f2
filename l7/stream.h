// SPDX-License-Identifier: BSD-3-Clause
// A stream: one request and its answer, from the client's side to the backend's and back. It routes, picks, retries,
// watches the clock, keeps the books; bytes of content pass through it and are never held:
//
//	client -> stream_new() stream_data() stream_end()          -> upstream_head() _data() _end()
//	client <- ops->respond() ->data() ->end()      <- stream_response() stream_body() stream_body_end()
//
// The client side is a table of functions, so that one stream serves HTTP/1 connections and HTTP/2 streams. A slow side stops the other:
// bytes are not taken from a connection while the one they go to has some waiting.
// One thread, that of the worker.
#pragma once

#include "l7/access.h"
#include "l7/event_stream.h"
#include "l7/grpc_web.h"
#include "l7/http1.h"
#include "l7/message.h"
#include "l7/route.h"
#include "l7/telemetry.h"
#include "l7/timer.h"
#include "l7/upstream.h"
#include "l7/view.h"
#include "l7/websocket.h"

struct stream;
struct tunnel;
struct stream_meter;
struct stream_note;

// What a stream tells its client. `client` is the pointer given to stream_new(). None of these calls back into the stream.
struct stream_ops {
	// A head; content follows by r->body (enum body). For 101: bytes both ways follow.
	// False: the head is longer than can be sent; nothing was.
	bool (*respond)(void *client, struct response *r);
	// 1xx but 101. False: left out, as the client takes none now.
	bool (*interim)(void *client, struct response *r);
	void (*data)(void *client, struct slice bytes);
	void (*end)(void *client,
	            const struct fields *trailers); // of the content; trailers may be NULL
	// Bytes given to `data` that have not left; flushes first.
	size_t (*pending)(void *client);
	// The same after pending(), with what waits for the turn's end only: if any, stream_drained() follows when it has left.
	size_t (*unsent)(void *client);
	// Bytes that were sent on its connection and that it has not acknowledged.
	size_t (*untaken)(void *client);
	// Content of the request may come again, or is to stop.
	void (*pause)(void *client, bool is_on);
	// The stream is over and gets freed: the client forgets it. is_broken: the answer is not complete: break the connection.
	void (*finished)(void *client, bool is_broken);
};

// How the client is reached, for rewriting, PROXY protocol and the log. Belongs to the client, outlives the stream.
struct stream_client {
	const struct stream_ops *ops;
	void *client; // handed to ops
	struct addr address, local;
	be16 port, local_port;
	bool is_secure;
	uint8_t minor;                    // of the request: HTTP/1.minor, MESSAGE_HTTP2
	const char *tls_version;          // NULL = clear
	const char *server_name;          // SNI; NULL = none
	uint64_t started_ns;              // when the request's first byte came
	struct telemetry_service service; // where it is counted
};

// How far a request had come when its way to the backend broke.
enum stream_reach {
	STREAM_UNPROCESSED, // nobody has looked at it
	STREAM_SILENT,      // nothing came back
	STREAM_BEGUN,       // some of an answer came, or the backend said that it failed
};

enum stream_phase {
	STREAM_CONNECTING, // to a backend
	STREAM_SENDING,    // the request; the answer has not begun
	STREAM_WAITING,    // the request is sent
	STREAM_ANSWERING,
	STREAM_TUNNEL,
};

struct stream {
	struct worker *w;
	struct view *view;                // counted reference; NULL once it is not needed any more
	struct site_conf *shared;         // counted reference instead; NULL while there is a view
	struct stream *next, *prev;       // worker->streams
	const struct stream_client *from; // borrowed
	const struct conf_l7 *l7;
	const struct site_route *route;
	struct upstream *up; // NULL: none, or given back
	struct peer *peer;   // counted reference, load counted
	struct buf *head;    // the request's head as it goes to a backend, until an answer begins
	struct buf *content; // likewise its content, as far as it was sent; NULL = none or too much
	struct buf *trailers;       // packed, of an answer of gRPC without messages; NULL = none
	struct tunnel *tunnel;      // WebSocket; owned
	struct stream_meter *meter; // event streams, WebSockets, gRPC calls; owned, may be NULL
	struct stream_note *note;   // for the log; owned, NULL without a log
	struct timer timer;         // stream_clock.c's
	uint64_t started_ns, picked_ns, connected_ns, first_byte_ns; // monotonic, 0 = not yet
	uint64_t attempt_ns;              // likewise: when the present backend was picked
	struct telemetry_service service; // where it is counted
	uint64_t bytes_in, bytes_out;
	// stream_clock.c's: when, on the loop's clock; 0 = never
	uint64_t phase_ms, total_ms, beat_ms, stall_ms;
	uint64_t body_limit; // bytes of the request's content, 0 = none
	uint32_t hash;
	uint16_t status;
	uint16_t backend;  // of the present attempt
	uint16_t tried[4]; // backends of failed attempts
	uint8_t n_tried;
	uint8_t n_attempts;
	uint8_t n_sent; // times that a backend was given the request's head
	uint8_t stream_end; // 1 + enum meter_end, once a stream of events or messages has ended; 0 = it was none
	uint8_t n_agains;      // ways that turned out to be none
	uint8_t n_unprocessed; // attempts that ended so
	uint8_t phase;         // enum stream_phase
	uint8_t method;        // enum method
	uint8_t request_body;  // enum body
	bool is_request_done;  // all of it was given to the backend
	bool is_held_up;       // the backend takes no content, for longer than the client had
	bool is_content_sent;  // some content was: no retry, unless it was kept
	bool is_content_kept;  // all of what was sent
	bool is_content_whole; // it was all there is
	bool is_key_ours;      // websocket_key: the client gave none
	bool is_reused;
	bool is_websocket; // asked for
	bool is_event_stream;
	bool is_grpc;      // an answer to a call: counted as one
	bool is_responded; // a head was given to the client
	bool has_deadline; // total_ms is the client's (grpc-timeout)
	bool has_grpc_status;
	uint8_t grpc_status;  // as the client is told
	uint8_t reset_status; // enum grpc_status of the backend's reset, 0 = none
	uint8_t grpc;         // enum grpc_kind of the request
	struct grpc_web web;  // grpc
	union {
		// Of gRPC: of the client, of the backend. The first of a union is what is zeroed: the larger one.
		struct grpc_message messages[2];
		struct event_stream events; // is_event_stream
	};
	union {
		char websocket_key[WEBSOCKET_KEY_SIZE]; // Sec-WebSocket-Key
		char grpc_subtype[WEBSOCKET_KEY_SIZE];  // "+proto" of the request's Content-Type
	};
};

static_assert(sizeof(((struct stream *)0)->messages) >= sizeof(struct event_stream),
              "what is zeroed of the union is its first member");

// Routes the request and sends it to a backend, or answers it: *out is NULL if it was answered already (`finished` was not called).
// `r` is used up. The client then gives the content: only while stream_takes().
void stream_new(struct stream **out, struct worker *w, const struct stream_client *from,
                uint16_t l7, struct request *r);

// Whether content may be given now; if not, ops->pause(false) says when.
bool stream_takes(const struct stream *s);
// Some of what was given waits for the backend: give no more. Flushes.
bool stream_is_full(struct stream *s);
// False: the content is beyond its limit and the stream was answered with 413 and is finished.
NODISCARD bool stream_data(struct stream *s, struct slice bytes);
void stream_end(struct stream *s, const struct fields *trailers);

// The request turned out to be malformed in its content.
void stream_refuse(struct stream *s, uint16_t status, const char *reason);

// The client went away, or did what ends its stream. The stream is freed; ops->finished is not called.
void stream_abort(struct stream *s, enum access_end end, const char *reason);

// What waited for the client has left; some of it has.
void stream_drained(struct stream *s);
void stream_moved(struct stream *s);

// Lets go of the tables of a site that is not the newest: what is being answered needs its configuration alone. Called now and
// then, so that a stream of days does not keep every site that it has seen.
void stream_release_view(struct stream *s);

// Its backend was taken down: 503, or what is running ends. ops->finished is called.
void stream_take_down(struct stream *s);

// Cut at the end of the grace time; ops->finished is called.
void stream_cut(struct stream *s);

// --- among the files of a stream: stream.c, stream_attempt.c, stream_clock.c, stream_answer.c ---

// Sends the request to a backend, or to the next one; answers 502 or 503 if nobody is left.
void stream_attempt(struct stream *s);
// Gives back the connection, and takes the load off the backend.
void stream_leave_backend(struct stream *s, bool may_reuse);
// An answer of our own, if none has begun; else the connection is broken, as nothing else can tell the client. The stream is freed.
void stream_give_up(struct stream *s, uint16_t status, enum access_end end, const char *reason);
// The same of a gRPC call, which ends with this enum grpc_status.
void stream_give_up_call(struct stream *s, uint8_t status, enum access_end end, const char *reason);
void stream_timed_out(struct stream *s, enum access_end end);
void stream_connect_timed_out(struct stream *s);
// Counts, and tells the client. False: the head is too long, nothing was told.
NODISCARD bool stream_respond(struct stream *s, struct response *r);

// --- for upstream.c ---
void stream_opened(struct stream *s); // the connection is ready
// It broke: -errno; -EPROTO: TLS; upstream_reason() may say more.
void stream_failed(struct stream *s, int error, enum stream_reach reach);
// This way leads nowhere, another one to the same backend is to be taken: it speaks or wants another protocol than was thought, or is
// full. Nothing of the request was sent, or stream_replay_is_possible().
void stream_again(struct stream *s);
// The backend reset it; stream_failed() follows.
void stream_was_reset(struct stream *s, enum http2_error error);
void stream_malformed(struct stream *s, const char *reason);
void stream_interim(struct stream *s, struct response *r);
void stream_response(struct stream *s, struct response *r);
void stream_body(struct stream *s, struct slice bytes);
void stream_body_end(struct stream *s, const struct fields *trailers);
void stream_upstream_drained(struct stream *s);
bool stream_is_idempotent(const struct stream *s); // RFC 9110 section 9.2.2
bool stream_is_blocked(struct stream *s);          // bytes wait for the client: take no more for it
size_t
stream_untaken(struct stream *s); // bytes that the client has not acknowledged; asks the kernel
