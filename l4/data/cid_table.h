// SPDX-License-Identifier: BSD-3-Clause Connection IDs that servers without QUIC-LB chose for
// themselves, learned from the long headers of their own answers (nat services only: elsewhere
// answers do not pass here). With them a connection whose client was given another address or port
// by a NAT still reaches its server.
//
// A set of (service, CID) -> backend in 16-byte entries, four to a cache line; a CID is kept as 64
// bits of a hash with a random seed, so nobody can aim at another's. Two buckets a CID; when both
// are full the entry that was seen longest ago gives way. Short headers do not tell how long their
// CID is: the lengths that servers were seen to use are remembered, and all of them are tried.
//
// One thread, the lane's.
#pragma once

#include "l4/base/be.h"
#include "l4/base/cc.h"

enum {
	CID_WAYS = 4,
	CID_MAX_LEN = 20, // octets, QUIC v1 and v2 (RFC 9000, section 17.2)
	CID_MIN_LEN = 4,  // shorter ones are no names: servers that use them do not migrate
};

struct cid_entry {
	uint64_t hash;    // never 0: that is a free entry
	uint16_t service; // roster id
	uint16_t backend; // roster id
	uint16_t seen_s;  // lane clock, as flow.seen_s
	uint16_t len;     // octets
};
static_assert(sizeof(struct cid_entry) == 16, "four to a cache line");

struct cid_table {
	struct cid_entry (*bucket)[CID_WAYS]; // [n_buckets]; owned
	uint32_t n_buckets;
	uint32_t lengths; // bit n: a CID of n octets was learned
	uint64_t seed;
	size_t size;
};

// The clock by which entries are too old.
struct cid_clock {
	uint16_t now_s;
	uint16_t timeout_s;
};

// Room for `n` CIDs, allocated at once. 0 or -ENOMEM.
NODISCARD int cid_table_init(struct cid_table *t, uint32_t n);
void cid_table_fini(struct cid_table *t);

// Remembers that `cid`, of `len` octets, belongs to `backend`; does nothing for lengths that are no
// names.
void cid_table_learn(struct cid_table *t, const struct cid_entry *what, const uint8_t *cid,
                     struct cid_clock clock);

// The backend of the connection ID at `cid`, of which at most `len` octets are there (short header)
// or exactly `len` (`is_exact`, long header); 0 if it is not known. Refreshes the entry.
uint16_t cid_table_find(const struct cid_table *t, uint16_t service, const uint8_t *cid, size_t len,
                        bool is_exact, struct cid_clock clock);

static inline bool cid_table_is_empty(const struct cid_table *t)
{
	return !t->lengths;
}
