// SPDX-License-Identifier: BSD-3-Clause
// Event streams (WHATWG HTML section 9.2, text/event-stream), read while they pass: where events end, in constant memory, so that
// a comment of ours can be put between two of them, and, where somebody wants to know, what they say. Bytes are never held for it.
//
//   1. all zero, then is_opaque by event_stream_takes_comments(); with `bufs` set, events are given with their content;
//   2. event_stream_take() with all bytes as they come, cut anywhere;
//   3. event_stream_fini().
//
// An event that came in one piece is given as it lies there; memory is taken only for one that is cut, or has several lines of
// data, and only until it ends; all streams of a worker have buf_get_extra() for it. Of an event beyond `limit`, or one for
// which there is no memory, the end is still seen.
// One thread.
#pragma once

#include "l7/buf.h"
#include "l7/message.h"

// The comment that keeps a silent stream alive; a client ignores it.
#define EVENT_STREAM_COMMENT ": lb47\n\n"

enum {
	EVENT_NAME_MAX = 48, // a longer name is cut
	EVENT_STREAM_LIMIT = BUF_HUGE_SIZE,
};

// Borrowed until the function that is given it returns.
struct event {
	struct slice name;     // empty: "message"
	struct slice data;     // its lines, joined by LF
	struct slice raw;      // as it came, its empty line included; empty: it was cut
	const uint8_t *behind; // of the bytes that were given, what follows it
	bool is_oversize;      // beyond the limit, or no memory: nothing but its end was seen
};

typedef void (*event_stream_sink)(void *owner, const struct event *e);

struct event_stream {          // all zero = at the start
	struct buf_pool *bufs; // set by the caller; NULL: events are counted, not read
	// Set with bufs, NULL: there is none. Given what begins with an event: its length, the empty line included, if it need not be
	// read; 0 = it has to. `owner` is the sink's. It has to end with LF, and to be whole.
	size_t (*known)(void *owner, struct slice bytes);
	struct buf *part;  // of an event that is cut, as it came; owned
	uint64_t n_events; // ended
	uint32_t limit;    // bytes of an event, up to EVENT_STREAM_LIMIT; set with bufs
	uint8_t line;      // 0 = at the start of a line, else what it is; CR LF counts as one end
	uint8_t matched;   // how far the line's field is "data"
	uint8_t n_mark;    // bytes of a byte order mark at the start; 3 = it is behind us
	bool after_cr;     // the last byte was CR
	bool in_event;     // fields of an event that has not ended came
	bool has_data;     // one of them was "data": without, nothing is dispatched
	bool is_oversize;  // the event is beyond the limit
	bool is_opaque;    // nothing may be put in: set by the caller
};

// Whether a response is an event stream: status 200 and content of that type. Nobody takes one with another status for it: 204 is how
// EventSource is told to stop.
bool event_stream_is(const struct response *r);

// Whether its bytes are the events' own: an encoding (gzip, br, zstd), one of several too, hides where these end.
bool event_stream_is_plain(const struct response *r);

// Whether a comment may be put into its content at all: not where Content-Length or an encoding covers it. A stream that
// begins with a byte order mark, which nobody's does, would lose it behind a comment.
bool event_stream_takes_comments(const struct response *r);

// Looks at all of the bytes; `sink`, if not NULL, is given each event that ends in them, in order.
void event_stream_take(struct event_stream *s, struct slice bytes, event_stream_sink sink,
                       void *owner);

// Gives back what an event that never ended holds. Twice is fine.
void event_stream_fini(struct event_stream *s);

// Whether a comment may be put in now: between two events.
static inline bool event_stream_is_between(const struct event_stream *s)
{
	return s->line == 0 && !s->in_event && !s->is_opaque && s->n_mark % 3 == 0;
}
