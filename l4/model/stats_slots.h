// SPDX-License-Identifier: BSD-3-Clause
// Sums over a region of the counter store: sets of uint64_t, one for each id in each slot, where a slot is a lane's, a CPU's or a
// worker's own. Both halves of the store are read through it; stats_counters() and stats_l7_counters() say where a region lies.
#pragma once

#include "l4/base/cc.h"

struct stats_slots {
	const void *
		base; // set of slot s and id i: base + (s * n_ids + i) * stride; borrowed from the mapping
	uint32_t n_slots;
	uint32_t n_ids;
	uint32_t stride; // bytes, a multiple of 8
};

// Writes the sums of `size` bytes at `offset` of the sets of an id to `out`, all three multiples of 8. id < n_ids. Writers may add
// meanwhile: each word is whole, and some are newer than others.
void stats_slots_sum(const struct stats_slots *s, uint32_t id, size_t offset, void *out,
                     size_t size);

// One word of it.
static inline uint64_t stats_slots_word(const struct stats_slots *s, uint32_t id, size_t offset)
{
	uint64_t added;

	stats_slots_sum(s, id, offset, &added, sizeof(added));
	return added;
}
