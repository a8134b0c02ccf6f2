// SPDX-License-Identifier: BSD-3-Clause
// Writes a set of things to a page in small steps: family by family, each in one piece, and in a family thing by thing.
// Main thread.
#pragma once

#include "l7/metrics_set.h"

struct metrics_walk {
	const struct metrics_set *set; // borrowed
	uint16_t first; // field that the family began with, among all of metrics_set_lists
	uint16_t field; // of the family, that is written now
	uint32_t i;     // thing that is next
	bool is_headed;
	struct metrics_family family; // with the label of `field`
};

void metrics_walk_begin(struct metrics_walk *w, const struct metrics_set *set);

// Appends a head, a row, or nothing. False: that was all.
bool metrics_walk_step(struct metrics_walk *w, struct text *out);
