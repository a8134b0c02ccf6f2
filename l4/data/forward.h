// SPDX-License-Identifier: BSD-3-Clause
// Fourth stage: rewrite the packet so that it reaches its backend (or its client), or answer it.
// What is still without a verdict afterwards belongs to another lane.
#pragma once

#include "l4/data/lane.h"
#include "l4/data/pkt.h"

void forward_burst(struct lane *lane, struct pkt *pkts, uint32_t n);
