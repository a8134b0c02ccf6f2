// SPDX-License-Identifier: BSD-3-Clause
// Which backend of a pool takes a request, by the pool's "balance":
//   round_robin     the schedule in turn (smooth weighted round robin, computed once for each site)
//   least_requests  two choices by weight, the one with fewer requests for its weight (Mitzenmacher, "The Power of Two Choices in
//                   Randomized Load Balancing", 2001)
//   maglev          by hash of source address, header or cookie ("hash"); without that header or cookie: by source
// Loads are a worker's own; so is the position in the schedule. No locks, O(1) but for retries.
#pragma once

#include "l4/base/addr.h"
#include "l7/message.h"
#include "l7/site.h"

// A worker's own knowledge of a backend; outlives sites.
struct pick_load {
	uint32_t active; // requests and streams on their way now
};

struct pick {                           // of one worker for one pool
	uint32_t position;              // in the schedule; start it at random
	uint64_t random;                // xorshift state, not 0
	struct pick_load *const *loads; // [n_backends]; borrowed
};

// The hash for maglev, 0 for the others.
uint32_t pick_hash(const struct conf_pool *pool, const struct request *r,
                   const struct addr *source);

// Index of a backend that is usable and not among tried[n_tried]; SITE_NONE if there is none.
uint16_t pick_backend(struct pick *p, const struct conf_pool *conf, const struct site_pool *pool,
                      uint32_t hash, const uint16_t *tried, size_t n_tried);
