// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/forward.h"

#include "l4/data/forward_dsr.h"
#include "l4/data/forward_nat.h"
#include "l4/data/icmp.h"
#include "l4/data/tally.h"
#include "l4/data/trace.h"

// False if it was dropped instead.
static MUST_INLINE bool to_backend(struct lane *lane, struct pkt *p, const struct snap_backend *b)
{
	if (unlikely(!(b->flags & BACKEND_HOP))) {
		pkt_drop(p, REASON_NO_NEXT_HOP);
		return false;
	}
	// Not what the service says now: a flow keeps the mode in which it began.
	if (be16_raw(p->nat.snat_port))
		return forward_nat_request(lane, p, b);
	forward_dsr(p, b);
	return true;
}

static void trace_end(const struct lane *lane, const struct pkt *p)
{
	if (p->to_lane != PKT_THIS_LANE)
		trace_add(lane->trace, "forward", "handed to lane %u, which owns the flow",
		          p->to_lane);
	else
		trace_add(lane->trace, "forward", "%s: %s", stats_verdict_names[p->verdict],
		          stats_reason_helps[p->reason]);
}

static NOINLINE void trace_ends(const struct lane *lane, const struct pkt *pkts, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		trace_end(lane, &pkts[i]);
}

static MUST_INLINE void forward_one(struct lane *lane, const struct snapshot *snap, struct pkt *p)
{
	if (p->role == ROLE_CLIENT)
		(void)to_backend(lane, p, &snap->backends[p->backend]);
	else if (p->role == ROLE_REPLY)
		forward_nat_reply(lane, p);
	else
		icmp_answer(snap, p);
}

// What a packet is, in one word: so one comparison tells what nearly all are.
static_assert(offsetof(struct pkt, is_new) == offsetof(struct pkt, role) + 1 &&
                      offsetof(struct pkt, service) == offsetof(struct pkt, role) + 2,
              "role, is_new and service are one word of 32 bits");

static MUST_INLINE uint32_t what_is(const struct pkt *p)
{
	uint32_t word;

	memcpy(&word, (const uint8_t *)p + offsetof(struct pkt, role), sizeof(word));
	return word;
}

// Packets of living flows of one service in a row, as nearly all are: how many there were.
static MUST_INLINE uint32_t forward_row(struct lane *lane, const struct snapshot *snap,
                                        struct pkt *pkts, uint32_t n)
{
	struct pkt *p = pkts, *end = pkts + n;
	uint32_t living = ROLE_CLIENT | (uint32_t)p->service << 16; // little endian, like all x86
	const struct snap_backend *backends = snap->backends;
	struct backend_counters *counters = lane->backends;
	tally_pair row = _mm_setzero_si128();

	for (; p < end; p++) {
		const struct snap_backend *b = &backends[p->backend];
		struct backend_counters *c = &counters[p->backend];

		if (pkt_is_ended(p) || p->to_lane != PKT_THIS_LANE || what_is(p) != living)
			break;
		if (!to_backend(lane, p, b))
			break;
		row = tally_backend(c, p, row);
	}
	if (p > pkts)
		tally_row(&lane->tally, pkts->service, row);
	return (uint32_t)(p - pkts);
}

// From [i] on: packets of all kinds.
static NOINLINE void forward_mixed(struct lane *lane, struct pkt *pkts, uint32_t i, uint32_t n)
{
	const struct snapshot *snap = lane->snap;

	while (i < n) {
		uint32_t in_row = forward_row(lane, snap, &pkts[i], n - i);

		if (!in_row && !pkt_is_ended(&pkts[i]) && pkts[i].to_lane == PKT_THIS_LANE)
			forward_one(lane, snap, &pkts[i]);
		i += in_row ? in_row : 1;
	}
}

void forward_burst(struct lane *lane, struct pkt *pkts, uint32_t n)
{
	uint32_t in_row;

	tally_begin(&lane->tally);
	in_row = forward_row(lane, lane->snap, pkts, n);
	if (in_row < n)
		forward_mixed(lane, pkts, in_row, n);
	if (unlikely(lane->trace))
		trace_ends(lane, pkts, n);
}
