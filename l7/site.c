// SPDX-License-Identifier: BSD-3-Clause
#include "l7/site.h"

#include "l7/route.h"
#include "l7/schedule.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_SEED = 7,
	MAGLEV_SEED =
		47, // the lanes' (l4/model/snapshot.c), and part of the contract between nodes
};

uint64_t site_backend_key(const struct conf_pool *pool, const struct conf_backend *backend)
{
	uint64_t h = hash_bytes(pool->name, strlen(pool->name), KEY_SEED);

	h = hash_bytes(backend->name, strlen(backend->name), h);
	h = hash_bytes(&backend->address, sizeof(backend->address), h);
	return hash_bytes(&backend->port, sizeof(backend->port), h);
}

static uint64_t maglev_identity(const struct conf_backend *backend)
{
	struct {
		struct addr address;
		be16 port;
		uint16_t pad;
	} identity = {.address = backend->address, .port = backend->port};

	return hash_bytes(&identity, sizeof(identity), MAGLEV_SEED);
}

// --- what depends on the configuration only ---

struct site_conf *site_conf_get(struct site_conf *c)
{
	atomic_fetch_add_explicit(&c->n_refs, 1, memory_order_relaxed);
	return c;
}

void site_conf_put(struct site_conf *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->n_refs, 1, memory_order_acq_rel) != 1)
		return;
	conf_free(c->conf);
	arena_fini(&c->arena);
	free(c);
}

static uint16_t pool_index(const struct conf *conf, const char *name)
{
	const struct conf_pool *pool = name ? conf_pool_find(conf, name) : NULL;

	assert(!name || pool); // conf_check()
	return pool ? (uint16_t)(pool - conf->pools) : SITE_NONE;
}

static int build_l7(struct site_conf *c, uint16_t nth)
{
	const struct conf_l7 *conf = &c->conf->l7[nth];
	struct site_l7 *l7 = &c->l7[nth];

	l7->conf = conf;
	l7->routes = arena_alloc(&c->arena, conf->n_routes + 1u, sizeof(*l7->routes),
	                         alignof(struct site_route));
	if (!l7->routes)
		return -ENOMEM;
	for (uint16_t i = 0; i < conf->n_routes; i++) {
		uint16_t pool = pool_index(c->conf, conf->routes[i].pool);

		l7->routes[i].conf = &conf->routes[i];
		l7->routes[i].pool = pool;
		if (pool != SITE_NONE)
			c->is_routed[pool] = true;
	}
	return route_build(l7, &c->arena);
}

static int make_ids(struct site_conf *c)
{
	const struct conf *conf = c->conf;

	c->service_ids =
		arena_alloc(&c->arena, conf->n_services + 1u, sizeof(uint16_t), alignof(uint16_t));
	c->backend_ids =
		arena_alloc(&c->arena, conf->n_pools + 1u, sizeof(uint16_t *), alignof(uint16_t *));
	c->model_ids =
		arena_alloc(&c->arena, conf->n_l7 + 1u, sizeof(uint16_t *), alignof(uint16_t *));
	if (!c->service_ids || !c->backend_ids || !c->model_ids)
		return -ENOMEM;
	for (uint16_t i = 0; i < conf->n_l7; i++) {
		c->model_ids[i] = arena_alloc(&c->arena, conf->l7[i].streams.n_models + 1u,
		                              sizeof(uint16_t), alignof(uint16_t));
		if (!c->model_ids[i])
			return -ENOMEM;
	}
	for (uint16_t i = 0; i < conf->n_pools; i++) {
		c->backend_ids[i] = arena_alloc(&c->arena, conf->pools[i].n_backends + 1u,
		                                sizeof(uint16_t), alignof(uint16_t));
		if (!c->backend_ids[i])
			return -ENOMEM;
	}
	return 0;
}

