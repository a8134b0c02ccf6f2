// SPDX-License-Identifier: BSD-3-Clause Where a daemon's counters live: pinned BPF maps, or files
// under /dev/shm where BPF is not permitted.
#pragma once

#include "l4/base/err.h"
#include "l4/model/stats.h"

struct conf;

// Maps the counter store of conf->stats for writing, made anew or adopted from an earlier run; logs
// which of the two homes it has. Close with stats_close(). 0 or -errno with *err.
NODISCARD int store_open(struct stats *out, const struct conf *conf, struct err *err);
