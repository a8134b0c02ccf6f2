// SPDX-License-Identifier: BSD-3-Clause
// What the access log will say of a request when it ends: its texts are copied, as the bytes of its head are long
// gone by then. Made only where there is a log.
#pragma once

#include "l7/access.h"
#include "l7/message.h"

struct conf_l7;
struct stream;
struct stream_client;
struct stream_note;
struct worker;

struct stream_note *stream_note_new(const struct request *r); // NULL: no memory, then no line
void stream_note_free(struct stream_note *n);                 // NULL is fine

// 32 hex digits and the end; no two are equal. No secret.
void stream_note_make_id(struct worker *w, char id[33]);
void stream_note_set_id(struct stream_note *n, struct slice id); // n may be NULL

// A request that was refused before it became a stream.
struct stream_refusal {
	uint16_t status;     // of HTTP; 0 = none was sent
	bool is_grpc;        // a call: it was told grpc_status instead, with 200
	uint8_t grpc_status; // enum grpc_status
	uint64_t bytes_out;  // content
	const char *reason;
};

// Its line; l7 may be NULL.
void stream_note_refused(struct worker *w, const struct stream_client *from,
                         const struct conf_l7 *l7, const struct stream_refusal *refusal);

// Writes the line; nothing without a note.
void stream_note_write(const struct stream *s, enum access_end end, const char *reason);
