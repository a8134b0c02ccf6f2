// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_l7_roster.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "l4/base/clock.h"
#include "l4/base/hash.h"
#include "l4/model/stats_l7_store.h"

// One of the three name regions.
struct roster {
	struct stats_l7 *store;
	struct stats_l7_name *names; // [n]
	uint32_t n;
	enum stats_l7_kind kind;
	uint64_t now_ns; // CLOCK_REALTIME, as it is compared over restarts
	uint32_t free;   // no id before it was never used
};

struct entry {
	uint64_t key;
	uint32_t id;
};

static uint64_t key_of(const struct roster *r, const char *group, const char *name)
{
	uint64_t h = r->kind == STATS_L7_OF_BACKENDS ? hash_bytes(group, strlen(group), 1) : 0;

	return hash_bytes(name, strlen(name), h);
}

// The store is shared memory that outlived its writer: nothing in it is certain.
static bool makes_sense(const struct stats_l7_name *n)
{
	return (n->used == STATS_LIVE || n->used == STATS_RETIRED) && n->name[0] &&
	       memchr(n->name, '\0', sizeof(n->name)) && memchr(n->group, '\0', sizeof(n->group));
}

static bool is_owner(const struct roster *r, const struct stats_l7_name *n,
                     const struct stats_l7_owner *o)
{
	return strcmp(n->name, o->name) == 0 &&
	       (r->kind != STATS_L7_OF_BACKENDS || strcmp(n->group, o->group) == 0);
}

static int by_key(const void *a, const void *b)
{
	uint64_t x = ((const struct entry *)a)->key, y = ((const struct entry *)b)->key;

	return x < y ? -1 : x > y;
}

// What the store knows, sorted by key. Returns how many.
static size_t index_names(const struct roster *r, struct entry *out)
{
	size_t n = 0;

	for (uint32_t id = STATS_L7_OTHER + 1; id < r->n; id++)
		if (makes_sense(&r->names[id]))
			out[n++] = (struct entry){
				.key = key_of(r, r->names[id].group, r->names[id].name), .id = id};
	qsort(out, n, sizeof(*out), by_key);
	return n;
}

static uint32_t find(const struct roster *r, const struct entry *index, size_t n,
                     const struct stats_l7_owner *o)
{
	const struct entry wanted = {.key = key_of(r, o->group, o->name)};
	const struct entry *e = bsearch(&wanted, index, n, sizeof(*index), by_key);

	return e && is_owner(r, &r->names[e->id], o) ? e->id : STATS_L7_OTHER;
}

// Left alone if it says so already: a reader may be at it.
static void set_text(char out[STATS_NAME_SIZE], const char *text)
{
	if (strncmp(out, text, STATS_NAME_SIZE) == 0)
		return;
	memset(out, 0, STATS_NAME_SIZE);
	strncpy(out, text, STATS_NAME_SIZE - 1);
}

static void take(struct roster *r, uint32_t id, const struct stats_l7_owner *o)
{
	struct stats_l7_name *n = &r->names[id];

	n->address = o->address;
	n->port = o->port;
	n->retired_ns = 0;
	set_text(n->group, o->group);
	set_text(n->name, o->name);
	__atomic_store_n(&n->used, STATS_LIVE, __ATOMIC_RELEASE);
}

static bool has_gauge(const void *counters, const struct stats_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fields[i].kind == STATS_GAUGE && stats_value(counters, &fields[i]))
			return true;
	return false;
}

// Something still counts under it: a connection or a stream that outlived its configuration.
static bool is_busy(const struct roster *r, uint32_t id)
{
	struct l7_service_counters service;
	struct l7_backend_counters backend;
	struct l7_model_counters model;

	switch (r->kind) {
	case STATS_L7_OF_SERVICES:
		stats_l7_sum_service(r->store, id, &service);
		return has_gauge(&service, stats_l7_service_fields, STATS_L7_SERVICE_FIELDS);
	case STATS_L7_OF_BACKENDS:
		stats_l7_sum_backend(r->store, id, &backend);
		return has_gauge(&backend, stats_l7_backend_fields, STATS_L7_BACKEND_FIELDS);
	default:
		stats_l7_sum_model(r->store, id, &model);
		return has_gauge(&model, stats_l7_model_fields, STATS_L7_MODEL_FIELDS);
	}
}

