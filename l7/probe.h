// SPDX-License-Identifier: BSD-3-Clause
// One backend of one pool under health check: every interval_ms, give or take the jitter, it is connected to, and
//   tcp    that is all;
//   http   a GET is answered by an accepted status (conf_health_accepts()); the content is not waited for;
//   https  the same through TLS, verified if the pool's "tls" says so;
//   grpc, grpcs  grpc.health.v1.Health/Check says SERVING.
// What the pool's requests speak is spoken, HTTP/1.1 or HTTP/2 (probe_http2.h); grpc is HTTP/2.
// timeout_ms is for the whole. An attempt that we have no descriptor or memory for is none. Results make a verdict
// (probe_verdict.h), transitions are logged and told at once. The first attempt comes at a random moment within the first
// interval, a second at most. Main thread.
#pragma once

#include "l7/conn.h"
#include "l7/probe_plan.h"
#include "l7/probe_verdict.h"

struct probe;
struct probe_http2;

struct probe_owner {
	struct loop *loop;
	void (*changed)(void *data, const struct probe *p); // a transition; may not free the probe
	void *data;
};

struct probe {
	uint64_t key; // site_backend_key()
	char pool[CONF_NAME_MAX + 1];
	char name[CONF_NAME_MAX + 1];
	struct addr address;
	be16 port; // the backend's
	bool is_busy;
	bool is_skipping; // no descriptor or memory for an attempt
	bool is_by_http1; // its HTTP/2 asked for HTTP/1.1, and that has not failed since
	struct probe_verdict verdict;
	struct probe_plan *plan; // a reference
	const struct probe_owner *owner;
	struct timer timer;        // the next attempt, or the end of the present one's time
	uint64_t began_ms;         // the last attempt
	struct conn conn;          // the present one's
	struct probe_http2 *http2; // likewise; NULL = HTTP/1, or none
	size_t seen;               // bytes of its answer that were looked at
	uint64_t random;           // state of the jitter
	struct loop_task grave;
};

// Nothing is probed before probe_start(). The plan's reference is taken over on success. `owner` is borrowed. 0 or
// -ENOMEM.
NODISCARD int probe_new(struct probe **out, const struct conf_pool *pool,
                        const struct conf_backend *backend, struct probe_plan *plan,
                        const struct probe_owner *owner);
void probe_start(struct probe *p);

// From now on by this plan (the reference is taken over); what is known of the backend stays.
void probe_follow(struct probe *p, struct probe_plan *plan);

void probe_free(struct probe *p); // at the end of the loop's turn; NULL is fine
