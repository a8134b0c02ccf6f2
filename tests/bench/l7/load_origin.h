// SPDX-License-Identifier: BSD-3-Clause
// The origin of the L7 benchmarks: one thread, epoll, HTTP/1.1 with keep-alive on 127.0.0.1.
//
//	GET /                        13 bytes with a Content-Length
//	GET /socket                  WebSocket (RFC 6455): echoes text of up to 125 bytes, answers pings
//	GET /events?n=150&gap=20000  text/event-stream, chunked: one event each `gap` microseconds, the first at
//	                             once; ends after n, never if n is 0
//	GET /chat?n=150&gap=20000    likewise; an event is a chat completion's chunk of some 300 bytes with NUMBER and STAMP in it
//
// An event is one chunk, `data: NUMBER STAMP` and an empty line: numbers from 0, the stamp is CLOCK_MONOTONIC in
// nanoseconds, taken just before the write. The path's last component decides, so that a proxy may prefix it.
#pragma once

#include "l4/base/cc.h"

// Serves until SIGTERM kills it; says "ready" on stdout. Returns the exit status if it cannot.
int load_origin_run(uint16_t port);
