// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/snat.h"

#include <errno.h>
#include <string.h>

#include "l4/base/pages.h"

static int index_init(struct snat_index *x, struct flow_table *flows)
{
	// Two entries a flow of nominal capacity.
	uint32_t n_buckets =
		(uint32_t)(((uint64_t)flows->capacity * 2 + SNAT_WAYS - 1) / SNAT_WAYS);
	size_t size = (size_t)n_buckets * CACHE_LINE;
	void *memory = pages_new(size);

	if (!memory)
		return -ENOMEM;
	*x = (struct snat_index){.bucket = memory,
	                         .n_buckets = n_buckets,
	                         .flows = flows,
	                         .seed = hash_random_seed(),
	                         .size = size};
	return 0;
}

static void index_fini(struct snat_index *x)
{
	pages_free(x->bucket, x->size);
	x->bucket = NULL;
}

int snat_init(struct snat *s, struct flow_table *flows4, struct flow_table *flows6, uint16_t lane,
              uint16_t n_lanes)
{
	struct snat new = {.lane = lane, .n_lanes = n_lanes};
	int rc = index_init(&new.index[0], flows4);

	if (rc)
		return rc;
	rc = index_init(&new.index[1], flows6);
	if (rc)
		goto err_index4;
	*s = new;
	return 0;
err_index4:
	index_fini(&new.index[0]);
	return rc;
}

void snat_fini(struct snat *s)
{
	index_fini(&s->index[0]);
	index_fini(&s->index[1]);
}

static struct snat_key key_of(const struct flow *f)
{
	return (struct snat_key){
		.backend = f->backend, .address = flow_snat(f), .port = f->snat_port};
}

static bool key_eq(const struct snat_index *x, const struct snat_key *a, const struct snat_key *b)
{
	return x->backends[a->backend].server == x->backends[b->backend].server &&
	       a->address == b->address && a->port == b->port;
}

static uint32_t *bucket_of(const struct snat_index *x, const struct snat_key *k)
{
	return x->bucket[hash_range((uint32_t)(snat_hash(x, k) >> 32), x->n_buckets)];
}

// The flow behind an index entry if it is a nat flow that still lives, NULL if the entry is stale.
static struct flow *flow_of(const struct snat_index *x, uint32_t entry)
{
	struct flow *f = entry ? flow_at(x->flows, entry - 1) : NULL;

	return f && f->service && be16_raw(f->snat_port) ? f : NULL;
}

struct flow *snat_find(const struct snat_index *x, const struct snat_key *k)
{
	const uint32_t *bucket = bucket_of(x, k);

	for (int i = 0; i < SNAT_WAYS; i++) {
		struct flow *f = flow_of(x, bucket[i]);
		struct snat_key other;

		if (!f)
			continue;
		other = key_of(f);
		if (key_eq(x, &other, k))
			return f;
	}
	return NULL;
}

static bool is_stale(const struct snat_index *x, const uint32_t *bucket, uint32_t entry)
{
	const struct flow *f = flow_of(x, entry);
	struct snat_key k;

	if (!f)
		return true;
	k = key_of(f);
	return bucket_of(x, &k) != bucket;
}

static bool index_add(struct snat_index *x, const struct snat_key *k, uint32_t slot)
{
	uint32_t *bucket = bucket_of(x, k);

	for (int i = 0; i < SNAT_WAYS; i++) {
		if (!is_stale(x, bucket, bucket[i]))
			continue;
		bucket[i] = slot + 1;
		return true;
	}
	return false;
}

void snat_moved(struct snat_index *x, const struct flow *f)
{
	struct snat_key k = key_of(f);

	// There is room: the entry with the old slot is in the same bucket, and stale now.
	if (be16_raw(f->snat_port))
		index_add(x, &k, flow_slot(x->flows, f));
}

const struct addr *snat_address(const struct snapshot *snap, uint8_t family, unsigned n)
{
	for (unsigned i = 0; i < snap->n_snat; i++)
		if (snap->snat[i].family == family && n-- == 0)
			return &snap->snat[i];
	return NULL;
}

uint8_t snat_number(const struct snapshot *snap, unsigned index)
{
	uint8_t n = 0;

	for (unsigned i = 0; i < index; i++)
		n += snap->snat[i].family == snap->snat[index].family;
	return n;
}

static unsigned count_addresses(const struct snapshot *snap, uint8_t family)
{
	unsigned n = 0;

	for (unsigned i = 0; i < snap->n_snat; i++)
		n += snap->snat[i].family == family;
	return n;
}

