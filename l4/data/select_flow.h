// SPDX-License-Identifier: BSD-3-Clause
// What becomes of one packet of a client that is not the plain case: a flow begins, ends, moves off a backend that is down,
// contradicts its QUIC connection ID, is told of an ICMP error, or has no entry in the table. The lane's thread only.
#pragma once

#include "l4/data/lane.h"
#include "l4/data/pkt.h"

// Sets p->backend and what forward needs, or ends the packet's way, or names the lane that is to have it. p->flow is its entry if that
// was found in the first bucket; `hash` is the flow's (flow.h).
void select_flow(struct lane *lane, struct pkt *p, uint64_t hash);
