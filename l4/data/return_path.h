// SPDX-License-Identifier: BSD-3-Clause
// Where answers to clients of nat services leave: the way their packets came in (port and MAC
// address of the last hop). No route lookup, and asymmetric routing in front of us is followed
// within one packet. A flow names its return path in 10 bits.
//
// Bounded: when there is no room, the path that was used longest ago is given to the newcomer, but only
// if no living flow can name it any more; else new next hops are refused for a while.
// One thread, the lane's.
#pragma once

#include "l4/data/flow.h"

enum { RETURN_PATHS = 1024 }; // entry 0 is none

struct return_path {
	struct mac peer; // of the last hop before us
	uint8_t port;    // index into conf.ports
	bool used;
	uint16_t seen_s; // lane clock, as flow.seen_s
};

struct return_paths {
	struct return_path path[RETURN_PATHS]; // open addressing by hash of (peer, port)
};

// Number of the path, entered if it is new; 0 if there is no room.
uint16_t return_path_get(struct return_paths *r, const uint8_t peer[6], uint8_t port,
                         struct flow_clock clock);

// Is `number` the path of this peer? If so it counts as used now.
static MUST_INLINE bool return_path_is(struct return_paths *r, uint16_t number,
                                       const uint8_t peer[6], uint8_t port, uint16_t now_s)
{
	struct return_path *path = &r->path[number];

	if (!path->used || path->port != port || memcmp(path->peer.byte, peer, 6) != 0)
		return false;
	path->seen_s = now_s;
	return true;
}

// The path with that number, which return_path_get() gave.
const struct return_path *return_path_at(const struct return_paths *r, uint16_t number);
