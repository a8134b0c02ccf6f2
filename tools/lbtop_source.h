// SPDX-License-Identifier: BSD-3-Clause
// Samples from the counter store of a node, for as long as one asks: finds the store when it comes, and
// opens it anew when a daemon has made another one in its place. Asks no daemon. One thread.
#pragma once

#include "l4/model/stats.h"
#include "tools/lbtop_sample.h"

#include <sys/types.h>

// Which file stands in a folder; zero: none.
struct lbtop_inode {
	dev_t dev;
	ino_t ino;
};

struct lbtop_source {
	const char *dir; // as in the configuration key "stats"; borrowed
	char shm[STATS_DIR_SIZE];
	bool is_open;
	struct stats stats; // if is_open; owned
	struct lbtop_inode
		opened[2]; // the store's first region when it was opened: pinned map, file
	uint32_t epoch;    // how often it was opened
};

// 0, or -ENAMETOOLONG with *err. Opens nothing yet.
NODISCARD int lbtop_source_init(struct lbtop_source *src, const char *dir, struct err *err);
void lbtop_source_fini(struct lbtop_source *src);

// Returns 0 and a new sample, owned by the caller; -ENOMEM, or as stats_open() with *err: no daemon has written
// counters yet, another version has, they must not be read. Then ask again later.
NODISCARD int lbtop_source_take(struct lbtop_source *src, struct lbtop_sample **out,
                                struct err *err);
