// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/roster.h"

#include "l4/base/clock.h"
#include "l4/base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Twice the ids, so that probes are short; powers of two.
enum { SERVICE_SLOTS = 2 * STATS_SERVICES, BACKEND_SLOTS = 2 * STATS_BACKENDS };
static_assert((SERVICE_SLOTS & (SERVICE_SLOTS - 1)) == 0, "masks");
static_assert((BACKEND_SLOTS & (BACKEND_SLOTS - 1)) == 0, "masks");

static uint32_t service_hash(const struct addr *address, be16 port, uint8_t protocol)
{
	return (uint32_t)hash_bytes(address, sizeof(*address),
	                            be16_raw(port) | (uint64_t)protocol << 16);
}

static uint32_t backend_hash(const char *pool, const struct conf_backend *b)
{
	uint64_t hash = hash_bytes(&b->address, sizeof(b->address), be16_raw(b->port));

	hash = hash_bytes(pool, strlen(pool), hash);
	return (uint32_t)hash_bytes(b->name, strlen(b->name), hash);
}

static bool is_service(const struct roster_service *s, const struct conf_service *c)
{
	return s->port == c->port && s->protocol == c->protocol &&
	       addr_eq(&s->address, &c->address);
}

static bool is_backend(const struct roster_backend *b, const char *pool,
                       const struct conf_backend *c)
{
	return b->port == c->port && addr_eq(&b->address, &c->address) &&
	       strcmp(b->name, c->name) == 0 && strcmp(b->pool, pool) == 0;
}

// The slot that holds the service's id, or the free one where it would go.
static uint16_t *service_slot(const struct roster *r, const struct conf_service *service)
{
	uint32_t i = service_hash(&service->address, service->port, service->protocol);

	for (;; i++) {
		uint16_t *slot = &r->service_index[i & (SERVICE_SLOTS - 1)];

		if (*slot == 0 || is_service(&r->services[*slot], service))
			return slot;
	}
}

static uint16_t *backend_slot(const struct roster *r, const char *pool,
                              const struct conf_backend *b)
{
	uint32_t i = backend_hash(pool, b);

	for (;; i++) {
		uint16_t *slot = &r->backend_index[i & (BACKEND_SLOTS - 1)];

		if (*slot == 0 || is_backend(&r->backends[*slot], pool, b))
			return slot;
	}
}

static struct conf_service service_key(const struct roster_service *s)
{
	return (struct conf_service){
		.address = s->address, .port = s->port, .protocol = s->protocol};
}

static struct conf_backend backend_key(const struct roster_backend *b)
{
	return (struct conf_backend){.name = b->name, .address = b->address, .port = b->port};
}

static void index_services(struct roster *r)
{
	memset(r->service_index, 0, SERVICE_SLOTS * sizeof(*r->service_index));
	for (uint16_t id = 1; id < r->n_services; id++) {
		struct conf_service key = service_key(&r->services[id]);

		if (r->services[id].e.used)
			*service_slot(r, &key) = id;
	}
}

static void index_backends(struct roster *r)
{
	memset(r->backend_index, 0, BACKEND_SLOTS * sizeof(*r->backend_index));
	for (uint16_t id = 1; id < r->n_backends; id++) {
		struct conf_backend key = backend_key(&r->backends[id]);

		if (r->backends[id].e.used)
			*backend_slot(r, r->backends[id].pool, &key) = id;
	}
}

void roster_index(struct roster *r)
{
	index_services(r);
	index_backends(r);
}

int roster_init(struct roster *r)
{
	struct roster new = {.n_services = 1, .n_backends = 1};

	new.services = calloc(STATS_SERVICES, sizeof(*new.services));
	new.backends = calloc(STATS_BACKENDS, sizeof(*new.backends));
	new.service_index = calloc(SERVICE_SLOTS, sizeof(*new.service_index));
	new.backend_index = calloc(BACKEND_SLOTS, sizeof(*new.backend_index));
	if (!new.services || !new.backends || !new.service_index || !new.backend_index) {
		roster_fini(&new);
		return -ENOMEM;
	}
	*r = new;
	return 0;
}

void roster_fini(struct roster *r)
{
	free(r->services);
	free(r->backends);
	free(r->service_index);
	free(r->backend_index);
	memset(r, 0, sizeof(*r));
}

uint16_t roster_service_id(const struct roster *r, const struct conf_service *service)
{
	return *service_slot(r, service);
}

uint16_t roster_backend_id(const struct roster *r, const char *pool, const struct conf_backend *b)
{
	return *backend_slot(r, pool, b);
}

// An id without an owner, or one that nobody can still hold.
static bool is_free(const struct roster_entry *e, uint64_t now_ns)
{
	return !e->used ||
	       (!e->live && now_ns - e->retired_ns >= ROSTER_QUARANTINE_S * CLOCK_NS_PER_S);
}

// Which id each service and backend of the configuration gets, worked out before anything changes.
struct plan {
	const struct conf *conf;
	uint64_t now_ns;
	uint16_t *services; // [conf->n_services]
	uint16_t *backends; // over all pools, in their order
	bool *is_taken;     // [STATS_BACKENDS] scratch: ids that the configuration holds already
	size_t n_backends;
};

static int plan_init(struct plan *p, const struct conf *conf, uint64_t now_ns)
{
	struct plan new = {.conf = conf, .now_ns = now_ns};

	for (size_t i = 0; i < conf->n_pools; i++)
		new.n_backends += conf->pools[i].n_backends;
	new.services = calloc(conf->n_services + 1U, sizeof(*new.services));
	new.backends = calloc(new.n_backends + 1, sizeof(*new.backends));
	new.is_taken = calloc(STATS_BACKENDS, sizeof(*new.is_taken));
	*p = new;
	return new.services &&new.backends &&new.is_taken ? 0 : -ENOMEM;
}

