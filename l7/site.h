// SPDX-License-Identifier: BSD-3-Clause
// A site: everything that workers read about configuration and health, compiled, immutable. The main thread builds the
// next one on a reload or when a backend's health changes, and hands it to the workers; who still uses the old one keeps
// a reference. Arrays run parallel to the configuration's: l7[i] is conf->l7[i], pools[i] is conf->pools[i],
// pools[i].backends[j] is conf->pools[i].backends[j].
#pragma once

#include "l4/base/arena.h"
#include "l4/base/err.h"
#include "l4/model/conf.h"
#include "l4/model/health.h"
#include "l4/model/maglev.h"

#include <stdatomic.h>

enum { SITE_NONE = 0xffff }; // no index

// What depends on the configuration only, shared by all sites built from it. Its routes stay where they are as long as any
// of these sites lives.
struct site_conf {
	struct conf *conf;  // owned
	struct site_l7 *l7; // [conf->n_l7]
	bool *is_routed;    // [conf->n_pools]; a route names it
	bool *is_used;      // [conf->n_pools]: conf_pool_is_used()
	// Ids in the counter store, telemetry_assign()'s: 0 until then, and of what lb7d does not serve.
	uint16_t *service_ids;  // [conf->n_services]
	uint16_t **backend_ids; // [conf->n_pools][n_backends]
	uint16_t **model_ids;   // [conf->n_l7][streams.n_models]
	struct arena arena;     // of the two above and what they point to
	atomic_uint n_refs;
};

struct site_backend {
	uint64_t key; // hash of pool name, name, address, port: the same backend in the next site
	uint16_t weight;
	uint8_t health; // enum health, when the site was built
	bool is_usable; // takes new requests: up, weight above 0, and healthy or unknown or failed open
};

struct site_pool {
	struct site_backend *backends; // [n_backends]
	uint16_t n_backends;
	uint16_t n_usable;
	bool is_open; // failed open: all are unhealthy, and all are used
	// The two below are made for pools that routes name, and no others.
	// round_robin and least_requests: indices of usable backends, each as often as its weight says,
	// as evenly spread as can be (schedule.h)
	uint16_t *schedule;   // [n_schedule]
	uint32_t n_schedule;  // at most SITE_SCHEDULE_MAX; 0 if none is usable
	struct maglev maglev; // balance maglev; ids are indices
};

enum { SITE_SCHEDULE_MAX = 65535 };

struct site_l7 {
	const struct conf_l7 *conf;
	struct site_route *routes; // [conf->n_routes]
	struct route_table *table; // route.c's
};

struct site_route {
	const struct conf_route *conf;
	uint16_t pool;                           // index, SITE_NONE for redirects and answers
	uint16_t n_conditions;                   // from here on route.c's
	uint16_t next;                           // of equal host and path, SITE_NONE at the end
	const struct route_condition *condition; // [n_conditions]
};

struct site {
	struct site_conf *shared;
	const struct conf *conf; // shared->conf
	uint32_t generation;     // 1, 2, ...
	struct site_l7 *l7;      // shared->l7
	struct site_pool *pools; // [conf->n_pools]
	atomic_uint n_refs;
	struct arena arena;
};

// What the main thread knows of a backend now. Called while a site is built, from its thread.
typedef uint8_t (*site_health)(void *owner, const struct conf_pool *pool,
                               const struct conf_backend *backend); // enum health

// Takes over conf, which is valid (conf_check()), also on failure. One reference is the caller's. 0, -ENOMEM with *err.
NODISCARD int site_new(struct site **out, struct conf *conf, uint32_t generation,
                       site_health health, void *owner, struct err *err);
// The same configuration with the health of now.
NODISCARD int site_renew(struct site **out, const struct site *old, uint32_t generation,
                         site_health health, void *owner, struct err *err);

// Any thread.
struct site *site_get(struct site *s);
void site_put(struct site *s); // frees it with the last reference; NULL is fine

// Of the configuration alone: who needs no tables any more lets the site go. NULL is fine for the second.
struct site_conf *site_conf_get(struct site_conf *c);
void site_conf_put(struct site_conf *c);

// The index of an l7 entry, SITE_NONE if there is none.
uint16_t site_l7_find(const struct site *s, const char *name);

// hash_bytes() of pool name, backend name, address and port.
uint64_t site_backend_key(const struct conf_pool *pool, const struct conf_backend *backend);
