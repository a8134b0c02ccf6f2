// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics_state.h"

#include "l7/manager.h"
#include "l7/metrics_page.h"

struct place {
	const struct conf_pool *pool;
	const struct conf_backend *backend;
	const struct site_pool *compiled;
	const struct site_backend *compiled_backend;
	char labels[METRICS_PAGE_LABELS];
};

// The backend at the cursor, in the order of the configuration. False: there is none.
static bool next_backend(struct metrics_state *s, struct place *at)
{
	const struct conf *conf = s->site ? s->site->conf : NULL;

	while (conf && s->pool < conf->n_pools && s->backend >= conf->pools[s->pool].n_backends) {
		s->pool++;
		s->backend = 0;
	}
	if (!conf || s->pool == conf->n_pools)
		return false;
	at->pool = &conf->pools[s->pool];
	at->compiled = &s->site->pools[s->pool];
	at->backend = &at->pool->backends[s->backend];
	at->compiled_backend = &at->compiled->backends[s->backend++];
	at->labels[0] = '\0';
	metrics_page_label(at->labels, "pool", at->pool->name);
	metrics_page_label(at->labels, "backend", at->backend->name);
	return true;
}

// That somebody may ask for: what is left over is nobody's outage.
static bool next_pool(struct metrics_state *s, struct place *at)
{
	const struct conf *conf = s->site ? s->site->conf : NULL;

	while (conf && s->pool < conf->n_pools && !s->site->shared->is_used[s->pool])
		s->pool++;
	if (!conf || s->pool >= conf->n_pools)
		return false;
	at->pool = &conf->pools[s->pool];
	at->compiled = &s->site->pools[s->pool++];
	at->labels[0] = '\0';
	metrics_page_label(at->labels, "pool", at->pool->name);
	return true;
}

// By the probes of now: what they do not know, or not any more, has no row.
bool metrics_state_healthy(struct metrics_state *s, struct text *out)
{
	struct place at;
	uint8_t state;

	if (!next_backend(s, &at))
		return false;
	state = manager_health(s->m, at.pool, at.backend);
	if (state != HEALTH_UNKNOWN)
		metrics_page_gauge(out, "lb_backend_healthy", at.labels, state == HEALTH_HEALTHY);
	return true;
}

bool metrics_state_usable(struct metrics_state *s, struct text *out)
{
	struct place at;

	if (!next_backend(s, &at))
		return false;
	metrics_page_gauge(out, "lb_backend_usable", at.labels, at.compiled_backend->is_usable);
	return true;
}

bool metrics_state_admin(struct metrics_state *s, struct text *out)
{
	struct place at;

	if (!next_backend(s, &at))
		return false;
	metrics_page_label(at.labels, "state", conf_state_names[at.backend->state]);
	metrics_page_gauge(out, "lb_backend_state", at.labels, 1);
	return true;
}

bool metrics_state_pool_usable(struct metrics_state *s, struct text *out)
{
	struct place at;

	if (!next_pool(s, &at))
		return false;
	metrics_page_gauge(out, "lb_pool_usable_backends", at.labels, at.compiled->n_usable);
	return true;
}

bool metrics_state_pool_open(struct metrics_state *s, struct text *out)
{
	struct place at;

	if (!next_pool(s, &at))
		return false;
	metrics_page_gauge(out, "lb_pool_failed_open", at.labels, at.compiled->is_open);
	return true;
}
