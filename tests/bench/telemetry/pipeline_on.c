// SPDX-License-Identifier: BSD-3-Clause
// The pipeline as it is, as pipeline_run_on(): a copy like that of pipeline_off.c, so that the two lie alike in the program. For
// telemetry_packets.c.
#include "l4/data/forward.h"
#include "l4/data/pipeline.h"

#define forward_burst forward_burst_on
#define pipeline_run pipeline_run_on

// Two objects as in the product: not inlined into each other.
NOINLINE void forward_burst(struct lane *lane, struct pkt *pkts, uint32_t n);
void pipeline_run(struct lane *lane, struct pkt *pkts, uint32_t n);

// NOLINTNEXTLINE(bugprone-suspicious-include): the product's own source, under other names
#include "l4/data/forward.c"
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "l4/data/pipeline.c"
