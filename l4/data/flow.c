// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/flow.h"

#include <errno.h>
#include <string.h>

#include "l4/base/pages.h"

// 1.5 slots a flow, 1.75 where two ways make a bucket fill up sooner; see flow.h.
static uint32_t buckets_for(uint32_t n_flows, uint32_t ways)
{
	uint64_t n_slots = (uint64_t)n_flows * (ways == FLOW6_WAYS ? 7 : 6) / 4;
	uint64_t n = (n_slots + ways - 1) / ways;

	return n ? (uint32_t)n : 1;
}

int flow_table_init(struct flow_table *t, uint8_t family, uint32_t n_flows)
{
	uint8_t ways = family == ADDR_IP4 ? FLOW4_WAYS : FLOW6_WAYS;
	uint32_t n_buckets = buckets_for(n_flows, ways);
	size_t size = (size_t)n_buckets * CACHE_LINE;
	void *memory = pages_new(size);

	if (!memory)
		return -ENOMEM;
	*t = (struct flow_table){.memory = memory,
	                         .n_buckets = n_buckets,
	                         .capacity = n_flows,
	                         .family = family,
	                         .ways = ways,
	                         .seed = hash_random_seed(),
	                         .size = size};
	return 0;
}

void flow_table_fini(struct flow_table *t)
{
	pages_free(t->memory, t->size);
	t->memory = NULL;
}

struct flow *flow_find(const struct flow_table *t, uint64_t hash, const uint32_t addr[4], be16 port,
                       uint16_t service)
{
	struct flow *f = flow_find_first(t, hash, addr, port, service);

	return f ? f : flow_find_in(t, flow_bucket(t, (uint32_t)hash), addr, port, service);
}

static struct flow *entry_at(const struct flow_table *t, void *bucket, unsigned way)
{
	if (t->family == ADDR_IP4)
		return &((struct flow4 *)bucket)[way].f;
	return &((struct flow6 *)bucket)[way].f;
}

// How willingly an entry gives way: 0 never, then the older the more willing; a state outweighs any
// age.
static uint32_t willingness(const struct flow *f, uint16_t now_s,
                            const uint16_t timeout_s[FLOW_STATE_COUNT])
{
	uint16_t age = (uint16_t)(now_s - f->seen_s);

	if (!f->service)
		return UINT32_MAX;
	if (flow_is_expired(f, now_s, timeout_s))
		return UINT32_C(0x30000) + age;
	if (flow_state(f) == FLOW_CLOSING || flow_state(f) == FLOW_RESET)
		return UINT32_C(0x20000) + age;
	if (flow_state(f) == FLOW_OPENING)
		return UINT32_C(0x10000) + age;
	return 0;
}

struct choice {
	struct flow *f;
	uint32_t willing;
	unsigned n_free;
};

static struct choice choose(const struct flow_table *t, void *bucket, uint16_t now_s,
                            const uint16_t timeout_s[FLOW_STATE_COUNT])
{
	struct choice c = {0};

	for (unsigned way = 0; way < t->ways; way++) {
		struct flow *f = entry_at(t, bucket, way);
		uint32_t willing = willingness(f, now_s, timeout_s);

		c.n_free += willing == UINT32_MAX;
		if (willing > c.willing) {
			c.willing = willing;
			c.f = f;
		}
	}
	return c;
}

static void fill_key(const struct flow_table *t, struct flow *f, const struct pkt_key *key,
                     uint16_t service)
{
	if (t->family == ADDR_IP4) {
		struct flow4 *e = CONTAINER_OF(f, struct flow4, f);

		*e = (struct flow4){.addr = be32_of_raw(key->src[0]),
		                    .f = {.port = key->sport, .service = service}};
		return;
	}
	struct flow6 *e = CONTAINER_OF(f, struct flow6, f);

	*e = (struct flow6){.f = {.port = key->sport, .service = service}};
	memcpy(e->addr, key->src, sizeof(e->addr));
}

void flow_client(const struct flow_table *t, const struct flow *f, uint32_t addr[4])
{
	const struct flow4 *e4 = (const void *)((const char *)f - offsetof(struct flow4, f));
	const struct flow6 *e6 = (const void *)((const char *)f - offsetof(struct flow6, f));

	memset(addr, 0, 4 * sizeof(addr[0]));
	if (t->family == ADDR_IP4)
		addr[0] = be32_raw(e4->addr);
	else
		memcpy(addr, e6->addr, sizeof(e6->addr));
}

// The other bucket of an entry that lies in `bucket`.
static void *other_bucket(const struct flow_table *t, const struct flow *f, const void *bucket)
{
	uint32_t addr[4];
	uint64_t hash;
	void *first;

	flow_client(t, f, addr);
	hash = flow_hash(t, addr, f->port, f->service);
	first = flow_bucket(t, (uint32_t)(hash >> 32));
	return first == bucket ? flow_bucket(t, (uint32_t)hash) : first;
}

static struct flow *free_entry(const struct flow_table *t, void *bucket)
{
	for (unsigned way = 0; way < t->ways; way++)
		if (!entry_at(t, bucket, way)->service)
			return entry_at(t, bucket, way);
	return NULL;
}

// Empties a slot of a full bucket by moving its entry; NULL if all other buckets are full, too.
static struct flow *make_room(struct flow_table *t, void *bucket, struct flow **moved)
{
	size_t size = CACHE_LINE / t->ways;
	size_t head = t->family == ADDR_IP4 ? offsetof(struct flow4, f) : offsetof(struct flow6, f);

