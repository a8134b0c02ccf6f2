// SPDX-License-Identifier: BSD-3-Clause
// The way to one address as the kernel sees it, and when to ask the kernel again. Pure: answers in,
// decisions out; neighbor.c does the asking.
//   1. hop_route() with every answer about its route;
//   2. if hop_has_route(): hop_neigh() with every answer or event about (oif, via);
//   3. hop_is_due() says whether the kernel is to be asked to resolve or re-confirm it now.
#pragma once

#include "l4/ctrl/rtnl.h"

enum hop_kind {
	HOP_NEW,
	HOP_ASKING,      // routed; no MAC yet
	HOP_UNRESOLVED,  // routed; the kernel gave up, there was never a MAC
	HOP_VALID,       // routed; the kernel has a MAC
	HOP_ASKING_KEPT, // the kernel forgot the MAC; ours serves
	HOP_FAILED_KEPT, // the kernel gave up; ours serves
	HOP_NO_MAC,      // routed over something that has no MAC addresses
	HOP_NO_ROUTE,    // from here on: no frame of ours would reach it
	HOP_UNREACHABLE,
	HOP_BLACKHOLE,
	HOP_PROHIBITED,
	HOP_LOCAL,
	HOP_NOT_UNICAST,
	HOP_NOT_OUR_PORT,
	HOP_COUNT,
};

enum {
	HOP_WAIT_MIN_MS = 100, // between two requests to resolve: this, doubled each time
	HOP_WAIT_MAX_MS = 5000,
	HOP_TOUCH_MS = 10000, // between two requests to re-confirm a stale entry
};

struct hop {
	struct addr address;
	uint8_t kind;   // enum hop_kind
	bool needs_mac; // false: only the route is wanted ("mac" is configured)
	bool has_mac;
	struct mac mac;   // last known
	unsigned oif;     // interface, 0 = none
	uint8_t port;     // index into conf.ports
	uint16_t nud;     // the kernel's NUD_*, 0 = no entry
	struct addr via;  // neighbour on oif
	uint32_t wait_ms; // of the last request; 0 = none since its kind changed
	uint64_t due_ns;  // monotonic; not asked again before
};

// Takes kernel_route()'s outcome: rc, and route if rc is 0. `port` is the index of the port whose
// interface route->oif is, or negative. Another next hop than before forgets the MAC.
void hop_route(struct hop *h, int rc, const struct rtnl_route *route, int port);

bool hop_has_route(const struct hop *h);

// Takes what the kernel knows of the neighbour; NULL = nothing.
void hop_neigh(struct hop *h, const struct rtnl_neigh *neigh);

// Whether frames may be sent: to h->mac over h->port.
bool hop_is_known(const struct hop *h);

// Whether the kernel has something to do for it at all; h->due_ns says when.
bool hop_wants_asking(const struct hop *h);
// True if it is to be asked now; then the next time is set.
bool hop_is_due(struct hop *h, uint64_t now_ns);

// The word for an operator, at most 19 bytes; static.
const char *hop_word(const struct hop *h);
// Whether the kind is worth a warning.
bool hop_is_bad(const struct hop *h);
