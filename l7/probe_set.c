// SPDX-License-Identifier: BSD-3-Clause
#include "l7/probe_set.h"

#include <errno.h>
#include <stdlib.h>

#include "l7/site.h"

static int by_key(const void *a, const void *b)
{
	uint64_t key_a = ((const struct probe_set_entry *)a)->key;
	uint64_t key_b = ((const struct probe_set_entry *)b)->key;

	return key_a < key_b ? -1 : key_a > key_b;
}

static struct probe_set_entry *find(const struct probe_set *s, uint64_t key)
{
	struct probe_set_entry wanted = {.key = key};

	if (!s || !s->n)
		return NULL;
	return bsearch(&wanted, s->entries, s->n, sizeof(wanted), by_key);
}

const struct probe *probe_set_find(const struct probe_set *s, uint64_t key)
{
	const struct probe_set_entry *e = find(s, key);

	return e ? e->probe : NULL;
}

static uint32_t count(const struct conf *conf)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < conf->n_pools; i++)
		if (conf->pools[i].health.type != HEALTH_NONE)
			n += conf->pools[i].n_backends;
	return n;
}

static int add_pool(struct probe_set *s, const struct conf_pool *pool, struct probe_plan *plan,
                    const struct probe_set *running, const struct probe_owner *owner)
{
	for (uint16_t i = 0; i < pool->n_backends; i++) {
		const struct conf_backend *b = &pool->backends[i];
		struct probe_set_entry *e = &s->entries[s->n];
		const struct probe_set_entry *old;

		e->key = site_backend_key(pool, b);
		old = find(running, e->key);
		if (old) {
			e->probe = old->probe;
			e->plan = probe_plan_get(plan);
			e->is_borrowed = true;
		} else if (probe_new(&e->probe, pool, b, plan, owner) == 0) {
			probe_plan_get(plan);
		} else {
			return -ENOMEM;
		}
		s->n++;
	}
	return 0;
}

int probe_set_new(struct probe_set **out, const struct conf *conf, const struct probe_set *running,
                  const struct probe_owner *owner, struct err *err)
{
	struct probe_set *s = calloc(1, sizeof(*s));
	struct probe_plan *plan;
	int rc = 0;

	if (s)
		s->entries = calloc((size_t)count(conf) + 1, sizeof(*s->entries));
	if (!s || !s->entries) {
		free(s);
		return err_set(err, -ENOMEM, "out of memory");
	}
	for (uint16_t i = 0; i < conf->n_pools && !rc; i++) {
		if (conf->pools[i].health.type == HEALTH_NONE)
			continue;
		rc = probe_plan_new(&plan, conf, i, err);
		if (rc)
			break;
		if (add_pool(s, &conf->pools[i], plan, running, owner))
			rc = err_set(err, -ENOMEM, "out of memory");
		probe_plan_put(plan);
	}
	if (rc) {
		probe_set_free(s);
		return rc;
	}
	qsort(s->entries, s->n, sizeof(*s->entries), by_key);
	*out = s;
	return 0;
}

static void start(struct probe_set_entry *e)
{
	if (e->is_borrowed)
		probe_follow(e->probe, e->plan);
	else
		probe_start(e->probe);
	e->plan = NULL;
	e->is_borrowed = false;
}

void probe_set_start(struct probe_set *next, struct probe_set *running)
{
	for (uint32_t i = 0; running && i < running->n; i++) {
		struct probe_set_entry *e = &running->entries[i];

		e->is_borrowed = find(next, e->key); // its owner is `next` now
	}
	probe_set_free(running);
	for (uint32_t i = 0; i < next->n; i++)
		start(&next->entries[i]);
}

void probe_set_free(struct probe_set *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n; i++) {
		if (!s->entries[i].is_borrowed)
			probe_free(s->entries[i].probe);
		probe_plan_put(s->entries[i].plan);
	}
	free(s->entries);
	free(s);
}
