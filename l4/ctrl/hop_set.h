// SPDX-License-Identifier: BSD-3-Clause
// The ways to all addresses that the roster's backends have: one struct hop an address, however many
// backends share it. One thread.
#pragma once

#include "l4/ctrl/hop.h"
#include "l4/model/roster.h"

struct hop_set {
	struct hop *hops;  // [n_hops] in order of addr_cmp; owned
	struct hop *spare; // both have room for STATS_BACKENDS; owned
	size_t n_hops;
};

// 0 or -ENOMEM; release with hop_set_fini().
NODISCARD int hop_set_init(struct hop_set *s);
void hop_set_fini(struct hop_set *s);

// Takes the addresses of all used roster entries, retired ones too. What is known of an address that was
// there before stays; the others are HOP_NEW. Pointers from hop_set_find() are void afterwards.
void hop_set_collect(struct hop_set *s, const struct roster *r);

// Or NULL.
struct hop *hop_set_find(const struct hop_set *s, const struct addr *address);
