// SPDX-License-Identifier: BSD-3-Clause
// The flow table of a lane: who answers a client that is already being served.
//
// Two tables, one a family. Buckets are single cache lines of 4 IPv4 or 2 IPv6 entries; a flow
// lives in one of two buckets, the emptier one (two-choice hashing: Azar, Broder, Karlin, Upfal,
// "Balanced allocations", 1999). If both are full of flows that may not go, one of those moves to
// its own other bucket (one step of cuckoo hashing: Pagh, Rodler, "Cuckoo hashing", 2004). So a
// table filled to its nominal size refuses less than one flow in a thousand; without the step, and
// with 1.5 slots a flow for both, it was one IPv4 flow in 650 and one IPv6 flow in 30
// (tests/unit/l4/data/test_flow.c). The key of an IPv4 flow is 8 bytes, compared in one
// instruction: a tag could not be shorter to check, and the line holds nothing but entries. 1.5
// slots are allocated per IPv4 flow of nominal capacity, 24 bytes, and with the reverse index of
// snat.h 32 bytes; 1.75 slots per IPv6 flow, 56 and 64 bytes.
//
// A flow is (client address, client port, service id): ids come from the roster and are not reused
// while an entry can name them. Entries name backends by id for the same reason; a new snapshot
// invalidates nothing.
//
// Bounded: when both buckets are full, an entry that timed out gives way, then the oldest closing,
// then the oldest half-open one; established and UDP flows never give way to a newcomer, which is
// then forwarded by hash alone (and counted). An attacker's SYNs thus evict SYNs.
//
// One thread, the lane's; flow_peek*() may be called by the control thread meanwhile (see there).
#pragma once

#include "l4/base/cc.h"
#include "l4/data/pkt.h"
#include "l4/model/snapshot.h"

// The last 12 bytes of every entry.
struct flow {
	be16 port;        // client's
	uint16_t service; // roster id, 0 = free slot
	uint16_t backend; // roster id
	uint16_t seen_s;  // lane clock in seconds, modulo 2^16, when the last packet passed
	be16 snat_port;   // nat: our port towards the backend, otherwise 0
	uint16_t bits;    // state (3 bits), snat address (3 bits), return path (10 bits)
};

struct flow4 {
	be32 addr; // client's
	struct flow f;
};
static_assert(sizeof(struct flow4) == 16, "four to a cache line");

struct flow6 {
	uint32_t addr[4]; // client's, network order
	struct flow f;
	uint32_t pad;
};
static_assert(sizeof(struct flow6) == 32, "two to a cache line");

enum { FLOW4_WAYS = 4, FLOW6_WAYS = 2 };

// Beside the service's id in flow.service: a second flow of the same client address and port, whose
// QUIC connection ID names another backend than the first (select_quic.h). Ids are below
// STATS_SERVICES.
enum { FLOW_BY_CID = 0x8000, FLOW_SERVICE_ID = 0x7fff };
static_assert((int)STATS_SERVICES <= (int)FLOW_BY_CID, "the flag is no part of an id");

struct flow_table {
	union {
		struct flow4 (*b4)[FLOW4_WAYS]; // [n_buckets]; owned
		struct flow6 (*b6)[FLOW6_WAYS];
		void *memory;
	};
	uint32_t n_buckets;
	uint32_t capacity; // flows, nominal
	uint32_t n_flows;  // slots in use
	uint32_t n_ports;  // of these: with a snat port
	uint32_t sweep;    // next bucket that the sweeper looks at
	uint8_t family;    // enum addr_family
	uint8_t ways;
	uint64_t seed; // random: an attacker cannot aim at a bucket
	size_t size;   // bytes mapped
};

// Maps room for `n_flows` flows (huge pages where the kernel gives them), touched at once so that
// no packet waits for a page. 0 or -ENOMEM.
NODISCARD int flow_table_init(struct flow_table *t, uint8_t family, uint32_t n_flows);
void flow_table_fini(struct flow_table *t);

static MUST_INLINE enum flow_state flow_state(const struct flow *f)
{
	return (enum flow_state)(f->bits & 7);
}

static MUST_INLINE uint8_t flow_snat(const struct flow *f)
{
	return f->bits >> 3 & 7;
}

static MUST_INLINE uint16_t flow_return_path(const struct flow *f)
{
	return f->bits >> 6;
}

static MUST_INLINE void flow_set_state(struct flow *f, enum flow_state state)
{
	f->bits = (uint16_t)((f->bits & ~7u) | (unsigned)state);
}

static MUST_INLINE uint16_t flow_bits(enum flow_state state, unsigned snat, unsigned return_path)
{
	return (uint16_t)((unsigned)state | snat << 3 | return_path << 6);
}

static MUST_INLINE bool flow_is_expired(const struct flow *f, uint16_t now_s,
                                        const uint16_t timeout_s[FLOW_STATE_COUNT])
{
	return (uint16_t)(now_s - f->seen_s) > timeout_s[flow_state(f)];
}

// The key of an IPv4 flow as one word, made in a register: stored by its parts and read as a whole it
// would wait for the store buffer.
static MUST_INLINE uint64_t flow_key4(uint32_t addr, be16 port, uint16_t service)
{
	return (uint64_t)addr | (uint64_t)be16_raw(port) << 32 | (uint64_t)service << 48;
}

