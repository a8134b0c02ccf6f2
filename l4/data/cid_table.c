// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/cid_table.h"

#include <errno.h>
#include <string.h>

#include "l4/base/hash.h"
#include "l4/base/pages.h"

int cid_table_init(struct cid_table *t, uint32_t n)
{
	uint32_t n_buckets = n / CID_WAYS + 1;
	size_t size = (size_t)n_buckets * CACHE_LINE;
	void *memory = pages_new(size);

	if (!memory)
		return -ENOMEM;
	*t = (struct cid_table){
		.bucket = memory, .n_buckets = n_buckets, .seed = hash_random_seed(), .size = size};
	return 0;
}

void cid_table_fini(struct cid_table *t)
{
	pages_free(t->bucket, t->size);
	t->bucket = NULL;
}

static uint64_t hash_cid(const struct cid_table *t, uint16_t service, const uint8_t *cid,
                         size_t len)
{
	uint64_t hash = hash_bytes(cid, len, t->seed ^ service);

	return hash ? hash : 1;
}

static struct cid_entry *bucket_of(const struct cid_table *t, uint32_t half)
{
	return t->bucket[hash_range(half, t->n_buckets)];
}

static struct cid_entry *find_entry(const struct cid_table *t, uint64_t hash)
{
	for (int i = 0; i < 2; i++) {
		struct cid_entry *e = bucket_of(t, (uint32_t)(hash >> (i * 32)));

		for (int way = 0; way < CID_WAYS; way++)
			if (e[way].hash == hash)
				return &e[way];
	}
	return NULL;
}

// Free, or else seen longest ago.
static struct cid_entry *place_for(const struct cid_table *t, uint64_t hash, uint16_t now_s)
{
	struct cid_entry *oldest = NULL;
	uint32_t oldest_age = 0;

	for (int i = 0; i < 2; i++) {
		struct cid_entry *e = bucket_of(t, (uint32_t)(hash >> (i * 32)));

		for (int way = 0; way < CID_WAYS; way++) {
			uint32_t age = e[way].hash ? (uint16_t)(now_s - e[way].seen_s) : UINT32_MAX;

			if (oldest && age <= oldest_age)
				continue;
			oldest = &e[way];
			oldest_age = age;
		}
	}
	return oldest;
}

void cid_table_learn(struct cid_table *t, const struct cid_entry *what, const uint8_t *cid,
                     struct cid_clock clock)
{
	uint64_t hash;
	struct cid_entry *e;

	if (what->len < CID_MIN_LEN || what->len > CID_MAX_LEN)
		return;
	hash = hash_cid(t, what->service, cid, what->len);
	e = find_entry(t, hash);
	if (!e)
		e = place_for(t, hash, clock.now_s);
	*e = *what;
	e->hash = hash;
	e->seen_s = clock.now_s;
	t->lengths |= 1u << what->len;
}

static uint16_t find_exact(const struct cid_table *t, uint16_t service, const uint8_t *cid,
                           size_t len, struct cid_clock clock)
{
	struct cid_entry *e = find_entry(t, hash_cid(t, service, cid, len));

	if (!e || e->service != service || e->len != len)
		return 0;
	if ((uint16_t)(clock.now_s - e->seen_s) > clock.timeout_s)
		return 0;
	e->seen_s = clock.now_s;
	return e->backend;
}

uint16_t cid_table_find(const struct cid_table *t, uint16_t service, const uint8_t *cid, size_t len,
                        bool is_exact, struct cid_clock clock)
{
	if (is_exact) {
		if (len < CID_MIN_LEN || len > CID_MAX_LEN)
			return 0;
		return find_exact(t, service, cid, len, clock);
	}
	// Longest first: a long CID may begin like a short one, not the other way round.
	for (size_t n = CID_MAX_LEN; n >= CID_MIN_LEN; n--) {
		uint16_t backend;

		if (n > len || !(t->lengths & (1u << n)))
			continue;
		backend = find_exact(t, service, cid, n, clock);
		if (backend)
			return backend;
	}
	return 0;
}
