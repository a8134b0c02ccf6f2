// SPDX-License-Identifier: BSD-3-Clause
// Maglev lookup table: which backend takes a new flow, without state, the same on every node.
// Built by the control plane, then read-only; any number of lanes may call maglev_pick().
//
// After Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016,
// section 3.4: each backend has its own permutation of all slots, and they take slots in turn. Three
// rules differ, each for less disruption:
// - A backend whose next slot is taken loses its turn instead of looking on for a free one, and
//   stops at its quota (its weight's share in whole slots). Who gets a slot then depends on who
//   comes to it first in time, as in rendezvous hashing, and hardly on everybody's progress. The
//   quotas are what "Consistent Hashing with Bounded Loads" (Mirrokni et al., SODA 2018) adds to
//   that, with a bound of 1.
// - Weights are speeds: who weighs twice as much bids twice as often.
// - Two phases: all configured backends share the table, usable or not; then the slots of the
//   unusable ones are shared among the usable ones in the same way. So nobody else's slot moves when
//   a backend goes down or comes back, and it gets back exactly the slots that it had.
//
// Measured with 65537 slots, mean of 20 sets (worst set), beside textbook Maglev where weights are
// equal; disruption = slots of *other* backends that changed hands:
//
//	                            100 equal       textbook        100 of 1..1000   1000 equal
//	1 removed from the conf     0.30 (0.33) %   0.58 (0.63) %   0.26 (0.43) %    0.34 (0.37) %
//	1 becomes unusable          0               0.58 (0.63) %   0                0
//	a 2nd becomes unusable      0.15 % [1]      -               0.12 % [1]       0.06 % [1]
//	weight of 1 halved          0.23 %          -               0.21 %           0.20 %
//	least..most / ideal         0.999..1.001    0.999..1.001    0.994..1.008 [2] 0.992..1.007 [2]
//	build (bench_maglev)        1.0 ms          1.2 ms          -                1.3 ms [3]
//
// [1] only slots that the first had lent out. [2] within one slot: 1/65 of the share of one in 1000;
// the others: of shares above 100 slots. [3] textbook 1.3 ms; weights of 1..1000 1.6 ms; and with half
// of those unusable, two full phases, 3.1 ms.
// Taking away much at once moves more: the one backend of weight 1000 beside 999 of weight 1, half
// of all capacity, moves 11 % of the others' slots when it leaves the configuration.
#pragma once

#include "l4/base/hash.h"

enum {
	MAGLEV_N_SLOTS = 65537,      // the paper's smaller table (section 5.3): 128 KiB, fits in L2
	MAGLEV_MAX_SLOTS = 16777213, // the largest prime below 2^24
	MAGLEV_NONE = 0xffff,        // in a slot: nobody is usable
};

struct maglev_backend {
	uint64_t
		identity; // hash_bytes() of address and port with a fixed seed: the same on all nodes
	uint16_t id;      // what maglev_pick() returns; any but MAGLEV_NONE
	uint16_t weight; // relative share; 0 = nothing, otherwise one slot at least
	bool usable;     // false: configured, but down, draining or unhealthy
};

struct maglev {
	uint16_t *
		slot; // slot[n_slots]: a backend's id, so that the packet path looks up once; owned
	uint32_t n_slots; // prime
};

// Fills *m; release with maglev_fini(). The table depends on the backends' identities, weights,
// usability and n_slots only: not on the order of the array, not on the ids, not on the past. Twins
// of one identity are ordered by id.
// Returns 0;
// -ENOENT if nobody is usable with a weight above 0: *m is a valid table nevertheless, MAGLEV_NONE
//   in every slot, to be published and released like any other (a pool may be down for a while);
// -EINVAL, *m untouched, if n_slots is not a prime up to MAGLEV_MAX_SLOTS, n is above n_slots or
//   65534, or an id is MAGLEV_NONE;
// -ENOMEM, *m untouched.
NODISCARD int maglev_build(struct maglev *m, const struct maglev_backend *backends, size_t n,
                           uint32_t n_slots);

// Leaves *m empty; an empty one (all zero) is fine, too.
void maglev_fini(struct maglev *m);

// The id of the backend for a flow, or MAGLEV_NONE. `hash` needs good high bits, e.g. the upper half
// of hash_mix(), and a seed that all nodes share.
static inline uint16_t maglev_pick(const struct maglev *m, uint32_t hash)
{
	return m->slot[hash_range(hash, m->n_slots)];
}
