// SPDX-License-Identifier: BSD-3-Clause
#include "l7/pick.h"

#include "l4/base/hash.h"
#include "l7/route.h"

enum {
	HASH_SEED = 47,
	// How often chance is tried again before the rest of the pool is looked at one by one: more often
	// than that it hits the same only where one backend has nearly all of the weight.
	TRIES = 8,
};

static uint32_t hash_of_source(const struct addr *a)
{
	uint64_t low, high;

	memcpy(&low, &a->word[0], sizeof(low));
	memcpy(&high, &a->word[2], sizeof(high));
	return (uint32_t)(hash_mix(low, high, HASH_SEED + a->family) >> 32);
}

uint32_t pick_hash(const struct conf_pool *pool, const struct request *r, const struct addr *source)
{
	struct slice value = {0};

	if (pool->balance != BALANCE_MAGLEV)
		return 0;
	if (pool->hash.by == HASH_BY_HEADER)
		value = route_header(&r->fields, pool->hash.name);
	else if (pool->hash.by == HASH_BY_COOKIE)
		value = route_cookie(&r->fields, pool->hash.name);
	// An empty value is what clients without one send, and they are many.
	if (!value.len)
		return hash_of_source(source);
	return (uint32_t)(hash_bytes(value.ptr, value.len, HASH_SEED) >> 32);
}

static bool is_free(const struct site_pool *pool, uint16_t i, const uint16_t *tried, size_t n_tried)
{
	for (size_t k = 0; k < n_tried; k++)
		if (tried[k] == i)
			return false;
	return pool->backends[i].is_usable;
}

// The first free one from `start` on.
static uint16_t any_free(const struct site_pool *pool, uint32_t start, const uint16_t *tried,
                         size_t n_tried)
{
	uint32_t i = start;

	for (uint16_t n = 0; n < pool->n_backends; n++, i++) {
		if (i >= pool->n_backends)
			i = 0;
		if (is_free(pool, (uint16_t)i, tried, n_tried))
			return (uint16_t)i;
	}
	return SITE_NONE;
}

// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016)
static uint32_t draw(struct pick *p)
{
	p->random ^= p->random >> 12;
	p->random ^= p->random << 25;
	p->random ^= p->random >> 27;
	return (uint32_t)((p->random * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

static uint16_t pick_turn(struct pick *p, const struct site_pool *pool)
{
	uint32_t at = p->position;

	if (at >= pool->n_schedule) // another site's, or the random start
		at %= pool->n_schedule;
	p->position = at + 1 < pool->n_schedule ? at + 1 : 0;
	return pool->schedule[at];
}

static bool is_busier(const struct pick *p, const struct site_pool *pool, uint16_t a, uint16_t b)
{
	return (uint64_t)p->loads[a]->active * pool->backends[b].weight >
	       (uint64_t)p->loads[b]->active * pool->backends[a].weight;
}

// Two by chance, each as likely as its weight says. Two that are the same are no choice: the second is then sought where the
// schedule goes on.
static uint16_t pick_lesser(struct pick *p, const struct site_pool *pool)
{
	uint16_t a = pool->schedule[hash_range(draw(p), pool->n_schedule)];
	uint32_t at = hash_range(draw(p), pool->n_schedule);
	uint16_t b = pool->schedule[at];

	for (int i = 0; i < TRIES && b == a; i++) {
		at = at + 1 < pool->n_schedule ? at + 1 : 0;
		b = pool->schedule[at];
	}
	return is_busier(p, pool, a, b) ? b : a;
}

static uint16_t pick_nth(struct pick *p, uint8_t balance, const struct site_pool *pool,
                         uint32_t hash)
{
	switch (balance) {
	case BALANCE_MAGLEV:
		return maglev_pick(&pool->maglev, hash);
	case BALANCE_LEAST_REQUESTS:
		return pick_lesser(p, pool);
	default:
		return pick_turn(p, pool);
	}
}

uint16_t pick_backend(struct pick *p, const struct conf_pool *conf, const struct site_pool *pool,
                      uint32_t hash, const uint16_t *tried, size_t n_tried)
{
	bool is_maglev = conf->balance == BALANCE_MAGLEV;

	if (!pool->n_usable || !(is_maglev ? pool->maglev.n_slots : pool->n_schedule))
		return SITE_NONE;
	for (int i = 0; i < TRIES; i++) {
		uint16_t nth = pick_nth(p, conf->balance, pool, hash);

		if (!n_tried || is_free(pool, nth, tried, n_tried))
			return nth;
		// The same next choice for the same client, on every worker and node.
		hash = (uint32_t)(hash_mix(hash, 0, HASH_SEED) >> 32);
	}
	return any_free(pool, hash_range(is_maglev ? hash : draw(p), pool->n_backends), tried,
	                n_tried);
}
