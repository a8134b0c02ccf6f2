// SPDX-License-Identifier: BSD-3-Clause
// What is kept of a request as long as it may have to go to another backend: its head until an answer begins, and, where HTTP/2 may be
// spoken, its content if that is short (16 KB: calls of gRPC, most forms), as such a backend can say of a request that was sent whole
// that it has not looked at it. Belongs to stream.c.
#pragma once

#include "l7/message.h"

struct stream;

// As the pool wants heads (upstream_packs()). False: too long.
NODISCARD bool stream_replay_head(struct stream *s, const struct request *r);
// Content is sent, or its end.
void stream_replay_content(struct stream *s, struct slice bytes);
void stream_replay_end(struct stream *s, const struct fields *trailers);

// Whether all that was sent can be sent again.
bool stream_replay_is_possible(const struct stream *s);
// Sends what was kept of the content, behind the head.
void stream_replay_send(struct stream *s);

void stream_replay_drop(struct stream *s);
