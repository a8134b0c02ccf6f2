// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/tcp_watch.h"

#include <errno.h>
#include <stdlib.h>

struct list {
	const struct conf *conf;
	const struct roster *roster;
	struct tcp_watch *items;
	size_t n;
	bool *is_used; // [conf->n_pools]: a route of this host's workers leads there
};

static void add(struct list *l, const struct addr *address, be16 port, bool is_backend, uint16_t id)
{
	if (id)
		l->items[l->n++] = (struct tcp_watch){*address, port, is_backend, id};
}

static void use_pools(struct list *l, const struct conf_l7 *l7)
{
	for (uint16_t i = 0; i < l7->n_routes; i++) {
		const char *name = l7->routes[i].pool;
		const struct conf_pool *pool = name ? conf_pool_find(l->conf, name) : NULL;

		if (pool)
			l->is_used[pool - l->conf->pools] = true;
	}
}

static void add_services(struct list *l)
{
	for (uint16_t i = 0; i < l->conf->n_services; i++) {
		const struct conf_service *s = &l->conf->services[i];

		if (s->l7 && !s->is_remote)
			add(l, &s->address, s->port, false, roster_service_id(l->roster, s));
	}
	for (uint16_t i = 0; i < l->conf->n_l7; i++)
		if (!l->conf->l7[i].hosts)
			use_pools(l, &l->conf->l7[i]);
}

static void add_backends(struct list *l, const struct conf_pool *pool)
{
	for (uint16_t i = 0; i < pool->n_backends; i++) {
		const struct conf_backend *b = &pool->backends[i];

		add(l, &b->address, b->port, true, roster_backend_id(l->roster, pool->name, b));
	}
}

static int compare_ends(const void *va, const void *vb)
{
	const struct tcp_watch *a = va, *b = vb;
	int order = addr_cmp(&a->address, &b->address);

	if (!order)
		order = (int)be16_to(a->port) - (int)be16_to(b->port);
	return order ? order : (int)a->is_backend - (int)b->is_backend;
}

static int compare(const void *va, const void *vb)
{
	const struct tcp_watch *a = va, *b = vb;
	int order = compare_ends(a, b);

	return order ? order : (int)a->id - (int)b->id;
}

static size_t drop_doubles(struct tcp_watch *items, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!kept || compare_ends(&items[kept - 1], &items[i]))
			items[kept++] = items[i];
	return kept;
}

int tcp_watch_list(struct tcp_watch **out, size_t *n, const struct conf *conf,
                   const struct roster *roster)
{
	struct list l = {.conf = conf, .roster = roster};
	size_t most = conf->n_services + 1u;
	int rc = -ENOMEM;

	for (uint16_t i = 0; i < conf->n_pools; i++)
		most += conf->pools[i].n_backends;
	l.items = calloc(most, sizeof(*l.items));
	l.is_used = calloc(conf->n_pools + 1u, sizeof(*l.is_used));
	if (!l.items || !l.is_used)
		goto out;
	add_services(&l);
	for (uint16_t i = 0; i < conf->n_pools; i++)
		if (l.is_used[i])
			add_backends(&l, &conf->pools[i]);
	qsort(l.items, l.n, sizeof(*l.items), compare);
	*n = drop_doubles(l.items, l.n);
	*out = l.items;
	l.items = NULL;
	rc = 0;
out:
	free(l.items);
	free(l.is_used);
	return rc;
}
