// SPDX-License-Identifier: BSD-3-Clause
// A WebSocket on its way through a stream: frames pass as they are; where they end is known, so that pings and a
// close of ours can be put between them. If an end sends what are no frames, they pass all the same, and ours stop.
#pragma once

#include "l4/base/slice.h"

struct stream;
struct tunnel;

struct tunnel *tunnel_new(struct stream *s); // NULL: no memory; s is borrowed
void tunnel_free(struct tunnel *t);          // NULL is fine

void tunnel_from_client(struct tunnel *t, struct slice bytes);
void tunnel_from_backend(struct tunnel *t, struct slice bytes);

// Both ends have said that they close.
bool tunnel_is_closed(const struct tunnel *t);
// The client has: it waits for the other.
bool tunnel_is_closing(const struct tunnel *t);

// Data messages that the client, or the backend, has ended.
uint64_t tunnel_messages(const struct tunnel *t, bool of_client);

// Pings the client, between frames.
void tunnel_ping(struct tunnel *t);

// Tells both ends that we go away (1001), between frames.
void tunnel_go_away(struct tunnel *t);
