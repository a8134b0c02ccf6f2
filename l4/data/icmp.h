// SPDX-License-Identifier: BSD-3-Clause
// We answer pings to service addresses ourselves: the address is alive as long as the lane is.
#pragma once

#include "l4/data/pkt.h"
#include "l4/model/snapshot.h"

// Turns an echo request into its reply, in place (RFC 792, RFC 4443 section 4.2).
void icmp_answer(const struct snapshot *snap, struct pkt *p);
