// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// What the TCP programs (tcp.bpf.c) and the daemon (attach_tcp.c) agree on.
//
// One map tells the programs whose connections they count:
//   tcp_endpoints   struct tcp_endpoint -> struct tcp_target
// and two of the counter store take what they count: tcp_services and tcp_backends.
#pragma once

#include "l4/model/counters.h"

enum {
	TCP_MAX_ENDPOINTS = 16384, // services and backends; more than a configuration has
	TCP_MAX_SYNACKS = 4096,    // handshakes under way whose SYN-ACK was sent again
};

// Which end of the connection is this host's.
enum tcp_side {
	TCP_NEITHER,
	TCP_SERVICE, // it was accepted at a service's address and port
	TCP_BACKEND, // it was made to a backend's address and port
};

struct tcp_endpoint {
	uint32_t addr[4]; // network order; IPv4 in [0], the rest zero
	uint16_t port;    // network order
	uint8_t side;     // enum tcp_side
	uint8_t family;   // 4 or 6
};
_Static_assert(sizeof(struct tcp_endpoint) == 20, "a key without holes: the hash sees every byte");

struct tcp_target {
	uint32_t id; // of the service or backend: the entry of its map
};
