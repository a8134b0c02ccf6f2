// SPDX-License-Identifier: BSD-3-Clause
// Event streams (WHATWG HTML section 9.2, text/event-stream): where lines and events end, in constant memory, so
// that a comment of ours can be put between two events of a silent stream. Bytes are never held for it.
#pragma once

#include "l7/message.h"

// The comment that keeps a silent stream alive; a client ignores it.
#define SSE_COMMENT ": lb47\n\n"

struct sse {          // all zero = at the start
	uint8_t line; // 0 = at the start of a line, else something is on it; CR LF counts as one end
	bool after_cr;     // the last byte was CR
	bool in_event;     // fields of an event that has not ended came
	bool is_opaque;    // nothing may be put in: set by the caller, see sse_takes_comments()
	uint64_t n_events; // ended
};

// Whether a response is an event stream by its Content-Type.
bool sse_is_stream(const struct response *r);

// Whether a comment may be put into its content at all: not where Content-Length or an encoding (gzip) covers it. A stream that
// begins with a byte order mark, which nobody's does, would lose it behind a comment.
bool sse_takes_comments(const struct response *r);

// Looks at all of the bytes.
void sse_track(struct sse *s, struct slice bytes);

// Whether a comment may be put in now: between two events.
static inline bool sse_is_between(const struct sse *s)
{
	return s->line == 0 && !s->in_event && !s->is_opaque;
}
