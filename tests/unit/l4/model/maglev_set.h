// SPDX-License-Identifier: BSD-3-Clause
// Sets of backends and what can be counted in their tables, for the tests of maglev.
#pragma once

#include <criterion/criterion.h>
#include <string.h>

#include "l4/model/maglev.h"

enum { N_MAX = 1000, N_IDS = 1100 };

static struct maglev_backend backends[N_MAX];

static inline void make(size_t n, uint16_t weight)
{
	for (size_t i = 0; i < n; i++)
		backends[i] = (struct maglev_backend){
			.identity = hash_bytes(&i, sizeof(i), 47),
			.id = (uint16_t)(i + 100),
			.weight = weight,
			.usable = true,
		};
}

static inline void mix_weights(size_t n)
{
	for (size_t i = 0; i < n; i++)
		backends[i].weight = (uint16_t)(1 + (backends[i].identity >> 9) % 1000);
}

static inline struct maglev build(const struct maglev_backend *b, size_t n)
{
	struct maglev m;

	cr_assert_eq(maglev_build(&m, b, n, MAGLEV_N_SLOTS), 0);
	return m;
}

// How many slots each id has; asserts that there are no holes and no foreign ids.
static inline const uint32_t *count_slots(const struct maglev *m)
{
	static uint32_t slots_of[N_IDS];

	memset(slots_of, 0, sizeof(slots_of));
	for (uint32_t s = 0; s < m->n_slots; s++) {
		cr_assert(m->slot[s] >= 100 && m->slot[s] < N_IDS, "slot %u: %u", s, m->slot[s]);
		slots_of[m->slot[s]]++;
	}
	return slots_of;
}

// Largest distance of a backend's slots from its share among the usable ones, in slots.
static inline double worst_distance(const struct maglev *m, size_t n)
{
	const uint32_t *slots_of = count_slots(m);
	double sum = 0, worst = 0;

	for (size_t i = 0; i < n; i++)
		sum += backends[i].usable ? backends[i].weight : 0;
	for (size_t i = 0; i < n; i++) {
		double share = backends[i].usable ? m->n_slots * backends[i].weight / sum : 0;
		double distance = share - slots_of[backends[i].id];

		distance = distance < 0 ? -distance : distance;
		worst = distance > worst ? distance : worst;
	}
	return worst;
}
