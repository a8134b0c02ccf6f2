// SPDX-License-Identifier: BSD-3-Clause Third stage: which backend. A living flow stays where it
// is; a new one goes where Maglev says; an answer of a nat backend finds its flow, or the lane that
// owns it.
//
// Works in three passes over the burst so that table lines are on their way before they are needed:
// hash and prefetch; look in the first bucket, prefetch the second; decide.
#pragma once

#include "l4/data/lane.h"
#include "l4/data/pkt.h"

void select_burst(struct lane *lane, struct pkt *pkts, uint32_t n);

// The hash that chooses a Maglev slot: the 5-tuple, mixed the same way on every node and after
// every restart. Its upper half picks the slot; all of it orders the snat ports to try.
uint64_t select_hash(const struct pkt_key *key);
