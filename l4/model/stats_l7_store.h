// SPDX-License-Identifier: BSD-3-Clause
// lb7d's way into the L7 half of the counter store (stats_l7.h): adopts what an earlier run left, or makes the regions, or
// makes larger ones and takes over what was counted.
// One writer for each store: who opens it holds a lock on its folder until stats_l7_close(), or its death.
// Main thread.
#pragma once

#include "l4/model/stats_l7.h"

// Room for a configuration: generous, as a reload may bring more, and what does not fit is counted together.
// n_workers 1..STATS_L7_WORKERS.
struct stats_l7_room stats_l7_store_room(uint32_t n_workers, uint32_t n_services,
                                         uint32_t n_backends, uint32_t n_models);

// A home of the store, as whoever can write there brings it.
struct stats_l7_home {
	const char *path; // folder
	bool is_bpf;
	// Makes the regions, empty, under their names with STATS_L7_NEXT before them, replacing such. 0 or -errno with *err.
	int (*make)(const char *path, const struct stats_shape shapes[STATS_L7_REGION_COUNT],
	            struct err *err);
};

// Opens the store for writing with at least `room`. The folder is there.
// -EBUSY: another lb7d writes it. On failure *out is untouched.
NODISCARD int stats_l7_store_open(struct stats_l7 *out, const struct stats_l7_home *home,
                                  const struct stats_l7_room *room, struct err *err);

// The same in the files for `dir` (stats_shm_dir()), whose folder is made.
NODISCARD int stats_l7_store_open_shm(struct stats_l7 *out, const char *dir,
                                      const struct stats_l7_room *room, struct err *err);

// Memory of one's own, which nobody else sees and which does not outlive the process. 0 or -ENOMEM.
NODISCARD int stats_l7_store_open_private(struct stats_l7 *out, const struct stats_l7_room *room);

// Writes the meta entry and sets all gauges to zero, before any worker runs: nothing of an earlier run is on its way any more, and what
// that did not see the end of counts as lost. A daemon that stops cleanly calls stats_writer_leave().
void stats_l7_store_announce(struct stats_l7 *s, const char *node, uint32_t n_workers,
                             uint32_t pid);

// Zeroes all that was counted under an id, before it gets another owner. No worker writes to it.
void stats_l7_store_clear_service(struct stats_l7 *s, uint32_t id);
void stats_l7_store_clear_backend(struct stats_l7 *s, uint32_t id);
void stats_l7_store_clear_model(struct stats_l7 *s, uint32_t id);

// --- among the files of stats_l7 ---
void stats_l7_point(struct stats_l7 *s);
NODISCARD int stats_l7_open_home(struct stats_l7 *out, const char *home, bool is_bpf,
                                 bool is_writable, struct err *err);
