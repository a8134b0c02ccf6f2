// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/hop_set.h"

#include <errno.h>
#include <stdlib.h>

#include "l4/ctrl/next_hop.h"

int hop_set_init(struct hop_set *s)
{
	*s = (struct hop_set){0};
	s->hops = calloc(STATS_BACKENDS, sizeof(*s->hops));
	s->spare = calloc(STATS_BACKENDS, sizeof(*s->spare));
	if (s->hops && s->spare)
		return 0;
	hop_set_fini(s);
	return -ENOMEM;
}

void hop_set_fini(struct hop_set *s)
{
	free(s->hops);
	free(s->spare);
	*s = (struct hop_set){0};
}

static int compare_hops(const void *a, const void *b)
{
	const struct hop *x = a, *y = b;

	return addr_cmp(&x->address, &y->address);
}

struct hop *hop_set_find(const struct hop_set *s, const struct addr *address)
{
	struct hop key = {.address = *address};

	return bsearch(&key, s->hops, s->n_hops, sizeof(key), compare_hops);
}

static void add_hop(struct hop *hops, size_t *n_hops, const struct roster_backend *b)
{
	bool needs_mac = !next_hop_is_configured(&b->hop);

	hops[(*n_hops)++] = (struct hop){.address = b->address, .needs_mac = needs_mac};
}

// One of each address, in order.
static size_t sort_hops(struct hop *hops, size_t n_hops)
{
	size_t n = 0;

	qsort(hops, n_hops, sizeof(*hops), compare_hops);
	for (size_t i = 0; i < n_hops; i++) {
		if (n == 0 || compare_hops(&hops[n - 1], &hops[i]) != 0)
			hops[n++] = hops[i];
		else
			hops[n - 1].needs_mac |= hops[i].needs_mac;
	}
	return n;
}

void hop_set_collect(struct hop_set *s, const struct roster *r)
{
	struct hop *hops = s->spare;
	size_t n_hops = 0;

	for (uint16_t id = 1; id < r->n_backends; id++)
		if (r->backends[id].e.used)
			add_hop(hops, &n_hops, &r->backends[id]);
	n_hops = sort_hops(hops, n_hops);
	for (size_t i = 0; i < n_hops; i++) {
		const struct hop *old = hop_set_find(s, &hops[i].address);
		bool needs_mac = hops[i].needs_mac;

		if (old)
			hops[i] = *old;
		hops[i].needs_mac = needs_mac;
	}
	s->spare = s->hops;
	s->hops = hops;
	s->n_hops = n_hops;
}
