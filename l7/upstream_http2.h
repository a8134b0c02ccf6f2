// SPDX-License-Identifier: BSD-3-Clause
// HTTP/2 towards backends: many requests over few connections. A worker fills a backend's connections in their order (so that those
// behind empty, and are closed when they are idle), makes another when all are full, and lets requests wait when there may be no more.
//
// - A new connection begins with one request; the others wait for the backend's SETTINGS, which say how many there may be.
// - GOAWAY: no new requests; what it has not looked at goes elsewhere (stream_failed() with STREAM_UNPROCESSED), the rest runs on.
//   Likewise after a reload, or when its backend has left the configuration: closed behind its last request.
// - A slow client: bytes are given to it as they come, and the backend gets no more window for this request until it has taken them.
//   One that keeps up gets a wide window, for a backend that is far, as far as memory goes; the first time that it holds us up
//   the window is narrow again.
// - Pools with the PROXY protocol: each client connection has connections of its own, as the header speaks for all that follows.
//
// One thread, that of the worker.
#pragma once

#include "l7/http2.h"
#include "l7/upstream.h"
#include "l7/upstream_conn.h"

// upstream_take() of a pool that speaks HTTP/2.
NODISCARD int upstream_http2_take(struct upstream **out, struct stream *s, uint16_t pool,
                                  struct peer *peer);

// upstream_sweep() of one backend; the caller holds a reference to it.
void upstream_http2_sweep(struct peer *peer, uint64_t longer_ms);
