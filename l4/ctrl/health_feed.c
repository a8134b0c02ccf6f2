// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/health_feed.h"

#include <stdio.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"
#include "l4/ctrl/control.h"
#include "l4/model/ctl_rows.h"

// NULL if it is none of the running configuration's, or in a pool that has no health check.
static struct roster_backend *find(struct control *c, const struct ctl_health_change *change)
{
	const struct conf_pool *pool = conf_pool_find(c->conf, change->pool);
	struct conf_backend key = {
		.name = change->name, .address = change->address, .port = change->port};
	uint16_t id = roster_backend_id(&c->roster, change->pool, &key);

	if (!id || !c->roster.backends[id].e.live)
		return NULL;
	return pool && pool->health.type != HEALTH_NONE ? &c->roster.backends[id] : NULL;
}

static void log_transition(const struct ctl_health_change *change)
{
	if (change->state == HEALTH_UNHEALTHY)
		LOG_WARN("backend unhealthy pool=%s backend=%s reason=\"%s\"", change->pool,
		         change->name, change->reason);
	else
		LOG_INFO("backend healthy pool=%s backend=%s", change->pool, change->name);
}

void health_feed_take(struct control *c, const struct ctl_health_change *change)
{
	struct roster_backend *b = find(c, change);
	struct health_record *h = b ? &b->health : NULL;

	// A word that we do not know (of a newer lb7d) says nothing either.
	if (!h || change->state == HEALTH_UNKNOWN || change->state >= HEALTH_STATE_COUNT)
		return;
	snprintf(h->reason, sizeof(h->reason), "%s", change->reason);
	if (h->state == change->state) // a new lb7d found what its predecessor had
		return;
	h->state = change->state;
	h->changed_ns = change->changed_ms * CLOCK_NS_PER_MS;
	log_transition(change);
	control_refresh_soon(c);
}

void health_feed_forget(struct control *c)
{
	for (uint16_t i = 0; i < c->conf->n_pools; i++) {
		const struct conf_pool *pool = &c->conf->pools[i];

		if (pool->health.type != HEALTH_NONE)
			continue;
		for (uint16_t j = 0; j < pool->n_backends; j++) {
			uint16_t id = roster_backend_id(&c->roster, pool->name, &pool->backends[j]);

			c->roster.backends[id].health = (struct health_record){0};
		}
	}
}