	for (unsigned way = 0; way < t->ways; way++) {
		struct flow *f = entry_at(t, bucket, way);
		struct flow *to = free_entry(t, other_bucket(t, f, bucket));

		if (!to)
			continue;
		memcpy((char *)to - head, (char *)f - head, size);
		*moved = to;
		*f = (struct flow){0};
		return f;
	}
	return NULL;
}

struct flow *flow_insert(struct flow_table *t, uint64_t hash, const struct pkt_key *key,
                         uint16_t service, const struct flow_clock *clock,
                         struct flow_victim *victim)
{
	void *first = flow_bucket(t, (uint32_t)(hash >> 32)),
	     *second = flow_bucket(t, (uint32_t)hash);
	struct choice a = choose(t, first, clock->now_s, clock->timeout_s);
	struct choice b = choose(t, second, clock->now_s, clock->timeout_s);
	// The emptier bucket; on a tie the first, whose line a lookup already has.
	struct choice *c =
		b.willing > a.willing || (b.willing == a.willing && b.n_free > a.n_free) ? &b : &a;

	*victim = (struct flow_victim){0};
	if (!c->f)
		c->f = make_room(t, first, &victim->moved);
	if (!c->f)
		c->f = make_room(t, second, &victim->moved);
	if (!c->f)
		return NULL;
	victim->f = *c->f;
	victim->slot = flow_slot(t, c->f);
	victim->was_expired = c->willing >= UINT32_C(0x30000);
	if (victim->f.service)
		flow_set_port(t, c->f, be16_from(0));
	else
		t->n_flows++;
	fill_key(t, c->f, key, service);
	return c->f;
}

void flow_set_port(struct flow_table *t, struct flow *f, be16 port)
{
	t->n_ports += be16_raw(port) != 0;
	t->n_ports -= be16_raw(f->snat_port) != 0;
	f->snat_port = port;
}

void flow_remove(struct flow_table *t, struct flow *f)
{
	HOT_ASSERT(f->service && t->n_flows);
	flow_set_port(t, f, be16_from(0));
	f->service = 0;
	t->n_flows--;
}

uint32_t flow_sweep(struct flow_table *t, uint32_t n, uint16_t now_s,
                    const uint16_t timeout_s[FLOW_STATE_COUNT])
{
	uint32_t n_expired = 0;

	for (; n; n--) {
		void *bucket = (char *)t->memory + (size_t)t->sweep * CACHE_LINE;

		for (unsigned way = 0; way < t->ways; way++) {
			struct flow *f = entry_at(t, bucket, way);

			if (!f->service || !flow_is_expired(f, now_s, timeout_s))
				continue;
			flow_remove(t, f);
			n_expired++;
		}
		t->sweep = t->sweep + 1 == t->n_buckets ? 0 : t->sweep + 1;
	}
	return n_expired;
}

uint32_t flow_slot(const struct flow_table *t, const struct flow *f)
{
	size_t offset = (size_t)((const char *)f - (const char *)t->memory);

	return (uint32_t)(offset / (CACHE_LINE / t->ways));
}

struct flow *flow_at(const struct flow_table *t, uint32_t slot)
{
	HOT_ASSERT(slot < flow_n_slots(t));
	return entry_at(t, t->memory, slot);
}

uint32_t flow_n_slots(const struct flow_table *t)
{
	return t->n_buckets * t->ways;
}

// The lane writes while we read. Words are loaded whole; the key is compared before and after.
static void load_words(const void *from, uint32_t *to, size_t n)
{
	const uint32_t *word = from;

	for (size_t i = 0; i < n; i++)
		to[i] = __atomic_load_n(&word[i], __ATOMIC_ACQUIRE);
}

bool flow_peek(const struct flow_table *t, uint32_t slot, struct flow_copy *out)
{
	size_t size = CACHE_LINE / t->ways;
	const char *entry = (const char *)t->memory + (size_t)slot * size;
	uint32_t first[sizeof(struct flow6) / 4], again[sizeof(struct flow6) / 4];
	size_t n_addr = t->family == ADDR_IP4 ? 1 : 4;
	size_t n_key = n_addr + 1; // port and service share a word

	load_words(entry, first, size / 4);
	load_words(entry, again, n_key);
	if (memcmp(first, again, n_key * 4) != 0)
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->addr, first, n_addr * 4);
	memcpy(&out->f, &first[n_addr], sizeof(out->f));
	// A key without a backend is a slot that is being filled.
	return out->f.service && out->f.backend;
}

bool flow_peek_find(const struct flow_table *t, const uint32_t addr[4], be16 port, uint16_t service,
                    struct flow_copy *out)
{
	uint64_t hash = flow_hash(t, addr, port, service);
	uint32_t halves[2] = {(uint32_t)(hash >> 32), (uint32_t)hash};

	for (int i = 0; i < 2; i++) {
		uint32_t slot = hash_range(halves[i], t->n_buckets) * t->ways;

		for (unsigned way = 0; way < t->ways; way++)
			if (flow_peek(t, slot + way, out) && out->f.port == port &&
			    out->f.service == service &&
			    memcmp(out->addr, addr, sizeof(out->addr)) == 0)
				return true;
	}
	return false;
}
