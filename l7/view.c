// SPDX-License-Identifier: BSD-3-Clause
#include "l7/view.h"

#include <errno.h>
#include <stdlib.h>

#include "l7/upstream.h"
#include "l7/worker_state.h"

struct peer *view_peer_get(struct peer *p)
{
	p->n_refs++;
	return p;
}

void view_peer_put(struct worker *w, struct peer *p)
{
	struct peer **at;

	if (--p->n_refs)
		return;
	for (at = &w->peers; *at != p; at = &(*at)->next)
		;
	*at = p->next;
	free(p);
}

static struct peer *peer_new(struct worker *w, const struct conf_backend *b, uint64_t key,
                             uint16_t id)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->key = key;
	p->telemetry = telemetry_backend(w->telemetry, w->index, id);
	p->address = b->address;
	p->port = b->port;
	p->speaks = HTTP_AUTO;
	p->next = w->peers;
	w->peers = p;
	return p;
}

// The peers that are there, sorted by key: a site may have thousands of backends.
struct index {
	struct peer **at;
	size_t n;
};

static int by_key(const void *a, const void *b)
{
	uint64_t x = (*(struct peer *const *)a)->key, y = (*(struct peer *const *)b)->key;

	return x < y ? -1 : x > y;
}

static int index_peers(struct index *index, const struct worker *w)
{
	*index = (struct index){0};
	for (struct peer *p = w->peers; p; p = p->next)
		index->n++;
	index->at = calloc(index->n + 1, sizeof(*index->at));
	if (!index->at)
		return -ENOMEM;
	index->n = 0;
	for (struct peer *p = w->peers; p; p = p->next)
		index->at[index->n++] = p;
	qsort(index->at, index->n, sizeof(*index->at), by_key);
	return 0;
}

static struct peer *find_peer(const struct index *index, uint64_t key)
{
	struct peer wanted = {.key = key}, *at = &wanted;
	struct peer **found = bsearch(&at, index->at, index->n, sizeof(*index->at), by_key);

	return found ? *found : NULL;
}

// What was put aside stays so when the site changes.
static void keep_budget(struct view_pool *mine, const struct view *old, const char *name)
{
	const struct conf *conf = old ? old->site->conf : NULL;
	const struct conf_pool *pool = conf ? conf_pool_find(conf, name) : NULL;

	if (pool)
		mine->budget = old->pools[pool - conf->pools].budget;
}

static int fill_pool(struct view *v, struct worker *w, uint16_t i, const struct index *index)
{
	const struct conf_pool *conf = &v->site->conf->pools[i];
	const struct site_pool *pool = &v->site->pools[i];
	struct view_pool *mine = &v->pools[i];
	const uint16_t *ids = v->site->shared->backend_ids[i];

	mine->loads = arena_alloc(&v->arena, conf->n_backends, sizeof(*mine->loads), 8);
	if (!mine->loads)
		return -ENOMEM;
	w->random = w->random * UINT64_C(6364136223846793005) + 1;
	mine->pick = (struct pick){
		.position = (uint32_t)(w->random >> 32),
		.random = w->random | 1,
		.loads = mine->loads,
	};
	keep_budget(mine, w->view, conf->name);
	for (uint16_t j = 0; j < conf->n_backends; j++) {
		uint64_t key = pool->backends[j].key;
		struct peer *p = find_peer(index, key);

		if (!p)
			p = peer_new(w, &conf->backends[j], key, ids[j]);
		if (!p)
			return -ENOMEM;
		mine->loads[j] = &view_peer_get(p)->load;
		p->is_down = conf->backends[j].state == STATE_DOWN;
		p->n_views++;
	}
	return 0;
}

static void leave_peer(struct worker *w, struct peer *p)
{
	p->n_views--;
	view_peer_put(w, p);
}

static void view_free(struct worker *w, struct view *v)
{
	for (uint16_t i = 0; v->pools && i < v->site->conf->n_pools; i++) {
		struct view_pool *p = &v->pools[i];

		for (uint16_t j = 0; p->loads && j < v->site->conf->pools[i].n_backends; j++)
			if (p->loads[j])
				leave_peer(w, CONTAINER_OF(p->loads[j], struct peer, load));
	}
	site_put(v->site);
	kit_put(v->kit);
	arena_fini(&v->arena);
	free(v);
}

int view_new(struct view **out, struct worker *w, struct site *site, struct kit *kit)
{
	struct view *v = calloc(1, sizeof(*v));
	struct index index = {0};
	int rc = -ENOMEM;

	if (!v) {
		site_put(site);
		kit_put(kit);
		return -ENOMEM;
	}
	v->site = site;
	v->kit = kit;
	v->n_refs = 1;
	v->pools = arena_alloc(&v->arena, site->conf->n_pools, sizeof(*v->pools), 8);
	if (v->pools)
		rc = index_peers(&index, w);
	for (uint16_t i = 0; !rc && i < site->conf->n_pools; i++)
		rc = fill_pool(v, w, i, &index);
	free(index.at);
	if (rc) {
		view_free(w, v);
		return rc;
	}
	*out = v;
	return 0;
}

struct view *view_get(struct view *v)
{
	v->n_refs++;
	return v;
}

void view_put(struct worker *w, struct view *v)
{
	if (v && --v->n_refs == 0)
		view_free(w, v);
}
