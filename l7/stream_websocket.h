// SPDX-License-Identifier: BSD-3-Clause
// The handshake of a WebSocket between two sides of which either may speak HTTP/1.1 (RFC 6455: key and answer to it) or HTTP/2 (RFC
// 8441: neither). Belongs to stream.c.
#pragma once

#include "l7/message.h"
#include "l7/websocket.h"

struct stream;

// The request: the client's key is kept; one of ours is added if it has none, as the backend may want one.
void stream_websocket_key(struct stream *s, struct request *r);

// The backend agreed: a tunnel begins. False: it did not, or not properly.
NODISCARD bool stream_websocket_begin(struct stream *s, const struct response *r);

// Its answer becomes that to the client's key; `accept` is room for it.
void stream_websocket_answer(struct stream *s, struct response *r,
                             char accept[WEBSOCKET_ACCEPT_SIZE]);
