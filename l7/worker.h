// SPDX-License-Identifier: BSD-3-Clause
// A worker: one thread, one loop, and everything that its connections touch. Workers share nothing but the site (immutable)
// and the ticket keys. The main thread talks to them by messages.
//
//   1. kit_new() for each worker (kit.h), main thread: TLS contexts are loaded, sockets bound; here a reload fails, if it does;
//   2. worker_new(), worker_take(), worker_start();
//   3. on a reload: kit_new() for all, then worker_take() each: new requests are served by the new site, running streams keep
//      theirs; on a change of health: worker_take() without a kit;
//   4. worker_drain(), and when worker_is_drained() or the grace time is over: worker_cut(); worker_free() joins.
#pragma once

#include "l4/model/counters.h"
#include "l7/kit.h"
#include "l7/site.h"

struct telemetry;
struct worker;

// Counts of what a worker does, for any thread to read: each is written by the worker alone.
struct worker_counters;

struct worker_input {
	uint16_t index;                    // 0, 1, ...
	size_t memory;                     // bytes of buffers
	uint32_t n_conns;                  // client connections at most
	const char *node;                  // for Via; copied
	const struct telemetry *telemetry; // where to count; borrowed, outlives the worker
};

// 0 or -ENOMEM, -errno of epoll_create(2) and the like. All workers of a process write the same access log file, each through
// its own access_log (opened by kit_new()).
NODISCARD int worker_new(struct worker **out, const struct worker_input *in);

// Main thread. The reference to the site and the kit (NULL: keep the present one) are consumed.
// 0 or -ENOMEM (then both are released).
NODISCARD int worker_take(struct worker *w, struct site *site, struct kit *kit);

NODISCARD int worker_start(struct worker *w); // what pthread_create(3) said, negative

// Stops accepting, closes idle connections, says Connection: close to the others.
void worker_drain(struct worker *w);
// Ends what is left: WebSockets by close 1001, other streams as they are.
void worker_cut(struct worker *w);
bool worker_is_drained(const struct worker *w); // no connection is left

// Joins the thread, which ends when drained or cut, or at once if it never served; frees everything. NULL is fine.
void worker_free(struct worker *w);

// Opens the access log anew (it was rotated).
void worker_reopen_log(struct worker *w);

const struct worker_counters *worker_counters(const struct worker *w);

uint64_t worker_cpu_ns(const struct worker *w); // that its thread has used
