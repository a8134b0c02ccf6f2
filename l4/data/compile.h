// SPDX-License-Identifier: BSD-3-Clause A complete snapshot: what snapshot_build() makes
// (addresses, backends, Maglev tables) and what only the packet path can compile (QUIC-LB).
// Everybody who runs a pipeline gets its snapshots here.
#pragma once

#include "l4/model/snapshot.h"

// As snapshot_build(); free with snapshot_free(). Not on a lane: takes milliseconds.
NODISCARD int compile_snapshot(struct snapshot **out, const struct snapshot_input *in,
                               struct err *err);
