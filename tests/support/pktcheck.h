// SPDX-License-Identifier: BSD-3-Clause
// An oracle for packets, ours and those that the pipeline made: is every length and checksum right?
// Shares no code with l4/data: the sum is the slow one of RFC 1071 section 4.1, byte by byte,
// because an oracle that shares the bug finds nothing.
#pragma once

#include "l4/base/cc.h"

// Reads a whole frame (Ethernet, VLAN tags, IPv4, IPv6 with extension headers, IPIP, TCP, UDP,
// ICMP; a fragment only as far as its IP header, what an ICMP error quotes not at all) and returns
// NULL if every length and checksum in it is right, otherwise what is wrong, in words.
// Bytes behind the IP packet are Ethernet's padding and right.
const char *pktcheck(const uint8_t *frame, size_t len);
// The same from an IP header on, for what lies inside GUE.
const char *pktcheck_ip(const uint8_t *ip, size_t len);

// The Internet checksum as a big-endian reader sees it: 0 over data that include a right one.
uint16_t pktcheck_sum(const void *bytes, size_t len);

// The same with the pseudo-header of the IP header at `ip`; none for NULL and for ICMP (proto 1).
uint16_t pktcheck_sum_l4(const uint8_t *ip, uint8_t proto, const uint8_t *bytes, size_t len);
