// SPDX-License-Identifier: BSD-3-Clause
// The packets that steer_run feeds to the XDP program, and where each must go.
#pragma once

#include <stdint.h>

enum { TCP = 6, UDP = 17, ICMP = 1, ICMP6 = 58, GRE = 47, SNAT_FIRST = 20000, SNAT_LAST = 30000 };

static const char vip4[] = "203.0.113.10", vip6[] = "2001:db8::10";
static const char snat4[] = "10.0.0.100", snat6[] = "2001:db8:f::1";
// The services; at vip4 are several, so what names none of them counts for none. L7: left to the kernel.
enum { WEB4 = 1, DNS4 = 2, WEB6 = 3, L7_4 = 4, N_SERVICES = 5 };
// What is not said is an ordinary segment to the IPv4 service's address.

struct packet {
	const char *name;
	const char *want; // name of a counter in struct steer_counters
	const char *dst;
	const char *inner; // ICMP: source of the quoted packet
	uint16_t port;     // destination; of a quoted packet the source
	uint8_t proto;
	uint8_t icmp;       // type
	uint8_t tags;       // VLAN
	uint8_t n_ext;      // IPv6 destination options headers
	uint8_t ext;        // type of one more extension header
	uint8_t options;    // bytes of IPv4 options
	uint8_t ihl;        // as written, IPv4
	uint16_t frag;      // as written, IPv4; IPv6: 1 = first, 2 = later, 3 = atomic
	uint16_t total_len; // as written
	uint16_t type;      // EtherType as written
	uint16_t cut;       // bytes of the frame, 0 = all
	const char *mac;    // destination of the frame, NULL = the port's
	uint8_t id;         // of the service that it counts for
};

