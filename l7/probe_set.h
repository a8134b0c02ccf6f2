// SPDX-License-Identifier: BSD-3-Clause
// The probes of a configuration: one for each backend of each pool with a health check, whatever else they share. A
// reload keeps what stays: its state, its place in time, an attempt that is on its way.
//   1. probe_set_new(): makes what a configuration needs beyond the running probes; nothing changes yet;
//   2. probe_set_start(): the running set is used up, the new one runs; or probe_set_free(): as if nothing had been.
// Main thread.
#pragma once

#include "l7/probe.h"

struct probe_set_entry {
	uint64_t key;
	struct probe *probe;
	struct probe_plan *plan; // to be followed once started; a reference
	bool is_borrowed;        // the running set's, until started
};

struct probe_set {
	struct probe_set_entry *entries; // [n], by key
	uint32_t n;
};

// `running`: NULL = none. 0, or -errno with *err, which names the place.
NODISCARD int probe_set_new(struct probe_set **out, const struct conf *conf,
                            const struct probe_set *running, const struct probe_owner *owner,
                            struct err *err);
void probe_set_start(struct probe_set *next, struct probe_set *running);
void probe_set_free(struct probe_set *s); // NULL is fine

// NULL if no backend of that key is probed; s may be NULL.
const struct probe *probe_set_find(const struct probe_set *s, uint64_t key);
