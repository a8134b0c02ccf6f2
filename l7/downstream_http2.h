// SPDX-License-Identifier: BSD-3-Clause
// HTTP/2 towards clients: many streams on one connection, each a request like HTTP/1's (exchange.h). Between downstream_http2.c, which has
// the connection and its clocks, and exchange.c; what others may call of it is in downstream.h. One thread, that of the worker.
#pragma once

#include "l7/downstream.h"
#include "l7/http2.h"

struct exchange;

struct downstream_http2 {
	struct http2 *session;
	struct exchange *exchanges;
	struct exchange *begun; // whose head has not come whole; NULL = none
	uint64_t begun_ms;      // when it began
	uint64_t heard_ms;      // when something came last
	uint64_t shutdown_ms;   // when the first GOAWAY was said; 0 = not
	uint64_t
		watch_ms; // when it is looked whether the client takes what waits; 0 = nothing waits
	bool is_shut;     // the second was
	bool is_over;     // closed, or about to be
	bool is_resting;  // http2_rest()
};

// Sets the timer to what is due first; after something has changed that it depends on.
void downstream_http2_arm(struct downstream *c);
// Bytes wait for the client, here or in the kernel: it is to take some of them in client_idle_ms.
void downstream_http2_watch(struct downstream *c);
// http2_ops.over.
void downstream_http2_over(struct http2 *h);
