// SPDX-License-Identifier: BSD-3-Clause
// What a session is made of, for the files of http2: http2.c (life), http2_receive.c, http2_head.c, http2_send.c.
#pragma once

#include <nghttp2/nghttp2.h>

#include "l7/http2.h"

enum http2_stream_flags {
	HTTP2_OUT_ENDED = 1,    // the owner has said all
	HTTP2_OUT_DEFERRED = 2, // nghttp2 waits for nghttp2_session_resume_data()
	HTTP2_BLOCKED = 4,      // the owner was told to wait
	HTTP2_IN_HEAD = 8,      // the peer's final head came
	HTTP2_IN_ENDED = 16,    // the peer has said all
	HTTP2_TUNNEL = 32,      // extended CONNECT
	HTTP2_CLOSED = 64,      // nghttp2 has forgotten it; ops->closed() is due
	HTTP2_RESPONDED = 128,  // our final head is on its way
	HTTP2_RESET = 256,      // by us
	HTTP2_DEAF = 512,       // malformed: what still comes is dropped
	HTTP2_IN_RESET = 1024,  // the peer has reset it
};

// Fields of a header block, as they come: a number of 16 bits and one of 32 for the lengths, name, value.
struct http2_block {
	struct buf *buf;    // NULL: none is being received
	uint32_t n;         // fields
	uint32_t n_cookies; // of these
	size_t size;        // bytes as RFC 9113 section 10.5.1 counts them
	bool is_too_large;
	int32_t id; // of the stream
};

enum { HTTP2_ENDED_KEPT = 8 };

// How far a client's bytes are taken apart into frames, and what it did with the numbers of streams.
struct http2_frames {
	uint8_t head[14];  // of the frame that comes, and PRIORITY's payload
	uint8_t n_head;    // bytes of it that came
	uint32_t left;     // bytes of the frame behind its head; at first of the preface
	int32_t last;      // the highest number that it has used
	int32_t gap_begin; // those that it left out last
	int32_t gap_end;
	int32_t ended[HTTP2_ENDED_KEPT]; // these it ended or reset itself, lately
	uint32_t n_ended;
};

// What the PING between the two steps of GOAWAY carries.
#define HTTP2_SHUTDOWN_PING                        \
	{                                          \
		0x67, 0x6f, 0x61, 0x77, 0x61, 0x79 \
	}

struct http2 {
	struct http2_setup setup;
	nghttp2_session *session;
	struct http2_stream *streams; // all but those in `closing`
	struct http2_stream *closing; // ops->closed() is due, in the order of their ends
	struct http2_stream **closing_end;
	struct http2_stream *told_next; // to hear ops->drained(), while that is told
	struct text *text;              // frames are written here; only while http2_send.c flushes
	const char *reason;
	struct http2_block block;
	struct http2_frames frames; // of a server
	void *page;                 // http2_memory.c
	struct loop_task task;      // flushes and tells at the end of the turn
	struct loop_task freed;     // frees
	uint64_t refilled_ns;       // the allowance, last
	int32_t allowance; // of events that a peer may cause without use; negative: cut off
	uint32_t n_streams;
	bool is_receiving; // within nghttp2_session_mem_recv()
	bool is_broken;    // nothing more is received
	bool is_closed;    // by the owner
	bool is_pinged;
	bool is_shutting;  // the first step of GOAWAY was said
	bool is_shut;      // the second
	bool is_goaway;    // the peer takes no new streams
	bool is_over;      // ops->over() was called
	bool has_settings; // the peer's came
	bool has_frame;    // http2_memory.c
	bool has_drained;  // some blocked stream may go on
};

// Something is to be sent, or told: at the end of the turn.
void http2_defer(struct http2 *h);

// Calls ops->closed(), ops->drained() and ops->over() where due.
void http2_tell(struct http2 *h);

// The connection cannot go on: GOAWAY.
void http2_break(struct http2 *h, enum http2_error error, const char *reason);

// Takes `cost` off a client's allowance; when that is used up, the connection ends.
void http2_spend(struct http2 *h, int32_t cost);
void http2_refund(struct http2 *h, int32_t n);

// The stream is over for nghttp2.
void http2_bury(struct http2_stream *s, uint32_t error);
void http2_enlist(struct http2 *h, struct http2_stream *s, int32_t id);
void http2_drop_out(struct http2_stream *s);

static inline struct http2_stream *http2_session_stream(struct http2 *h, int32_t id)
{
	return nghttp2_session_get_stream_user_data(h->session, id);
}

// --- http2_frame.c ---

void http2_frame_init(struct http2 *h);
// The piece of a client's bytes that nghttp2 may have: it ends before the next frame, which is looked at when its turn comes.
size_t http2_frame_next(struct http2 *h, struct slice bytes);
// The client has ended the stream, or reset it.
void http2_frame_ended(struct http2 *h, int32_t id);

// --- http2_memory.c ---

nghttp2_mem http2_memory(struct http2 *h);

// http2_receive.c's and http2_send.c's callbacks.
void http2_receive_set(nghttp2_session_callbacks *callbacks);
void http2_send_set(nghttp2_session_callbacks *callbacks);

// --- http2_head.c ---

// Keeps a field of the block that is being received; what is beyond the limits is counted and left out. False: no memory.
NODISCARD bool http2_head_add(struct http2 *h, struct slice name, struct slice value);
void http2_head_drop(struct http2 *h); // the block was used

// Fills setup.request from the block. 0, or the status to refuse it with, and *reason.
NODISCARD int http2_head_request(struct http2 *h, const struct http2_stream *s, bool is_end,
                                 const char **reason);
// Fills setup.response. False: malformed.
NODISCARD bool http2_head_response(struct http2 *h, const struct http2_stream *s, bool is_end);
// Fills setup.trailers with what may stand in a trailer; returns NULL if that is nothing.
struct fields *http2_head_trailers(struct http2 *h);

// A head as nghttp2 takes it.
enum { HTTP2_HEAD_MOST = MESSAGE_FIELDS_MAX + 6 };

struct http2_head {
	size_t n;
	size_t size; // bytes of names and values
	nghttp2_nv at[HTTP2_HEAD_MOST];
	char status[4], length[24];
	struct buf *path; // holds path and query, if they had to be joined
};

void http2_head_of_request(struct http2_head *out, const struct request *r, struct buf_pool *pool,
                           bool is_secure);
void http2_head_of_response(struct http2_head *out, const struct response *r, bool is_tunnel);
void http2_head_of_trailers(struct http2_head *out, const struct fields *f);
