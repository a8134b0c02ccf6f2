// SPDX-License-Identifier: BSD-3-Clause
// Headers as they lie on the wire. Unaligned: read through pointers to these packed structs only.
#pragma once

#include "l4/base/be.h"

enum {
	ETH_TYPE_IP4 = 0x0800,
	ETH_TYPE_ARP = 0x0806,
	ETH_TYPE_VLAN = 0x8100, // IEEE 802.1Q
	ETH_TYPE_IP6 = 0x86dd,
	ETH_TYPE_QINQ = 0x88a8, // IEEE 802.1ad
};

struct wire_eth {
	uint8_t dst[6];
	uint8_t src[6];
	be16 type;
} PACKED;
static_assert(sizeof(struct wire_eth) == 14, "IEEE 802.3");

struct wire_vlan {
	be16 tci;
	be16 type; // of what follows
} PACKED;
static_assert(sizeof(struct wire_vlan) == 4, "IEEE 802.1Q");

enum { IP4_MORE_FRAGMENTS = 0x2000, IP4_FRAGMENT_OFFSET = 0x1fff };

struct wire_ip4 { // RFC 791
	uint8_t version_ihl;
	uint8_t tos;
	be16 total_len;
	be16 id;
	be16 fragment;
	uint8_t ttl;
	uint8_t proto;
	be16 csum;
	be32 src;
	be32 dst;
} PACKED;
static_assert(sizeof(struct wire_ip4) == 20, "RFC 791");

struct wire_ip6 { // RFC 8200
	be32 version_class_label;
	be16 payload_len;
	uint8_t next;
	uint8_t hop_limit;
	uint8_t src[16];
	uint8_t dst[16];
} PACKED;
static_assert(sizeof(struct wire_ip6) == 40, "RFC 8200");

enum { // IPv6 extension headers, IANA
	IP6_EXT_HOP_BY_HOP = 0,
	IP6_EXT_ROUTING = 43,
	IP6_EXT_FRAGMENT = 44,
	IP6_EXT_AUTH = 51,
	IP6_EXT_NONE = 59,
	IP6_EXT_DESTINATION = 60,
};

struct wire_ip6_ext {
	uint8_t next;
	uint8_t len; // in 8 bytes, not counting the first 8 (AUTH: in 4 bytes, minus 2)
	uint8_t body[6];
} PACKED;
static_assert(sizeof(struct wire_ip6_ext) == 8, "RFC 8200 section 4");

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20
};

struct wire_tcp { // RFC 9293
	be16 sport;
	be16 dport;
	be32 seq;
	be32 ack;
	uint8_t data_offset; // upper four bits, in 4 bytes
	uint8_t flags;
	be16 window;
	be16 csum;
	be16 urgent;
} PACKED;
static_assert(sizeof(struct wire_tcp) == 20, "RFC 9293");

struct wire_udp { // RFC 768
	be16 sport;
	be16 dport;
	be16 len;
	be16 csum;
} PACKED;
static_assert(sizeof(struct wire_udp) == 8, "RFC 768");

enum {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_ECHO = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER = 12,
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
};

struct wire_icmp { // RFC 792, RFC 4443
	uint8_t type;
	uint8_t code;
	be16 csum;
	be32 rest;
} PACKED;
static_assert(sizeof(struct wire_icmp) == 8, "RFC 792");
