// SPDX-License-Identifier: BSD-3-Clause
#include "l7/upstream.h"

#include "l7/stream.h"
#include "l7/upstream_http1.h"
#include "l7/worker_state.h"

int upstream_take(struct upstream **out, struct stream *s, uint16_t pool, uint16_t backend)
{
	struct worker_counters *c = s->w->counters;
	int rc = upstream_http1_take(out, s, pool, view_peer(s->view, pool, backend));

	if (rc)
		c->upstream_failures++;
	else if ((*out)->is_reused)
		c->upstream_reuses++;
	return rc;
}

void upstream_sweep(struct worker *w, uint64_t longer_ms)
{
	for (struct peer *p = w->peers, *next; p; p = next) {
		view_peer_get(p); // closing may take the last other reference
		upstream_http1_sweep(p, longer_ms);
		next = p->next;
		view_peer_put(w, p);
	}
}
