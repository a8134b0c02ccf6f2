// SPDX-License-Identifier: BSD-3-Clause
// Which backend has a server ID: one table for each QUIC-LB configuration of a service.
// Built by the control plane from an arena, which owns the memory; read-only afterwards, so any
// number of lanes may look up. IDs of one or two octets index an array, longer ones a hash table
// with open addressing that is at most half full.
#pragma once

#include "l4/base/arena.h"
#include "l4/base/hash.h"
#include "l4/data/quic_lb.h"

// No such server. Hence backends are 0..65534.
#define QUIC_LB_NO_BACKEND UINT16_MAX

struct quic_lb_server {
	struct slice id;  // borrowed during the build
	uint16_t backend; // stable id, 0..65534
};

struct quic_lb_slot {
	struct quic_lb_sid sid;
	uint16_t backend; // QUIC_LB_NO_BACKEND = empty
};
static_assert(sizeof(struct quic_lb_slot) == 32, "never lies across two cache lines");

struct quic_lb_servers {
	const struct quic_lb_server *server; // [n]
	size_t n;
	uint8_t id_len; // octets, the configuration's server_id_length
};

// A table of zero bytes has no servers.
struct quic_lb_table {
	const uint16_t *direct;          // [mask + 1], by the ID's octets as a little-endian number
	const struct quic_lb_slot *slot; // [mask + 1]; one of the two is NULL
	uint64_t mask;                   // a power of two, less one
};

// Fills *t with the servers, whose IDs must all have `id_len` octets and differ.
// Returns 0, -EINVAL with a sentence such as "server_id: 000001 is used twice", or -ENOMEM; *t is
// untouched then.
NODISCARD int quic_lb_table_build(struct quic_lb_table *t, struct arena *arena,
                                  const struct quic_lb_servers *servers, struct err *err);

// The keys come from the operator, so nobody can fill a bucket on purpose and the seed may be fixed.
static MUST_INLINE uint64_t quic_lb_table_home(const struct quic_lb_table *t,
                                               const struct quic_lb_sid *sid)
{
	return hash_mix(sid->word[0], sid->word[1], HASH_K0) & t->mask;
}

// Fetches what quic_lb_table_find() will read first. Call for a whole burst, then look up.
static MUST_INLINE void quic_lb_table_prefetch(const struct quic_lb_table *t,
                                               const struct quic_lb_sid *sid)
{
	if (t->direct)
		prefetch(&t->direct[sid->word[0] & t->mask]);
	else if (t->slot)
		prefetch(&t->slot[quic_lb_table_home(t, sid)]);
}

// The server's backend, or QUIC_LB_NO_BACKEND. *sid comes from the table's configuration.
static MUST_INLINE uint16_t quic_lb_table_find(const struct quic_lb_table *t,
                                               const struct quic_lb_sid *sid)
{
	if (t->direct)
		return t->direct[sid->word[0] & t->mask];
	if (!t->slot)
		return QUIC_LB_NO_BACKEND;
	for (uint64_t i = quic_lb_table_home(t, sid);; i = (i + 1) & t->mask) {
		const struct quic_lb_slot *s = &t->slot[i];
		bool same =
			((s->sid.word[0] ^ sid->word[0]) | (s->sid.word[1] ^ sid->word[1])) == 0;

		if (same || s->backend == QUIC_LB_NO_BACKEND)
			return s->backend;
	}
}
