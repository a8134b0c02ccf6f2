// SPDX-License-Identifier: BSD-3-Clause
// A lane: one fast-path core with everything it writes. Lanes share nothing but the snapshot, which
// none of them writes.
//
// Life: control lane_init()s all lanes, publishes a snapshot, starts the engine (l4/dpdk/core.c,
// lbreplay, a test) that calls, again and again:
//   lane_quiesce(lane)             between bursts: picks up a new snapshot
//   lane_tick(lane, now_ns)        the clock, and a little sweeping
//   pipeline_run(lane, pkts, n)    pipeline.h
//   ...transmits; lane_refused() for what a queue did not take...
//   lane_count(lane, pkts, n)
// Control: lane_publish() to all, then waits until lane_generation() of each has reached it (a lane
// that does not run yet or any more is told by lane_is_running()), then frees the old snapshot.
#pragma once

#include "l4/data/cid_table.h"
#include "l4/data/flow.h"
#include "l4/data/pkt.h"
#include "l4/data/return_path.h"
#include "l4/data/snat.h"
#include "l4/model/snapshot.h"
#include "l4/model/stats.h"

struct capture_taps;
struct trace;

// What a burst's forwarded packets of clients have in common, until they are sent (tally.h).
struct tally_row {
	uint16_t service; // index into snapshot.services
	uint16_t packets;
	uint32_t bytes;
};

struct tally {
	uint32_t
		n_rows; // TALLY_VOID: not all were sent; each packet says for itself what became of it
	struct tally_row row[PKT_BURST];
};

enum { TALLY_VOID = PKT_BURST + 1 };

struct lane {
	// written by the lane
	const struct snapshot *snap; // the one in use; never NULL once the lane runs
	struct trace *trace;         // NULL but in lbreplay and explain
	uint64_t now_ns;
	uint16_t now_s; // now_ns in seconds modulo 2^16, for flow.seen_s
	uint16_t index; // 0..n_lanes-1
	uint16_t n_lanes;
	uint16_t n_hops_left; // strangers that may still be shown to the next lane, this tick
	uint64_t swept_ns;    // when the sweeper ran last
	struct lane_counters *count;       // own slot of the counter store; borrowed
	struct service_counters *services; // own row, by service id; borrowed
	struct backend_counters *backends; // own row, by backend id; borrowed
	struct tally tally;                // of the burst that was forwarded last
	struct flow_table flows4;
	struct flow_table flows6;
	struct snat snat;
	struct cid_table cids; // learned from servers; nat services of protocol quic
	struct return_paths returns;

	// written by control, read by the lane
	CACHE_ALIGNED const struct snapshot *next; // atomic; the newest snapshot
	const struct capture_taps *next_taps;      // atomic; the newest captures, NULL = none
	// The ones in use, written by the lane: seldom, and where it looks in any case. Read by control too; atomic.
	const struct capture_taps *taps;

	// written by the lane, read by control
	CACHE_ALIGNED uint32_t generation; // atomic; of the snapshot in use
	bool is_running;                   // atomic
};

struct lane_setup {
	uint16_t index;
	uint16_t n_lanes;
	uint32_t n_flows;          // of this lane, a family
	const struct stats *stats; // borrowed, outlives the lane
};

// 0 or -ENOMEM.
NODISCARD int lane_init(struct lane *lane, const struct lane_setup *setup);
void lane_fini(struct lane *lane);

// Control. The snapshot stays the caller's.
void lane_publish(struct lane *lane, const struct snapshot *snap);
uint32_t lane_generation(const struct lane *lane);
bool lane_is_running(const struct lane *lane);

// Control: from its next round on the lane tells these captures; lane_taps() says when it does. NULL = none.
void lane_tap(struct lane *lane, const struct capture_taps *taps);
const struct capture_taps *lane_taps(const struct lane *lane);

// The lane's own clock, by which its flows are stamped: seconds modulo 2^16. Lanes count by the processor's
// time stamp counter, whose rate DPDK rounds; after days it is minutes away from any other clock.
static inline uint16_t lane_clock_s(const struct lane *lane)
{
	return __atomic_load_n(&lane->now_s, __ATOMIC_RELAXED);
}

// The engine.
void lane_set_running(struct lane *lane, bool is_running);

static MUST_INLINE void lane_quiesce(struct lane *lane)
{
	const struct snapshot *next = __atomic_load_n(&lane->next, __ATOMIC_ACQUIRE);
	const struct capture_taps *taps = __atomic_load_n(&lane->next_taps, __ATOMIC_ACQUIRE);

	if (taps != lane->taps)
		__atomic_store_n(&lane->taps, taps, __ATOMIC_RELEASE);
	if (next == lane->snap)
		return;
	lane->snap = next;
	snat_use(&lane->snat, next);
	__atomic_store_n(&lane->generation, next->generation, __ATOMIC_RELEASE);
}

void lane_tick(struct lane *lane, uint64_t now_ns);

// A packet that was forwarded or answered, but whose queue is full, becomes a drop with this reason, before its
// burst is counted.
void lane_refused(struct lane *lane, struct pkt *p, enum reason reason);

// Adds a finished burst to the counters: every packet that has a verdict once, packets on their way
// to another lane not at all. Reads no packet bytes, so the buffers may already be gone.
void lane_count(struct lane *lane, const struct pkt *pkts, uint32_t n);

// Of a packet that classify has given one.
static MUST_INLINE const struct snap_service *lane_service(const struct lane *lane,
                                                           const struct pkt *p)
{
	return &lane->snap->services[p->service];
}

static MUST_INLINE struct flow_table *lane_flows(struct lane *lane, uint8_t family)
{
	return family == ADDR_IP4 ? &lane->flows4 : &lane->flows6;
}
