// SPDX-License-Identifier: BSD-3-Clause
// A stream's time-outs, each by itself (conf timeouts), its heartbeat: what the client is shown of a silent but
// healthy stream (SSE comment, WebSocket ping), and when it would count as stalled. One timer serves all of them.
#pragma once

#include <stdint.h>

struct stream;

void stream_clock_start(struct stream *s); // total_ms begins
// The client's own limit, from the request's first byte on (grpc-timeout); the shorter one counts.
void stream_clock_deadline(struct stream *s, uint64_t ns);
void stream_clock_phase(struct stream *s); // the phase has changed: its own time-out begins
void stream_clock_moved(struct stream *s); // bytes moved, either way
// Asks stream_meter_stall() after this time, and again after what that says; 0: no more. s->stall_ms is 0 where nobody asks.
void stream_clock_stall(struct stream *s, uint64_t delay_ms);
void stream_clock_stop(struct stream *s);