static int shared_new(struct site_conf **out, struct conf *conf)
{
	struct site_conf *c = calloc(1, sizeof(*c));
	int rc = -ENOMEM;

	if (!c) {
		conf_free(conf);
		return rc;
	}
	c->conf = conf;
	atomic_init(&c->n_refs, 1);
	c->l7 = arena_alloc(&c->arena, conf->n_l7 + 1u, sizeof(*c->l7), alignof(struct site_l7));
	c->is_routed = arena_alloc(&c->arena, conf->n_pools + 1u, sizeof(bool), 1);
	c->is_used = arena_alloc(&c->arena, conf->n_pools + 1u, sizeof(bool), 1);
	if (!c->l7 || !c->is_routed || !c->is_used || make_ids(c))
		goto err_put;
	for (uint16_t i = 0; i < conf->n_pools; i++)
		c->is_used[i] = conf_pool_is_used(conf, conf->pools[i].name);
	for (uint16_t i = 0; i < conf->n_l7; i++) {
		rc = build_l7(c, i);
		if (rc)
			goto err_put;
	}
	*out = c;
	return 0;
err_put:
	site_conf_put(c);
	return rc;
}

// --- pools ---

// Health decides who takes new requests, unless it says that nobody does: then it is more likely
// wrong, and refusing everybody helps nobody (fail open), unless the operator wants that.
static void choose_usable(struct site_pool *pool, const struct conf_pool *conf)
{
	bool any = false, any_steady = false;

	for (uint16_t i = 0; i < pool->n_backends; i++) {
		struct site_backend *b = &pool->backends[i];

		b->is_usable = conf->backends[i].state == STATE_UP && b->weight;
		any |= b->is_usable;
		any_steady |= b->is_usable && b->health != HEALTH_UNHEALTHY;
	}
	pool->is_open = any && !any_steady && conf->when_unhealthy == UNHEALTHY_ALL;
	for (uint16_t i = 0; i < pool->n_backends; i++) {
		struct site_backend *b = &pool->backends[i];

		b->is_usable &= b->health != HEALTH_UNHEALTHY || pool->is_open;
		pool->n_usable += b->is_usable;
	}
}

static bool is_same_choice(const struct site_pool *a, const struct site_pool *b)
{
	for (uint16_t i = 0; i < a->n_backends; i++)
		if (a->backends[i].is_usable != b->backends[i].is_usable)
			return false;
	return true;
}

static int build_maglev(struct site_pool *pool, const struct conf_pool *conf)
{
	struct maglev_backend *list = calloc(pool->n_backends + 1u, sizeof(*list));
	int rc;

	if (!list)
		return -ENOMEM;
	for (uint16_t i = 0; i < pool->n_backends; i++)
		list[i] = (struct maglev_backend){
			.identity = maglev_identity(&conf->backends[i]),
			.id = i,
			.weight = pool->backends[i].weight,
			.usable = pool->backends[i].is_usable,
		};
	rc = maglev_build(&pool->maglev, list, pool->n_backends, conf->table_size);
	free(list);
	return rc == -ENOENT ? 0 : rc;
}

static int build_schedule(struct arena *arena, struct site_pool *pool)
{
	uint32_t *weights = calloc(pool->n_backends + 1u, sizeof(*weights));
	int rc;

	if (!weights)
		return -ENOMEM;
	for (uint16_t i = 0; i < pool->n_backends; i++)
		weights[i] = pool->backends[i].is_usable ? pool->backends[i].weight : 0;
	pool->n_schedule = schedule_scale(weights, pool->n_backends, SITE_SCHEDULE_MAX);
	pool->schedule = arena_alloc(arena, pool->n_schedule + 1u, sizeof(uint16_t), CACHE_LINE);
	rc = pool->schedule
	             ? schedule_fill(pool->schedule, pool->n_schedule, weights, pool->n_backends)
	             : -ENOMEM;
	free(weights);
	return rc;
}

// Same configuration, same backends in use: the tables are the same. A health change is one pool's, and
// building the tables of all others again would take milliseconds each.
static int copy_tables(struct arena *arena, struct site_pool *pool, const struct site_pool *old)
{
	size_t slots = old->maglev.n_slots * sizeof(*old->maglev.slot);

	if (old->maglev.slot) {
		pool->maglev.slot = malloc(slots);
		if (!pool->maglev.slot)
			return -ENOMEM;
		memcpy(pool->maglev.slot, old->maglev.slot, slots);
		pool->maglev.n_slots = old->maglev.n_slots;
	}
	if (old->schedule) {
		pool->schedule =
			arena_alloc(arena, old->n_schedule + 1u, sizeof(uint16_t), CACHE_LINE);
		if (!pool->schedule)
			return -ENOMEM;
		memcpy(pool->schedule, old->schedule, old->n_schedule * sizeof(uint16_t));
		pool->n_schedule = old->n_schedule;
	}
	return 0;
}

