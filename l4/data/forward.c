// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/forward.h"

#include "l4/data/forward_dsr.h"
#include "l4/data/forward_nat.h"
#include "l4/data/icmp.h"
#include "l4/data/trace.h"

static MUST_INLINE void to_backend(struct lane *lane, const struct snapshot *snap, struct pkt *p)
{
	const struct snap_backend *b = &snap->backends[p->backend];

	if (!(b->flags & BACKEND_HOP))
		return pkt_drop(p, REASON_NO_NEXT_HOP);
	// Not what the service says now: a flow keeps the mode in which it began.
	if (be16_raw(p->nat.snat_port))
		forward_nat_request(lane, p, b);
	else
		forward_dsr(p, b);
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

static MUST_INLINE void forward_one(struct lane *lane, const struct snapshot *snap, struct pkt *p)
{
	if (p->role == ROLE_CLIENT)
		to_backend(lane, snap, p);
	else if (p->role == ROLE_REPLY)
		forward_nat_reply(lane, p);
	else
		icmp_answer(snap, p);
}

void forward_burst(struct lane *lane, struct pkt *pkts, uint32_t n)
{
	const struct snapshot *snap = lane->snap;

	for (uint32_t i = 0; i < n; i++)
		if (!pkt_is_ended(&pkts[i]) && pkts[i].to_lane == PKT_THIS_LANE)
			forward_one(lane, snap, &pkts[i]);
	for (uint32_t i = 0; lane->trace && i < n; i++)
		trace_end(lane, &pkts[i]);
}
