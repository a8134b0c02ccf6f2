// SPDX-License-Identifier: BSD-3-Clause
// What a stream adds to the counters of its worker, its service and its backend (l7/telemetry.h). Each is called where the thing
// happens, by the files of a stream. One thread, that of the worker.
#pragma once

#include "l7/access.h"

struct stream;
struct stream_client;
struct worker;

void stream_count_begin(struct stream *s);
void stream_count_status(struct stream *s, uint16_t status); // given to the client; not 1xx
void stream_count_interim(struct stream *s);
void stream_count_kind(
	struct stream *s); // it turned out to be an event stream, a WebSocket or a gRPC call
void stream_count_end(struct stream *s, enum access_end end); // all that is known only then

// An attempt: a backend was picked and s->peer, s->attempt_ns are set; or it was picked in vain.
void stream_count_attempt(struct stream *s);
void stream_count_connected(struct stream *s); // a new connection is ready
// The backend's head came: s->first_byte_ns is set.
void stream_count_answer(struct stream *s, uint16_t status);
void stream_count_failure(struct stream *s); // of the attempt, s->peer is still set
void stream_count_retry(struct stream *s);   // an attempt follows another one
void stream_count_leave(struct stream *s);   // s->peer is about to be let go

// Requests that became no stream: refused with a status (0: none), or for want of memory.
void stream_count_refused(struct worker *w, const struct stream_client *from, uint16_t status);
void stream_count_overload(struct worker *w, const struct stream_client *from);

// How a request ended that was refused so.
enum access_end stream_count_end_of(uint16_t status);
