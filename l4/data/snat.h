// SPDX-License-Identifier: BSD-3-Clause
// Full NAT of a lane: which of our ports towards a backend belongs to which flow, and back.
//
// A reply is found by (server, snat address, snat port): the same port serves as many flows as
// there are servers. A server is an address and a port; several pools may have it, and then share
// its ports. The reverse index holds 4-byte slot numbers of the flow table, in 64-byte buckets of
// 16; an index entry counts only while its flow entry agrees, so nothing has to be deleted in step
// with the flow table.
//
// SNAT_TRIES bounds the search for a free port: with a range filled to 90 % by flows towards one
// backend, one flow in thirty is refused (0.9 ^ 32); the remedy is one more snat address.
//
// Ports: lane l of n owns the ports p of the configured range with (p - first) % n == l; a
// reply that a NIC gives to another lane is handed to its owner, which snat_owner() tells. A flow
// asks for ports in an order derived from its own key by a fixed hash, so that a daemon that was
// killed and started again gives most flows the very port they had, and their connections go on.
//
// One thread, the lane's.
#pragma once

#include "l4/data/flow.h"

enum { SNAT_WAYS = 16, SNAT_TRIES = 32 };

struct snat_index {
	uint32_t (*bucket)[SNAT_WAYS]; // [n_buckets], slot + 1 of the flow table, 0 = free; owned
	uint32_t n_buckets;
	struct flow_table *flows;            // borrowed
	const struct snap_backend *backends; // of the lane's snapshot (snat_use()); borrowed
	uint64_t seed;
	size_t size;
};

struct snat {
	struct snat_index index[2]; // IPv4, IPv6
	uint16_t lane;
	uint16_t n_lanes;
};

struct snat_key {
	uint16_t backend; // roster id; stands for its server
	uint8_t address;  // number of the snat address within its family
	be16 port;
};

NODISCARD int snat_init(struct snat *s, struct flow_table *flows4, struct flow_table *flows6,
                        uint16_t lane, uint16_t n_lanes);
void snat_fini(struct snat *s);

// Which servers the backends are. At every change of snapshot, before anything else is asked.
static MUST_INLINE void snat_use(struct snat *s, const struct snapshot *snap)
{
	s->index[0].backends = snap->backends;
	s->index[1].backends = snap->backends;
}

// Lane that owns a port of the range; `port` must lie in first..last.
static MUST_INLINE uint16_t snat_owner(uint16_t port, uint16_t first, uint16_t n_lanes)
{
	return (uint16_t)((port - first) % n_lanes);
}

static MUST_INLINE uint64_t snat_hash(const struct snat_index *x, const struct snat_key *k)
{
	uint64_t server = x->backends[k->backend].server;

	return hash_mix(server << 32 | (uint64_t)k->address << 16 | be16_raw(k->port), 0, x->seed);
}

static MUST_INLINE void snat_prefetch(const struct snat_index *x, uint64_t hash)
{
	prefetch(&x->bucket[hash_range((uint32_t)(hash >> 32), x->n_buckets)]);
}

// The flow that a reply belongs to, NULL if none.
struct flow *snat_find(const struct snat_index *x, const struct snat_key *k);

// Chooses an address and a port towards backend f->backend for a flow that was just inserted,
// writes them into *f and into the index. `want` comes from a fixed hash of the client's side.
// A flow that timed out while it held the port leaves the table; if no port is free, so does the
// weakest holder that was met: one that no server has answered, or that is closing.
// Returns 0,
// -EADDRNOTAVAIL (no address of the family) or -EADDRINUSE (all SNAT_TRIES candidates are taken by living flows).
NODISCARD int snat_assign(struct snat *s, struct snat_index *x, struct flow *f,
                          const struct snapshot *snap, const struct flow_clock *clock,
                          uint64_t want);

// To be told that a flow, with a port or without, has moved to another slot (flow_insert()).
void snat_moved(struct snat_index *x, const struct flow *f);

// n-th snat address of a family in the snapshot, NULL if there are fewer; and the reverse.
const struct addr *snat_address(const struct snapshot *snap, uint8_t family, unsigned n);
uint8_t snat_number(const struct snapshot *snap, unsigned index);
