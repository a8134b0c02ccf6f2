// SPDX-License-Identifier: BSD-3-Clause
// The part of the parser that reads ICMP: pings, and the packet that an error carries.
#pragma once

#include "l4/data/pkt.h"

// The ICMP message at pkt.l4 of `left` bytes (at least 8): does its checksum hold?
bool parse_inner_csum_ok(const struct pkt *p, uint16_t left);

// Fills kind, inner, inner_l4 and key from an ICMP or ICMPv6 message at pkt.l4 of `left` bytes.
// Needs no more of the embedded packet than its IP header and 8 bytes behind (RFC 792). Leaves
// REASON_ICMP_INNER where an error's content cannot be read or does not belong to its addressee.
void parse_inner(struct pkt *p, uint16_t left);
