// SPDX-License-Identifier: BSD-3-Clause
#include "l7/upstream.h"

#include <errno.h>

#include "l7/stream.h"
#include "l7/upstream_http1.h"
#include "l7/upstream_http2.h"
#include "l7/worker_state.h"

bool upstream_packs(const struct conf_pool *pool)
{
	return pool->protocol != HTTP_1;
}

bool upstream_wants_http1(const struct worker *w, const struct peer *peer)
{
	return w->loop.timers.now_ms < peer->http1_until_ms;
}

static bool speaks_http2(const struct stream *s, const struct conf_pool *pool,
                         const struct peer *peer)
{
	if (pool->protocol == HTTP_1)
		return false;
	if (pool->protocol == HTTP_AUTO && (!pool->has_tls || peer->speaks == HTTP_1))
		return false;
	if (pool->protocol == HTTP_AUTO && !s->grpc && upstream_wants_http1(s->w, peer))
		return false;
	// What it said on connections that are gone may be different on the next.
	return !s->is_websocket || peer->websockets != PEER_NO || !peer->http2;
}

static int take(struct upstream **out, struct stream *s, uint16_t pool, struct peer *peer)
{
	int rc;

	if (!speaks_http2(s, &s->view->site->conf->pools[pool], peer))
		return upstream_http1_take(out, s, pool, peer);
	rc = upstream_http2_take(out, s, pool, peer);
	if (rc != -EPROTONOSUPPORT)
		return rc;
	peer->websockets = PEER_NO;
	return upstream_http1_take(out, s, pool, peer);
}

int upstream_take(struct upstream **out, struct stream *s, uint16_t pool, uint16_t backend)
{
	struct worker_counters *c = s->w->counters;
	int rc = take(out, s, pool, view_peer(s->view, pool, backend));

	if (rc)
		c->upstream_failures++;
	else if ((*out)->is_open)
		c->upstream_reuses++;
	return rc;
}

void upstream_sweep(struct worker *w, uint64_t longer_ms)
{
	for (struct peer *p = w->peers, *next; p; p = next) {
		view_peer_get(p); // closing may take the last other reference
		upstream_http1_sweep(p, longer_ms);
		upstream_http2_sweep(p, longer_ms);
		next = p->next;
		view_peer_put(w, p);
	}
}
