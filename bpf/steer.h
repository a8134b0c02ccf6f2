// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// What the XDP program of an af_xdp port (steer.bpf.c) and the control plane (attach.c) agree on.
//
// Four maps go with the program:
//   steer_endpoints   which destinations are the lanes', by struct steer_endpoint -> struct steer_target
//   steer_config      [1] struct steer_config
//   steer_counters    [1] struct steer_counters (l4/model/counters.h) for each CPU
//   steer_store       [1] the map steer_services of the counter store; empty: services are not counted. So the
//                     counters outlive the program, and who loads it need not know where the store is
// and xsks_map, by which DPDK tells the program the socket of each queue.
#pragma once

#include "l4/model/counters.h"

enum {
	STEER_MAX_ENDPOINTS =
		8192, // services, their addresses and snat addresses; twice what a configuration has
	STEER_MAX_QUEUES = 64,   // of a device; queue numbers, not lanes
	STEER_MAX_VLAN_TAGS = 2, // as l4/data/parse.c
	STEER_MAX_EXT = 8,       // as l4/data/ip6.h
	STEER_MAX_MACS = 2,      // of a port: its interface's and the configured one
};

enum steer_what {
	STEER_NONE,    // not the lanes'
	STEER_SERVICE, // address, port, protocol of a service that the lanes forward
	STEER_VIP,     // address of such a service; port and protocol zero
	STEER_PASSED, // address, port, protocol of a service that is left to the kernel, but counted
	STEER_SNAT,   // our address towards nat backends; port and protocol zero
};

struct steer_endpoint {
	uint32_t addr[4]; // network order; IPv4 in [0], the rest zero
	uint16_t port;    // network order
	uint8_t proto;    // IP protocol number
	uint8_t family;   // 4 or 6
};
_Static_assert(sizeof(struct steer_endpoint) == 20,
               "a key without holes: the hash sees every byte");

struct steer_target {
	uint32_t what;    // enum steer_what
	uint32_t service; // its id; of a VIP: that of its only service; 0 = none or several
};

struct steer_config {
	uint16_t snat_first; // host order; first and last port of our range, 0..0 = none
	uint16_t snat_last;
	uint32_t n_macs; // 0 = not known: no unicast frame is somebody else's
	uint8_t mac[STEER_MAX_MACS][6];
};
_Static_assert(sizeof(struct steer_config) == 20, "the same for kernel and daemon");