// The flow that holds a port, NULL if it is free. One that timed out, but that nobody has removed
// yet, makes room: two flows with one port would leave it to chance which of them an answer finds.
static struct flow *holder_of(const struct snat_index *x, const struct snat_key *k,
                              const struct flow_clock *clock)
{
	struct flow *f = snat_find(x, k);

	if (!f || !flow_is_expired(f, clock->now_s, clock->timeout_s))
		return f;
	flow_remove(x->flows, f);
	return NULL;
}

// Of the flows met on the way, the one that is missed least: without an answer yet or closing, and
// of those the one that was seen longest ago. So a flood from forged sources takes its ports from
// itself.
struct weakest {
	struct flow *f;
	struct snat_key key;
	uint16_t age_s;
};

static void weigh(struct weakest *w, struct flow *f, const struct snat_key *k, uint16_t now_s)
{
	uint16_t age_s = (uint16_t)(now_s - f->seen_s);

	// Handshakes in flight are left alone: a second is longer than a round trip.
	if (flow_state(f) > FLOW_OPENING || age_s < 1 || (w->f && age_s <= w->age_s))
		return;
	*w = (struct weakest){.f = f, .key = *k, .age_s = age_s};
}

// All (port, address) pairs of the lane, walked in steps that have no divisor in common with their
// number and so meet each pair once: products of primes that are greater than it. With few
// different steps the walks would fall in with each other and form long runs of taken ports, as
// linear probing does: 34 % of flows refused at 90 % load with one, 8 % with four, 4 % with the 136
// of sixteen primes.
struct walk {
	uint32_t total;
	uint32_t at;
	uint32_t step;
};

static struct walk walk_begin(uint32_t total, uint64_t want)
{
	static const uint32_t primes[16] = {
		3951473297, 3564330577, 3456581801, 3408033659, 4012708481, 3891707957,
		4177684891, 2892120629, 2572688983, 3393510431, 3486002011, 3948008501,
		3218842477, 2233968787, 3861510787, 2977887961,
	};
	uint64_t a = primes[want >> 32 & 15] % total, b = primes[want >> 36 & 15] % total;

	// The start not by the upper bits of `want`: they chose the backend.
	return (struct walk){
		.total = total,
		.at = hash_range((uint32_t)want, total),
		.step = (uint32_t)(a * b % total),
	};
}

static void walk_on(struct walk *w)
{
	w->at = w->at < w->total - w->step ? w->at + w->step : w->at - (w->total - w->step);
}

static uint32_t count_ports(const struct snat *s, const struct snapshot *snap)
{
	uint32_t span = (uint32_t)snap->snat_last - snap->snat_first + 1;

	return span > s->lane ? (span - s->lane - 1) / s->n_lanes + 1 : 0;
}

static bool take(struct snat_index *x, struct flow *f, const struct snat_key *k)
{
	if (!index_add(x, k, flow_slot(x->flows, f)))
		return false;
	flow_set_port(x->flows, f, k->port);
	f->bits = flow_bits(flow_state(f), k->address, flow_return_path(f));
	return true;
}

int snat_assign(struct snat *s, struct snat_index *x, struct flow *f, const struct snapshot *snap,
                const struct flow_clock *clock, uint64_t want)
{
	unsigned n_addr = count_addresses(snap, x->flows->family);
	uint32_t total = count_ports(s, snap) * n_addr;
	struct weakest weakest = {0};
	struct walk w;

	if (!n_addr)
		return -EADDRNOTAVAIL;
	if (!total)
		return -EADDRINUSE;
	w = walk_begin(total, want);
	for (uint32_t i = 0; i < SNAT_TRIES && i < total; i++, walk_on(&w)) {
		uint32_t nth = w.at / n_addr;
		struct snat_key k = {
			.backend = f->backend,
			.address = (uint8_t)(w.at % n_addr),
			.port = be16_from(
				(uint16_t)(snap->snat_first + s->lane + nth * s->n_lanes)),
		};
		struct flow *holder = holder_of(x, &k, clock);

		if (holder)
			weigh(&weakest, holder, &k, clock->now_s);
		else if (take(x, f, &k))
			return 0;
	}
	if (!weakest.f)
		return -EADDRINUSE;
	flow_remove(x->flows, weakest.f);
	return take(x, f, &weakest.key) ? 0 : -EADDRINUSE;
}
