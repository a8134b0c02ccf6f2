// SPDX-License-Identifier: BSD-3-Clause The part of select that knows full NAT: opening a flow
// takes a port of ours, an answer is found by it.
#pragma once

#include "l4/data/lane.h"
#include "l4/data/pkt.h"

// Gives the flow a return path and one of our ports. False after dropping the packet with the
// reason.
bool select_nat_open(struct lane *lane, struct pkt *p, struct flow *f);

// Notes by which way a packet of the client came: answers take it back.
void select_nat_touch(struct lane *lane, const struct pkt *p, struct flow *f);

// Starts fetching what select_nat_reply() will read.
void select_nat_prefetch(const struct lane *lane, const struct pkt *p);

// Finds the flow of a packet to one of our snat ports, or the lane that owns the port.
void select_nat_reply(struct lane *lane, struct pkt *p);
