// SPDX-License-Identifier: BSD-3-Clause The part of select that knows QUIC: a connection ID names
// the backend, whatever address the client has now.
//
// Order (draft-ietf-quic-load-balancers-21, sections 4.2 and 4.3):
//   1. a routable connection ID, decoded for the whole burst at once: pkt.backend, BY_CID. With dsr no
//      table is touched; with nat the flow table only tells our port;
//   2. nat: a connection ID learned from the server's own long headers: pkt.backend, BY_LEARNED;
//   3. the flow table by 4-tuple; 4. Maglev: both select_flow.c's.
// A draining or removed backend stays routable for its connections, one that is down is not. State
// that a connection ID contradicts is not deleted (anybody can replay an old one from a stranger's
// 4-tuple): such a nat flow gets an entry of its own, under the service's id with FLOW_BY_CID.
#pragma once

#include "l4/data/lane.h"
#include "l4/data/pkt.h"

// Before the tables are asked. Packets of other services are passed over.
void select_quic_burst(struct lane *lane, struct pkt *pkts, uint32_t n);

// An answer of `p->backend` to a flow of a quic service: remembers the connection ID that the
// server chose, unless it names a server as QUIC-LB has it.
void select_quic_learn(struct lane *lane, const struct pkt *p);

// When all is decided: counts by what each packet of a quic service was given its backend.
void select_quic_count(struct lane *lane, const struct pkt *pkts, uint32_t n);