// The hash of a flow; the upper and lower halves choose its two buckets. For IPv4 one multiplication by
// a secret number, folded, spreads the whole key (as in foldhash, Orson Peters, 2024).
static MUST_INLINE uint64_t flow_hash4(const struct flow_table *t, uint64_t key4)
{
	return hash_fold(key4 ^ HASH_K0, t->seed ^ HASH_K2);
}

static MUST_INLINE uint64_t flow_hash6(const struct flow_table *t, const uint32_t addr[4],
                                       be16 port, uint16_t service)
{
	uint64_t tail = (uint64_t)be16_raw(port) << 16 | service;

	return hash_mix(addr[0] | (uint64_t)addr[1] << 32,
	                (addr[2] | (uint64_t)addr[3] << 32) + tail * HASH_K1, t->seed);
}

static MUST_INLINE uint64_t flow_hash(const struct flow_table *t, const uint32_t addr[4], be16 port,
                                      uint16_t service)
{
	if (t->family == ADDR_IP4)
		return flow_hash4(t, flow_key4(addr[0], port, service));
	return flow_hash6(t, addr, port, service);
}

static MUST_INLINE void *flow_bucket(const struct flow_table *t, uint32_t half)
{
	return (char *)t->memory + (size_t)hash_range(half, t->n_buckets) * CACHE_LINE;
}

static MUST_INLINE void flow_prefetch_second(const struct flow_table *t, uint64_t hash)
{
	prefetch(flow_bucket(t, (uint32_t)hash));
}

// Looks in one bucket.
static MUST_INLINE struct flow *flow_find4(struct flow4 *bucket, uint64_t want)
{
	for (int i = 0; i < FLOW4_WAYS; i++) {
		uint64_t word;

		memcpy(&word, &bucket[i], sizeof(word));
		if (word == want)
			return &bucket[i].f;
	}
	return NULL;
}
static_assert(offsetof(struct flow4, f.service) == 6, "address, port and service are one word");

static MUST_INLINE struct flow *flow_find6(struct flow6 *bucket, const uint32_t addr[4], be16 port,
                                           uint16_t service)
{
	for (int i = 0; i < FLOW6_WAYS; i++)
		if (bucket[i].f.port == port && bucket[i].f.service == service &&
		    memcmp(bucket[i].addr, addr, sizeof(bucket[i].addr)) == 0)
			return &bucket[i].f;
	return NULL;
}

static MUST_INLINE struct flow *flow_find_in(const struct flow_table *t, void *bucket,
                                             const uint32_t addr[4], be16 port, uint16_t service)
{
	if (t->family == ADDR_IP4)
		return flow_find4(bucket, flow_key4(addr[0], port, service));
	return flow_find6(bucket, addr, port, service);
}

// Looks in the first bucket only / in both. NULL if the flow is not there. May return an expired
// one.
static MUST_INLINE struct flow *flow_find_first(const struct flow_table *t, uint64_t hash,
                                                const uint32_t addr[4], be16 port, uint16_t service)
{
	return flow_find_in(t, flow_bucket(t, (uint32_t)(hash >> 32)), addr, port, service);
}

struct flow *flow_find(const struct flow_table *t, uint64_t hash, const uint32_t addr[4], be16 port,
                       uint16_t service);

// What decides whether an entry has timed out.
struct flow_clock {
	uint16_t now_s;
	const uint16_t *timeout_s; // [FLOW_STATE_COUNT], borrowed
};

// What stood in the slot that an insertion took; its fields are meaningless unless `service` is
// set.
struct flow_victim {
	struct flow f;
	uint32_t slot;
	bool was_expired;
	struct flow *moved; // an entry that had to move, where it is now; NULL if none
};

// A slot for a flow that is not in the table, key filled in, the rest zero: state, backend, seen_s
// are the caller's to set at once. NULL if there is no room. *victim tells what had to go, and what
// moved: then its slot number is new.
struct flow *flow_insert(struct flow_table *t, uint64_t hash, const struct pkt_key *key,
                         uint16_t service, const struct flow_clock *clock,
                         struct flow_victim *victim);

// Gives the flow a snat port, or takes it away (0).
void flow_set_port(struct flow_table *t, struct flow *f, be16 port);

// Frees the slot.
void flow_remove(struct flow_table *t, struct flow *f);

// Frees what timed out in the next `n` buckets, in turn; returns how many.
uint32_t flow_sweep(struct flow_table *t, uint32_t n, uint16_t now_s,
                    const uint16_t timeout_s[FLOW_STATE_COUNT]);

// Slots are numbered so that snat.h can name one in 32 bits.
uint32_t flow_slot(const struct flow_table *t, const struct flow *f);
struct flow *flow_at(const struct flow_table *t, uint32_t slot);
uint32_t flow_n_slots(const struct flow_table *t);
// The client's address of an entry, as in pkt_key.
void flow_client(const struct flow_table *t, const struct flow *f, uint32_t addr[4]);

// For the control thread, while the lane runs: a copy of a slot that is either consistent or
// reported as free (the key is read again after the rest). False if free or torn.
struct flow_copy {
	uint32_t addr[4];
	struct flow f;
};
bool flow_peek(const struct flow_table *t, uint32_t slot, struct flow_copy *out);
bool flow_peek_find(const struct flow_table *t, const uint32_t addr[4], be16 port, uint16_t service,
                    struct flow_copy *out);