// Those who left in an earlier run do not wait: its streams ended with it.
static bool has_waited(const struct roster *r, const struct stats_l7_name *n)
{
	uint64_t least_ns = STATS_L7_QUARANTINE_S * CLOCK_NS_PER_S;

	return n->retired_ns < r->store->meta->started_ns || n->retired_ns > r->now_ns ||
	       r->now_ns - n->retired_ns >= least_ns;
}

static bool may_be_reused(const struct roster *r, uint32_t id)
{
	return r->names[id].used == STATS_RETIRED && has_waited(r, &r->names[id]) &&
	       !is_busy(r, id);
}

static uint32_t clear(struct roster *r, uint32_t id)
{
	__atomic_store_n(&r->names[id].used, STATS_FREE, __ATOMIC_RELEASE);
	if (r->kind == STATS_L7_OF_SERVICES)
		stats_l7_store_clear_service(r->store, id);
	else if (r->kind == STATS_L7_OF_BACKENDS)
		stats_l7_store_clear_backend(r->store, id);
	else
		stats_l7_store_clear_model(r->store, id);
	return id;
}

static uint32_t reuse(struct roster *r)
{
	uint32_t best = STATS_L7_OTHER;

	for (uint32_t id = STATS_L7_OTHER + 1; id < r->n; id++)
		if (may_be_reused(r, id) &&
		    (!best || r->names[id].retired_ns < r->names[best].retired_ns))
			best = id;
	return best ? clear(r, best) : best;
}

static uint32_t take_free(struct roster *r)
{
	while (r->free < r->n) {
		uint32_t id = r->free++;

		if (r->names[id].used == STATS_FREE)
			return id;
		if (!makes_sense(&r->names[id]))
			return clear(r, id);
	}
	return reuse(r);
}

// When those left who are not in the configuration: before this run, if it is its first one.
static uint64_t left_ns(const struct roster *r)
{
	const struct stats_l7_meta *meta = r->store->meta;

	return meta->generation ? r->now_ns : meta->started_ns - 1;
}

static void retire_others(struct roster *r, const bool *is_wanted)
{
	for (uint32_t id = STATS_L7_OTHER + 1; id < r->n; id++) {
		struct stats_l7_name *n = &r->names[id];

		if (n->used != STATS_LIVE || is_wanted[id])
			continue;
		n->retired_ns = left_ns(r);
		__atomic_store_n(&n->used, STATS_RETIRED, __ATOMIC_RELEASE);
	}
}

// First those who come back, so that nobody new takes what is theirs.
static size_t give(struct roster *r, const struct stats_l7_owner *owners, size_t n, uint16_t *ids,
                   bool *is_wanted, struct entry *index)
{
	size_t n_known = index_names(r, index), n_left = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t id = find(r, index, n_known, &owners[i]);

		ids[i] = (uint16_t)id;
		is_wanted[id] = true;
		if (id)
			take(r, id, &owners[i]);
	}
	retire_others(r, is_wanted);
	for (size_t i = 0; i < n; i++) {
		if (ids[i])
			continue;
		ids[i] = (uint16_t)take_free(r);
		if (ids[i])
			take(r, ids[i], &owners[i]);
		else
			n_left++;
	}
	return n_left;
}

static uint64_t now_real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * CLOCK_NS_PER_S + (uint64_t)t.tv_nsec;
}

size_t stats_l7_roster(struct stats_l7 *s, enum stats_l7_kind kind,
                       const struct stats_l7_owner *owners, size_t n, uint16_t *ids)
{
	const struct roster rosters[] = {
		[STATS_L7_OF_SERVICES] = {.names = s->service_names, .n = s->room.n_services},
		[STATS_L7_OF_BACKENDS] = {.names = s->backend_names, .n = s->room.n_backends},
		[STATS_L7_OF_MODELS] = {.names = s->model_names, .n = s->room.n_models},
	};
	struct roster r = {
		.store = s,
		.names = rosters[kind].names,
		.n = rosters[kind].n,
		.kind = kind,
		.now_ns = now_real_ns(),
		.free = STATS_L7_OTHER + 1,
	};
	struct entry *index = calloc(r.n, sizeof(*index));
	bool *is_wanted = calloc(r.n, sizeof(*is_wanted));
	size_t n_left = n;

	memset(ids, 0, n * sizeof(*ids));
	if (index && is_wanted)
		n_left = give(&r, owners, n, ids, is_wanted, index);
	free(index);
	free(is_wanted);
	return n_left;
}
