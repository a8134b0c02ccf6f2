// SPDX-License-Identifier: BSD-3-Clause
// A stream's meter (meter.h): fed with what passes through, asked for the clock where that matters. Event streams, WebSockets and
// gRPC calls have one, everything else has none and pays nothing. Every function takes a stream without a meter.
//
// Received is when the read was taken up that an event ended in: what waits in the kernel because the client is slow has not
// been received. Delivered is when the kernel has taken the event's last byte; to HTTP/2, when it has left for the connection, and
// of events that wait for the client's window, the last of them. Messages of a WebSocket that were read together are delivered together.
// What leaves with the stream's end, to HTTP/2 at the end of the turn, is counted then: the meter outlives its stream by that.
#pragma once

#include "l7/access.h"
#include "l7/meter.h"

struct response;
struct stream;
struct stream_meter;

// The answer's head came: makes a meter if it is one of these streams, and sees whether it is a gRPC call. Without memory there
// is none; how the stream ends is counted all the same.
void stream_meter_begin(struct stream *s, const struct response *r);

// Bytes of the answer, as they came. Also keeps s->events or s->messages, whether there is a meter or not.
void stream_meter_received(struct stream *s, struct slice bytes);

// A WebSocket's client may have sent a message.
void stream_meter_asked(struct stream *s);

// Milliseconds until the stream would count as stalled; 0: it does, or cannot before something came. stream_clock.c asks.
uint64_t stream_meter_stall(struct stream *s);

// Looks how much of what was given for the client has left. is_held: the client takes no more at present.
void stream_meter_sent(struct stream *s, bool is_held);

// All of the answer was given: sends it, as far as the kernel takes it.
void stream_meter_finish(struct stream *s);

// The stream ended.
void stream_meter_end(struct stream *s, enum access_end end);

// After stream_meter_end(), for the log; NULL without a meter.
const struct meter *stream_meter_of(const struct stream *s);

void stream_meter_free(struct stream *s); // also what s->events holds