static const struct packet packets[] = {
	{"TCP to a service", "service", .port = 80, .id = WEB4},
	{"UDP to a service", "service", .port = 443, .proto = UDP, .id = DNS4},
	{"TCP to the same address and port as a UDP service (L7)", "passed", .port = 443,
         .id = L7_4},
	{"another port of a service address (ssh)", "passed", .port = 22},
	{"IPv6 TCP to a service", "service", vip6, .port = 80, .id = WEB6},
	{"IPv6 UDP to a TCP service's port", "passed", vip6, .port = 80, .proto = UDP},
	{"somebody else's address", "passed", "203.0.113.11", .port = 80},
	{"IPv6, somebody else's address", "passed", "2001:db8::11", .port = 80},
	{"one VLAN tag", "service", .port = 80, .tags = 1, .id = WEB4},
	{"two VLAN tags", "service", .port = 80, .tags = 2, .id = WEB4},
	{"three VLAN tags", "passed", .port = 80, .tags = 3},
	{"frame ends inside a VLAN tag", "passed", .port = 80, .tags = 1, .cut = 16},
	{"40 bytes of IPv4 options", "service", .port = 80, .options = 40, .id = WEB4},
	{"one IPv6 extension header", "service", vip6, .port = 80, .n_ext = 1, .id = WEB6},
	{"eight IPv6 extension headers", "service", vip6, .port = 80, .n_ext = 8, .id = WEB6},
	{"nine IPv6 extension headers to a service address", "malformed", vip6, .port = 80,
         .n_ext = 9, .id = WEB6},
	{"nine IPv6 extension headers to somebody else", "passed", "2001:db8::11", .port = 80,
         .n_ext = 9},
	{"a routing header before TCP", "service", vip6, .port = 80, .n_ext = 1, .ext = 43,
         .id = WEB6},
	{"ping to a service address", "icmp", .proto = ICMP, .icmp = 8},
	{"IPv6 ping to a service address", "icmp", vip6, .proto = ICMP6, .icmp = 128, .id = WEB6},
	{"IPv6 ping behind an extension header", "icmp", vip6, .proto = ICMP6, .icmp = 128,
         .n_ext = 1, .id = WEB6},
	{"ping to somebody else", "passed", "203.0.113.11", .proto = ICMP, .icmp = 8},
	{"ping reply to a service address", "passed", .proto = ICMP, .icmp = 0},
	{"neighbour solicitation for a service address", "passed", vip6, .proto = ICMP6,
         .icmp = 135},
	{"neighbour advertisement to a service address", "passed", vip6, .proto = ICMP6,
         .icmp = 136},
	{"ICMPv6 in IPv4", "passed", .proto = ICMP6, .icmp = 128},
	{"ICMP error about a service's segment", "icmp", .proto = ICMP, .icmp = 3, .inner = vip4,
         .port = 80, .id = WEB4},
	{"ICMPv6 too big about a service's segment", "icmp", vip6, .proto = ICMP6, .icmp = 2,
         .inner = vip6, .port = 80, .id = WEB6},
	{"ICMP error about an L7 service's segment", "passed", .proto = ICMP, .icmp = 3,
         .inner = vip4, .port = 443, .id = L7_4},
	{"ICMP error that quotes somebody else", "malformed", .proto = ICMP, .icmp = 11,
         .inner = "203.0.113.11", .port = 80},
	{"ICMP error whose quotation is cut", "malformed", .proto = ICMP, .icmp = 3, .inner = vip4,
         .port = 80, .cut = 66},
	{"ICMP error to somebody else about our segment", "passed", "203.0.113.11", .proto = ICMP,
         .icmp = 3, .inner = vip4, .port = 80},
	{"ICMP message cut to 4 bytes", "malformed", .proto = ICMP, .icmp = 8, .total_len = 24},
	{"first IPv4 fragment to a service address", "fragment", .port = 80, .frag = 0x2000},
	{"later IPv4 fragment to a service address", "fragment", .port = 80, .frag = 0x0010},
	{"last fragment, any protocol", "fragment", .proto = GRE, .frag = 0x0010},
	{"don't-fragment is no fragment", "service", .port = 80, .frag = 0x4000, .id = WEB4},
	{"fragment to somebody else", "passed", "203.0.113.11", .port = 80, .frag = 0x2000},
	{"first IPv6 fragment to a service address", "fragment", vip6, .port = 80, .frag = 1,
         .id = WEB6},
	{"later IPv6 fragment to a service address", "fragment", vip6, .port = 80, .frag = 2,
         .id = WEB6},
	{"atomic IPv6 fragment (RFC 6946)", "service", vip6, .port = 80, .frag = 3, .id = WEB6},
	{"TCP to a snat port", "snat", snat4, .port = SNAT_FIRST},
	{"UDP to a snat port", "snat", snat4, .port = SNAT_LAST, .proto = UDP},
	{"IPv6 TCP to a snat port", "snat", snat6, .port = SNAT_LAST},
	{"port below the snat range", "passed", snat4, .port = SNAT_FIRST - 1},
	{"port above the snat range", "passed", snat4, .port = SNAT_LAST + 1},
	{"ICMP error about a snat port", "icmp", snat4, .proto = ICMP, .icmp = 3, .inner = snat4,
         .port = SNAT_FIRST},
	{"ICMPv6 error about a snat port", "icmp", snat6, .proto = ICMP6, .icmp = 1, .inner = snat6,
         .port = SNAT_FIRST},
	{"ICMP error about another port of a snat address", "passed", snat4, .proto = ICMP,
         .icmp = 3, .inner = snat4, .port = 53},
	{"ping to a snat address", "passed", snat4, .proto = ICMP, .icmp = 8},
	{"first fragment to a snat port", "fragment", snat4, .port = SNAT_FIRST, .frag = 0x2000},
	{"later fragment to a snat address", "passed", snat4, .port = SNAT_FIRST, .frag = 0x0010},
	{"GRE to a service address", "passed", .proto = GRE},
	{"TCP header cut before the ports' end", "malformed", .port = 80, .total_len = 22},
	{"IPv4 total length beyond the frame", "malformed", .port = 80, .total_len = 1500},
	{"IPv4 header length below 20", "malformed", .port = 80, .ihl = 4},
	{"IPv4 header length beyond the packet", "malformed", .port = 80, .ihl = 15},
	{"IPv4 total length beyond the frame, somebody else", "passed", "203.0.113.11", .port = 80,
         .total_len = 1500},
	{"IPv6 payload length beyond the frame", "malformed", vip6, .port = 80, .total_len = 1500,
         .id = WEB6},
	{"frame ends inside the IPv4 header", "passed", .port = 80, .cut = 30},
	{"frame ends inside the IPv6 header", "passed", vip6, .port = 80, .cut = 50},
	{"frame of an Ethernet header alone", "passed", .port = 80, .cut = 14},
	{"EtherType says IPv4, the header IPv6", "passed", vip6, .port = 80, .type = 0x0800},
	{"ARP", "passed", .port = 80, .type = 0x0806},
	{"to the interface's address where another is configured", "service", .port = 80,
         .mac = "02:00:00:00:00:09", .id = WEB4},
	{"flooded: another host's frame with a service's segment", "passed", .port = 80,
         .mac = "02:00:00:00:00:02"},
	{"flooded, IPv6", "passed", vip6, .port = 80, .mac = "02:00:00:00:01:01"},
	{"flooded, to a snat port", "passed", snat4, .port = SNAT_FIRST,
         .mac = "02:00:00:00:00:02"},
	{"broadcast frame with a service's segment", "passed", .port = 80,
         .mac = "ff:ff:ff:ff:ff:ff"},
	{"multicast frame with a service's segment", "passed", .port = 80,
         .mac = "01:00:5e:00:00:01"},
	{"no MAC at all", "passed", .port = 80, .mac = "00:00:00:00:00:00"},
};
