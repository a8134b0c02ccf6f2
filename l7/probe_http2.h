// SPDX-License-Identifier: BSD-3-Clause
// The part of a probe that speaks HTTP/2: a GET whose status counts, or the question of grpc.health.v1 (grpc_health.h), which is
// answered with a message and grpc-status. One request on a connection of its own. Main thread.
#pragma once

#include "l4/base/slice.h"
#include "l7/grpc_health.h"
#include "l7/http2.h"

struct probe;

struct probe_http2 {
	struct probe *probe; // NULL: it has its result
	struct http2 *session;
	struct http2_stream stream;
	struct loop_task free;
	uint32_t n_answer; // octets of `answer`, or more than it holds
	bool has_head;
	bool wants_http1; // as it said in GOAWAY
	uint8_t answer[GRPC_HEALTH_ANSWER_MAX];
};

// The connection is open: asks. 0 or -errno.
NODISCARD int probe_http2_begin(struct probe *p);

void probe_http2_received(struct probe *p, struct slice bytes);
void probe_http2_end(struct probe *p); // no result is told any more; twice is fine

// --- probe.c's ---
void probe_succeed(struct probe *p, const char *reason);
PRINTF_LIKE(2, 3) void probe_fail(struct probe *p, const char *fmt, ...);
void probe_take_status(struct probe *p, uint16_t status);
// No verdict: it wants HTTP/1.1 for that, and the next attempt is made so.
void probe_want_http1(struct probe *p);
