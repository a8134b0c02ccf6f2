// SPDX-License-Identifier: BSD-3-Clause
// The packet's way, a burst at a time: parse -> classify -> select -> forward.
#pragma once

#include "l4/data/lane.h"
#include "l4/data/pkt.h"

// Takes up to PKT_BURST packets to their verdicts. Afterwards each packet either has a verdict and
// a reason, or belongs to another lane (to_lane says which; the engine hands it over, and that lane
// runs it again). Rewrites packet bytes in place. What it forwards it adds to the backends' counters and
// notes for the others (tally.h): the engine transmits first, then calls lane_count().
void pipeline_run(struct lane *lane, struct pkt *pkts, uint32_t n);