static int build_pool(struct site *s, uint16_t nth, const struct site *old, site_health health,
                      void *owner)
{
	const struct conf_pool *conf = &s->conf->pools[nth];
	struct site_pool *pool = &s->pools[nth];

	pool->backends = arena_alloc(&s->arena, conf->n_backends + 1u, sizeof(*pool->backends),
	                             alignof(struct site_backend));
	if (!pool->backends)
		return -ENOMEM;
	pool->n_backends = conf->n_backends;
	for (uint16_t i = 0; i < conf->n_backends; i++)
		pool->backends[i] = (struct site_backend){
			.key = site_backend_key(conf, &conf->backends[i]),
			.weight = conf->backends[i].weight,
			.health = health(owner, conf, &conf->backends[i]),
		};
	choose_usable(pool, conf);
	if (!s->shared->is_routed[nth])
		return 0;
	if (old && is_same_choice(pool, &old->pools[nth]))
		return copy_tables(&s->arena, pool, &old->pools[nth]);
	if (conf->balance == BALANCE_MAGLEV)
		return build_maglev(pool, conf);
	return build_schedule(&s->arena, pool);
}

// --- sites ---

static void site_free(struct site *s)
{
	for (uint16_t i = 0; s->pools && i < s->conf->n_pools; i++)
		maglev_fini(&s->pools[i].maglev);
	arena_fini(&s->arena);
	site_conf_put(s->shared);
	free(s);
}

// Takes over one reference to `shared`, also on failure. `old` has the same one, or is NULL.
static int build(struct site **out, struct site_conf *shared, const struct site *old,
                 site_health health, void *owner)
{
	struct site *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (!s) {
		site_conf_put(shared);
		return rc;
	}
	atomic_init(&s->n_refs, 1);
	s->shared = shared;
	s->conf = shared->conf;
	s->l7 = shared->l7;
	s->pools = arena_alloc(&s->arena, s->conf->n_pools + 1u, sizeof(*s->pools),
	                       alignof(struct site_pool));
	if (!s->pools)
		goto err_free;
	for (uint16_t i = 0; i < s->conf->n_pools; i++) {
		rc = build_pool(s, i, old, health, owner);
		if (rc)
			goto err_free;
	}
	*out = s;
	return 0;
err_free:
	site_free(s);
	return rc;
}

static int explain(int rc, struct err *err)
{
	return rc ? err_set(err, rc, "no memory for the routes and pools") : 0;
}

int site_new(struct site **out, struct conf *conf, uint32_t generation, site_health health,
             void *owner, struct err *err)
{
	struct site_conf *shared;
	int rc = shared_new(&shared, conf);

	if (!rc)
		rc = build(out, shared, NULL, health, owner);
	if (!rc)
		(*out)->generation = generation;
	return explain(rc, err);
}

int site_renew(struct site **out, const struct site *old, uint32_t generation, site_health health,
               void *owner, struct err *err)
{
	int rc;

	atomic_fetch_add_explicit(&old->shared->n_refs, 1, memory_order_relaxed);
	rc = build(out, old->shared, old, health, owner);
	if (!rc)
		(*out)->generation = generation;
	return explain(rc, err);
}

struct site *site_get(struct site *s)
{
	atomic_fetch_add_explicit(&s->n_refs, 1, memory_order_relaxed);
	return s;
}

void site_put(struct site *s)
{
	if (s && atomic_fetch_sub_explicit(&s->n_refs, 1, memory_order_acq_rel) == 1)
		site_free(s);
}

uint16_t site_l7_find(const struct site *s, const char *name)
{
	const struct conf_l7 *l7 = conf_l7_find(s->conf, name);

	return l7 ? (uint16_t)(l7 - s->conf->l7) : SITE_NONE;
}
