// SPDX-License-Identifier: BSD-3-Clause
// The page to read first. A packet comes in on a lane and runs downhill:
//
//   parse      what is it?         Ethernet, VLAN, IP, TCP/UDP/ICMP; broken ones end here
//   classify   whose is it?        a service's, an answer to our nat address, the host's (punt)
//   select     which backend?      the flow table knows, else Maglev chooses; answers find their flow
//   forward    how does it leave?  dsr: new MAC addresses; nat: new addresses and ports; ping: answered
//
// Each stage walks the whole burst, so that its code and tables stay in the cache and memory
// fetches of one packet overlap the work on another. A stage that decides a packet's fate sets
// verdict and reason; later stages pass over it. Files: parse.c (ip6.c, parse_inner.c), classify.c,
// select.c (select_flow.c, flow.c, select_nat.c, snat.c), forward.c (forward_dsr.h, forward_nat.c, icmp.c).
//
// Around it: l4/dpdk/core.c receives, calls us, transmits and counts (lane.c, tally.h). tools/lbreplay.c
// does the same with a capture. capture_tap.c looks on, if somebody wants to see. pkt.h says which stage writes which field.
#include "l4/data/pipeline.h"

#include "l4/data/capture_tap.h"
#include "l4/data/classify.h"
#include "l4/data/forward.h"
#include "l4/data/parse.h"
#include "l4/data/select.h"

// Forward is the only stage that changes packets: what a capture wants of them is copied before and behind it.
static NOINLINE void forward_tapped(struct lane *lane, struct pkt *pkts, uint32_t n)
{
	capture_tap_received(lane, pkts, n);
	forward_burst(lane, pkts, n);
	capture_tap_sent(lane, pkts, n);
}

void pipeline_run(struct lane *lane, struct pkt *pkts, uint32_t n)
{
	parse_burst(pkts, n, lane->trace);
	classify_burst(lane->snap, pkts, n, lane->trace);
	select_burst(lane, pkts, n);
	if (unlikely(lane->taps))
		return forward_tapped(lane, pkts, n);
	forward_burst(lane, pkts, n);
}
