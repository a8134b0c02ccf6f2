// SPDX-License-Identifier: BSD-3-Clause
// A site as one worker sees it: beside the immutable tables stands what the worker itself knows of backends. That outlives sites:
// a peer is found again by its key, with its idle connections and its load.
// A stream keeps the view that it started with. One thread.
#pragma once

#include "l7/pick.h"
#include "l7/retry_budget.h"
#include "l7/site.h"
#include "l7/telemetry.h"

struct kit;
struct upstream_http1;
struct upstream_http2;
struct worker;

enum peer_knowledge { PEER_UNKNOWN, PEER_NO, PEER_YES };

// A backend, as this worker knows it.
struct peer {
	struct pick_load load;
	struct telemetry_backend telemetry; // where it is counted
	uint64_t key;                       // site_backend_key()
	uint32_t n_refs;                    // views, connections and streams that name it
	uint32_t n_views;                   // of these, views: 0 = in no configuration any more
	uint32_t n_idle;
	struct upstream_http1 *idle;  // connections without a request; the last used first
	struct upstream_http2 *http2; // connections that take requests, the first made first
	uint32_t n_http2;
	uint32_t http2_streams; // requests at once on a connection, as it said last; 0 = unknown
	uint8_t speaks;         // enum conf_http: what ALPN said last; HTTP_AUTO = unknown
	uint8_t websockets;     // enum peer_knowledge: its HTTP/2 knows them
	uint64_t
		http1_until_ms; // on the loop's clock: it has asked for HTTP/1.1, though it speaks HTTP/2; 0 = it has not
	struct peer *next; // worker->peers
	struct addr address;
	be16 port;
	bool is_down; // in the newest configuration: nothing goes there any more, running streams included
};

struct view_pool {
	struct pick pick;
	struct retry_budget budget;
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
