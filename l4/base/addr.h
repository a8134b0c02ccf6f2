// SPDX-License-Identifier: BSD-3-Clause
// IP addresses, endpoints and MAC addresses: shapes, text, order. All bytes in network order.
#pragma once

#include "l4/base/be.h"

// As in the EtherType's world: what an address is, never AF_INET and AF_INET6 (their values
// differ between systems, and these go into files).
enum addr_family { ADDR_NONE, ADDR_IP4 = 4, ADDR_IP6 = 6 };

struct addr {
	uint8_t family; // enum addr_family
	uint8_t pad[3]; // zero, so that memcmp and hashes see only meaning
	union {
		be32 ip4;
		uint8_t ip6[16];  // an IPv4 address leaves the last 12 bytes zero
		uint32_t word[4]; // for hashing
	};
};
static_assert(sizeof(struct addr) == 20, "addr lies in shared memory");

struct mac {
	uint8_t byte[6];
};

enum {
	ADDR_TEXT_SIZE = 46,      // INET6_ADDRSTRLEN
	ADDR_PORT_TEXT_SIZE = 54, // "[" address "]:65535" and the end
	MAC_TEXT_SIZE = 18,
};

// Reads "10.0.0.1" or "2001:db8::1" strictly (no zone, no port, no blanks). Returns 0 or -EINVAL,
// *out untouched.
NODISCARD int addr_parse(struct addr *out, const char *text);

struct addr addr_ip4(be32 ip4);
struct addr addr_ip6(const uint8_t ip6[16]);

bool addr_eq(const struct addr *a, const struct addr *b);
// Total order: family, then bytes. For sorting what must not depend on a file's order.
int addr_cmp(const struct addr *a, const struct addr *b);
bool addr_is_unspecified(const struct addr *a);
bool addr_is_multicast(const struct addr *a);
bool addr_is_loopback(const struct addr *a);

// Writes the canonical text (RFC 5952) into out[ADDR_TEXT_SIZE] and returns out.
const char *addr_text(const struct addr *a, char *out);
// The same, without printf's price; returns the length. The text of ADDR_NONE is "-".
size_t addr_write(const struct addr *a, char *out);
// "10.0.0.1:80" or "[2001:db8::1]:80" into out[ADDR_PORT_TEXT_SIZE]; returns out.
const char *addr_port_text(const struct addr *a, be16 port, char *out);

// Reads "02:00:00:00:00:0b", exactly six pairs. Returns 0 or -EINVAL, *out untouched.
NODISCARD int mac_parse(struct mac *out, const char *text);
const char *mac_text(const struct mac *m, char *out);
bool mac_is_zero(const struct mac *m);
