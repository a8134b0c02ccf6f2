// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/snat.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static int index_init(struct snat_index *x, const struct flow_table *flows)
{
	// Two entries a flow of nominal capacity; the table has 1.5 slots for one.
	uint32_t n_buckets = (uint32_t)((uint64_t)flow_n_slots(flows) * 4 / 3 / SNAT_WAYS) + 1;
	size_t size = (size_t)n_buckets * CACHE_LINE;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -ENOMEM;
	if (madvise(memory, size, MADV_HUGEPAGE) != 0)
		errno = 0;
	memset(memory, 0, size);
	*x = (struct snat_index){.bucket = memory,
	                         .n_buckets = n_buckets,
	                         .flows = flows,
	                         .seed = hash_random_seed(),
	                         .size = size};
	return 0;
}

static void index_fini(struct snat_index *x)
{
	if (x->bucket)
		munmap(x->bucket, x->size);
	x->bucket = NULL;
}

int snat_init(struct snat *s, const struct flow_table *flows4, const struct flow_table *flows6,
              uint16_t lane, uint16_t n_lanes)
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

static bool key_eq(const struct snat_key *a, const struct snat_key *b)
{
	return a->backend == b->backend && a->address == b->address && a->port == b->port;
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
		if (key_eq(&other, k))
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

// A flow may have been inserted over one that timed out but whose key the port search still finds:
// such a flow does not keep its port.
static bool is_taken(const struct snat *s, const struct snat_index *x, const struct snat_key *k,
                     const struct snat_clock *clock)
{
	const struct flow *f = snat_find(x, k);

	return f && !flow_is_expired(f, clock->now_s, clock->timeout_s);
}

int snat_assign(struct snat *s, struct snat_index *x, struct flow *f, const struct snapshot *snap,
                const struct snat_clock *clock, uint64_t want)
{
	uint32_t span = (uint32_t)snap->snat_last - snap->snat_first + 1;
	uint32_t n_ports = span > s->lane ? (span - s->lane - 1) / s->n_lanes + 1 : 0;
	unsigned n_addr = count_addresses(snap, x->flows->family);
	uint32_t start = hash_range((uint32_t)(want >> 32), n_ports);
	uint32_t first = hash_range((uint32_t)want, n_addr);

	if (!n_addr)
		return -EADDRNOTAVAIL;
	for (uint32_t i = 0; i < SNAT_TRIES && i < n_ports * n_addr; i++) {
		uint32_t nth = start + i / n_addr < n_ports ? start + i / n_addr
		                                            : start + i / n_addr - n_ports;
		struct snat_key k = {
			.backend = f->backend,
			.address = (uint8_t)((first + i) % n_addr),
			.port = be16_from(
				(uint16_t)(snap->snat_first + s->lane + nth * s->n_lanes)),
		};

		if (is_taken(s, x, &k, clock) || !index_add(x, &k, flow_slot(x->flows, f)))
			continue;
		f->snat_port = k.port;
		f->bits = flow_bits(flow_state(f), k.address, flow_return_path(f));
		return 0;
	}
	return -EADDRINUSE;
}
