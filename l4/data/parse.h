// SPDX-License-Identifier: BSD-3-Clause First stage: what is in the frame. Ethernet with up to two
// VLAN tags, IPv4 with options, IPv6 with extension headers, TCP, UDP, ICMP and the packet inside
// an ICMP error. Never reads beyond pkt.len.
//
// A fault that leaves the destination unreadable, or that any host must drop (IP checksum,
// lengths), ends the packet here. A fault behind the IP header only sets pkt.reason and leaves the
// verdict open: classify drops the packet if it was for us, and gives it to the host untouched if
// not.
#pragma once

#include "l4/data/pkt.h"

struct trace;

// `trace` may be NULL.
void parse_burst(struct pkt *pkts, uint32_t n, struct trace *trace);
