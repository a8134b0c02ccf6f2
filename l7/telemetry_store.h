// SPDX-License-Identifier: BSD-3-Clause
// Where lb7d's counters live: pinned BPF maps, or files under /dev/shm where BPF is not permitted. Main thread.
#pragma once

#include "l7/telemetry.h"

// A telemetry_opener: opens the store of conf->stats for writing, made anew or adopted from an earlier run, and
// logs which of the two homes it has. Making maps needs CAP_BPF, adopting them the rights to the files.
NODISCARD int telemetry_store_open(struct stats_l7 *out, const struct conf *conf,
                                   const struct stats_l7_room *room, struct err *err);
