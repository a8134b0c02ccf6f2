// SPDX-License-Identifier: BSD-3-Clause Second stage: whose packet is it. Finds the service (or the
// snat address that a reply came to), sends the host's own traffic there, and ends packets to us
// that cannot be served.
#pragma once

#include "l4/data/pkt.h"
#include "l4/model/snapshot.h"

struct trace;

// Sets role, service and snat of every packet that has no verdict yet. `trace` may be NULL.
void classify_burst(const struct snapshot *snap, struct pkt *pkts, uint32_t n, struct trace *trace);