static void plan_fini(struct plan *p)
{
	free(p->services);
	free(p->backends);
	free(p->is_taken);
}

// Gives each zero of ids[n] the lowest id that is free and not taken: numbers stay small, and so do
// the tables that are indexed by them. `entry` is the first of n_entries, `stride` bytes apart.
static int fill_ids(const struct plan *p, uint16_t *ids, size_t n, const struct roster_entry *entry,
                    size_t stride, size_t n_entries)
{
	size_t next = 1;

	for (size_t i = 0; i < n; i++) {
		if (ids[i])
			continue;
		for (; next < n_entries; next++) {
			const void *e = (const char *)entry + next * stride;

			if (!p->is_taken[next] && is_free(e, p->now_ns))
				break;
		}
		if (next == n_entries)
			return -ENOSPC;
		ids[i] = (uint16_t)next++;
	}
	return 0;
}

static int plan_services(struct plan *p, const struct roster *r)
{
	memset(p->is_taken, 0, STATS_BACKENDS);
	for (size_t i = 0; i < p->conf->n_services; i++) {
		p->services[i] = roster_service_id(r, &p->conf->services[i]);
		p->is_taken[p->services[i]] = true;
	}
	return fill_ids(p, p->services, p->conf->n_services, &r->services[0].e,
	                sizeof(r->services[0]), STATS_SERVICES);
}

static int plan_backends(struct plan *p, const struct roster *r)
{
	size_t n = 0;

	memset(p->is_taken, 0, STATS_BACKENDS);
	for (size_t i = 0; i < p->conf->n_pools; i++) {
		const struct conf_pool *pool = &p->conf->pools[i];

		for (size_t j = 0; j < pool->n_backends; j++, n++) {
			p->backends[n] = roster_backend_id(r, pool->name, &pool->backends[j]);
			p->is_taken[p->backends[n]] = true;
		}
	}
	return fill_ids(p, p->backends, n, &r->backends[0].e, sizeof(r->backends[0]),
	                STATS_BACKENDS);
}

static void retire(struct roster_entry *e, uint64_t now_ns)
{
	if (!e->used || !e->live)
		return;
	e->live = false;
	e->retired_ns = now_ns;
}

static const struct roster_entry living = {.used = true, .live = true};

static void put_service(struct roster *r, uint16_t id, const struct conf_service *service)
{
	struct roster_service *s = &r->services[id];

	*s = (struct roster_service){.address = service->address,
	                             .port = service->port,
	                             .protocol = service->protocol,
	                             .forward = service->forward,
	                             .e = living};
	strncpy(s->name, service->name, sizeof(s->name) - 1); // may have been renamed
	if (service->pool)
		strncpy(s->pool, service->pool, sizeof(s->pool) - 1);
	if (id >= r->n_services)
		r->n_services = id + 1;
}

static void put_backend(struct roster *r, uint16_t id, const char *pool,
                        const struct conf_backend *backend, uint64_t now_ns)
{
	struct roster_backend *b = &r->backends[id];

	if (!b->e.used || !is_backend(b, pool, backend)) {
		*b = (struct roster_backend){
			.address = backend->address, .port = backend->port, .added_ns = now_ns};
		strncpy(b->pool, pool, sizeof(b->pool) - 1);
		strncpy(b->name, backend->name, sizeof(b->name) - 1);
	}
	b->state = backend->state;
	b->weight = backend->weight;
	b->is_down = backend->state == STATE_DOWN;
	b->server_id_len = backend->server_id_len;
	memcpy(b->server_id, backend->server_id, sizeof(b->server_id));
	b->e = living;
	if (id >= r->n_backends)
		r->n_backends = id + 1;
}

static void carry_out(struct roster *r, const struct plan *p)
{
	const uint16_t *id = p->backends;

	for (size_t i = 1; i < r->n_services; i++)
		retire(&r->services[i].e, p->now_ns);
	for (size_t i = 1; i < r->n_backends; i++)
		retire(&r->backends[i].e, p->now_ns);
	for (size_t i = 0; i < p->conf->n_services; i++)
		put_service(r, p->services[i], &p->conf->services[i]);
	for (size_t i = 0; i < p->conf->n_pools; i++) {
		const struct conf_pool *pool = &p->conf->pools[i];

		for (size_t j = 0; j < pool->n_backends; j++)
			put_backend(r, *id++, pool->name, &pool->backends[j], p->now_ns);
	}
	roster_index(r);
}

int roster_update(struct roster *r, const struct conf *conf, uint64_t now_ns, struct err *err)
{
	struct plan p;
	int rc;

	rc = plan_init(&p, conf, now_ns);
	if (rc) {
		err_set(err, rc, "no memory for the roster");
		goto out;
	}
	rc = plan_services(&p, r);
	if (rc) {
		err_set(err, rc,
		        "services: more than %d new and removed within %d hours, ids are kept that long",
		        STATS_SERVICES - 1, ROSTER_QUARANTINE_S / 3600);
		goto out;
	}
	rc = plan_backends(&p, r);
	if (rc) {
		err_set(err, rc,
		        "backends: more than %d new and removed within %d hours, ids are kept that long",
		        STATS_BACKENDS - 1, ROSTER_QUARANTINE_S / 3600);
		goto out;
	}
	carry_out(r, &p);
out:
	plan_fini(&p);
	return rc;
}
