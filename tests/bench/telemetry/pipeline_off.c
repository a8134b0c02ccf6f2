// SPDX-License-Identifier: BSD-3-Clause
// The pipeline as it is, as pipeline_run_off(), but for the tally of forwarded packets (l4/data/tally.h): these functions of the
// same door count nothing. For telemetry_packets.c.
#include "l4/data/tally.h"

#include "l4/data/forward.h"
#include "l4/data/pipeline.h"

static MUST_INLINE void tally_begin_off(struct tally *t)
{
	(void)t;
}

static MUST_INLINE tally_pair tally_backend_off(struct backend_counters *b, const struct pkt *p,
                                                tally_pair row)
{
	(void)b;
	(void)p;
	return row;
}

static MUST_INLINE void tally_row_off(struct tally *t, uint16_t service, tally_pair row)
{
	(void)t;
	(void)service;
	(void)row;
}

#define tally_begin tally_begin_off
#define tally_backend tally_backend_off
#define tally_row tally_row_off
#define forward_burst forward_burst_off
#define pipeline_run pipeline_run_off

// Two objects as in the product: not inlined into each other.
NOINLINE void forward_burst(struct lane *lane, struct pkt *pkts, uint32_t n);
void pipeline_run(struct lane *lane, struct pkt *pkts, uint32_t n);

// NOLINTNEXTLINE(bugprone-suspicious-include): the product's own source, under other names
#include "l4/data/forward.c"
// NOLINTNEXTLINE(bugprone-suspicious-include)
#include "l4/data/pipeline.c"
