// SPDX-License-Identifier: BSD-3-Clause Full NAT: towards the backend the packet comes from one of
// our addresses, so its answer returns through us, whatever the backend's routes are. TCP and UDP
// over IPv4 and IPv6, and ICMP errors about such flows, translated outside and inside (RFC 5508
// section 4.2, RFC 7915 is not needed: families never change). Checksums are updated incrementally
// (RFC 1624), so a packet that was broken stays broken.
#pragma once

#include "l4/data/lane.h"
#include "l4/data/pkt.h"

// False after dropping.
NODISCARD bool forward_nat_request(const struct lane *lane, struct pkt *p,
                                   const struct snap_backend *b);
void forward_nat_reply(const struct lane *lane, struct pkt *p);
