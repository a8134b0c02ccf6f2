// SPDX-License-Identifier: BSD-3-Clause
// Builds test packets, header by header from the outside in; lengths, next-protocol
// fields and checksums come out right unless a test asks for wrong ones. Shares no code with
// l4/data (see pktcheck.h).
//
//	struct pktbuild b;
//
//	pktbuild_start(&b);
//	pktbuild_eth(&b);                                        // 02:..:02 > 02:..:01
//	pktbuild_ip4(&b, .src = "198.51.100.7", .dst = "203.0.113.10");
//	pktbuild_tcp(&b, .sport = 40000, .dport = 80, .flags = PKTBUILD_SYN);
//	pktbuild_text(&b, "hello");
//	len = pktbuild_end(&b);                                  // the frame is b.byte[0..len)
//	cr_assert_null(pktcheck(b.byte, len));                   // pktcheck.h; also for output
//
// Every field left out has the default in its comment; numbers are in host order. Any header may
// follow any other: ip4 after ip4 is IPIP, ip4 after icmp is an ICMP error's quotation.
// A packet without Ethernet header is fine; b.offset[i] is where the i-th header begins.
#pragma once

#include "l4/base/cc.h"

enum {
	PKTBUILD_SIZE = 9216, // bytes; more is an assertion failure
	PKTBUILD_LAYERS = 16,

	PKTBUILD_FIN = 0x01,
	PKTBUILD_SYN = 0x02,
	PKTBUILD_RST = 0x04,
	PKTBUILD_PSH = 0x08,
	PKTBUILD_ACK = 0x10,
	PKTBUILD_URG = 0x20,
};

struct pktbuild {
	uint8_t byte[PKTBUILD_SIZE];
	size_t len;                        // bytes so far
	size_t n_layers;                   // headers so far, payload not counted
	size_t offset[PKTBUILD_LAYERS];    // where each begins
	uint16_t next_at[PKTBUILD_LAYERS]; // private from here on: next-protocol
	uint8_t kind[PKTBUILD_LAYERS];     // field to fill in (0 = none), kind
	bool keep_len[PKTBUILD_LAYERS], bad[PKTBUILD_LAYERS], no_csum[PKTBUILD_LAYERS];
};

struct pktbuild_eth {
	const char *dst, *src; // "02:00:00:00:00:01", "02:00:00:00:00:02"
	uint16_t type;         // 0 = what follows
};

struct pktbuild_vlan {
	uint16_t tci;  // priority and VLAN id
	uint16_t tpid; // the tag's own EtherType, written into the header before it; 0 = 0x8100
	uint16_t type; // 0 = what follows
};

struct pktbuild_ip4 {
	const char *src, *dst; // "198.51.100.7", "203.0.113.10"
	int ttl;               // 0 = 64, -1 = 0
	uint8_t tos;
	uint8_t proto; // 0 = what follows
	uint16_t id;
	uint16_t frag;       // flags and offset in units of 8: 0x4000 DF, 0x2000 MF
	uint16_t total_len;  // 0 = right
	uint8_t ihl;         // 32-bit words, written as given; 0 = right
	const void *options; // padded with zeros to 4 bytes
	size_t options_len;  // at most 40
	bool bad_csum;
};

struct pktbuild_ip6 {
	const char *src, *dst; // "2001:db8::7", "2001:db8::10"
	int hop_limit;         // 0 = 64, -1 = 0
	uint8_t traffic_class;
	uint32_t flow_label;
	uint8_t proto;        // 0 = what follows
	uint16_t payload_len; // 0 = right
};

// An IPv6 extension header with a length byte: 0 hop-by-hop, 43 routing, 60 destination options.
struct pktbuild_ext {
	uint8_t type;
	uint8_t next;     // 0 = what follows
	const void *body; // after the two fixed bytes; padded with zeros (Pad1) to 8 bytes
	size_t body_len;
};

struct pktbuild_frag6 {
	uint8_t next;    // 0 = what follows
	uint16_t offset; // in units of 8 bytes
	bool more;
	uint32_t id;
};

struct pktbuild_tcp {
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;       // 0 = ACK
	uint16_t window;     // 0 = 65535
	uint8_t doff;        // 32-bit words, written as given; 0 = right
	const void *options; // padded with zeros to 4 bytes
	size_t options_len;  // at most 40
	bool bad_csum;
};

struct pktbuild_udp {
	uint16_t sport, dport;
	uint16_t len; // 0 = right
	bool no_csum; // sends 0
	bool bad_csum;
};

struct pktbuild_icmp { // ICMPv6 if an IPv6 header comes before it
	uint8_t type, code;
	uint32_t rest; // bytes 4..7: id and sequence, unused and MTU
	bool bad_csum;
};

void pktbuild_start(struct pktbuild *b);

#define pktbuild_eth(b, ...) pktbuild_add_eth(b, &(struct pktbuild_eth){__VA_ARGS__})
#define pktbuild_vlan(b, ...) pktbuild_add_vlan(b, &(struct pktbuild_vlan){__VA_ARGS__})
#define pktbuild_ip4(b, ...) pktbuild_add_ip4(b, &(struct pktbuild_ip4){__VA_ARGS__})
#define pktbuild_ip6(b, ...) pktbuild_add_ip6(b, &(struct pktbuild_ip6){__VA_ARGS__})
#define pktbuild_ext(b, ...) pktbuild_add_ext(b, &(struct pktbuild_ext){__VA_ARGS__})
#define pktbuild_frag6(b, ...) pktbuild_add_frag6(b, &(struct pktbuild_frag6){__VA_ARGS__})
#define pktbuild_tcp(b, ...) pktbuild_add_tcp(b, &(struct pktbuild_tcp){__VA_ARGS__})
#define pktbuild_udp(b, ...) pktbuild_add_udp(b, &(struct pktbuild_udp){__VA_ARGS__})
#define pktbuild_icmp(b, ...) pktbuild_add_icmp(b, &(struct pktbuild_icmp){__VA_ARGS__})

void pktbuild_add_eth(struct pktbuild *b, const struct pktbuild_eth *h);
void pktbuild_add_vlan(struct pktbuild *b, const struct pktbuild_vlan *h);
void pktbuild_add_ip4(struct pktbuild *b, const struct pktbuild_ip4 *h);
void pktbuild_add_ip6(struct pktbuild *b, const struct pktbuild_ip6 *h);
void pktbuild_add_ext(struct pktbuild *b, const struct pktbuild_ext *h);
void pktbuild_add_frag6(struct pktbuild *b, const struct pktbuild_frag6 *h);
void pktbuild_add_tcp(struct pktbuild *b, const struct pktbuild_tcp *h);
void pktbuild_add_udp(struct pktbuild *b, const struct pktbuild_udp *h);
void pktbuild_add_icmp(struct pktbuild *b, const struct pktbuild_icmp *h);

// Payload: these bytes; a text without its end; `n` bytes 00 01 02 ...
void pktbuild_bytes(struct pktbuild *b, const void *bytes, size_t n);
void pktbuild_text(struct pktbuild *b, const char *text);
void pktbuild_fill(struct pktbuild *b, size_t n);

// Fills in lengths and checksums, from the inside out. Returns the packet's length. May be called
// again after the test has changed bytes: checksums are then those of the changed packet.
size_t pktbuild_end(struct pktbuild *b);
