// SPDX-License-Identifier: BSD-3-Clause
// A site as one worker sees it: beside the immutable tables stands what the worker itself knows of backends. That outlives sites:
// a peer is found again by its key, with its idle connections and its load.
// A stream keeps the view that it started with. One thread.
#pragma once

#include "l7/pick.h"
#include "l7/site.h"
#include "l7/telemetry.h"

struct kit;
struct upstream_http1;
struct worker;

// A backend, as this worker knows it.
struct peer {
	struct pick_load load;
	struct telemetry_backend telemetry; // where it is counted
	uint64_t key;                       // site_backend_key()
	uint32_t n_refs;                    // views, connections and streams that name it
	uint32_t n_views;                   // of these, views: 0 = in no configuration any more
	uint32_t n_idle;
	struct upstream_http1 *idle; // connections without a request; the last used first
	struct peer *next;           // worker->peers
	struct addr address;
	be16 port;
	bool is_down; // in the newest configuration: nothing goes there any more, running streams included
};

struct view_pool {
	struct pick pick;
	struct pick_load **loads; // [n_backends], each within a struct peer
};

struct view {
	struct site *site;
	struct kit *kit;         // counted reference
	struct view_pool *pools; // [conf->n_pools]
	uint32_t n_refs;
	struct arena arena;
};

// Consumes the references to the site and the kit, also on failure. 0 or -ENOMEM. One reference is the caller's.
NODISCARD int view_new(struct view **out, struct worker *w, struct site *site, struct kit *kit);
struct view *view_get(struct view *v);
void view_put(struct worker *w, struct view *v);

static inline struct peer *view_peer(const struct view *v, uint16_t pool, uint16_t backend)
{
	return CONTAINER_OF(v->pools[pool].loads[backend], struct peer, load);
}

struct peer *view_peer_get(struct peer *p);
void view_peer_put(struct worker *w,
                   struct peer *p); // closes idle connections with the last reference
