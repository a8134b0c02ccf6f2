// SPDX-License-Identifier: BSD-3-Clause Where answers to clients of nat services leave: the way
// their packets came in (port and MAC address of the last hop). No route lookup, and asymmetric
// routing in front of us is followed within one packet. A flow names its return path in 10 bits.
// One thread, the lane's.
#pragma once

#include "l4/base/addr.h"
#include "l4/base/cc.h"

enum { RETURN_PATHS = 1024 }; // entry 0 is none

struct return_path {
	struct mac peer; // of the last hop before us
	uint8_t port;    // index into conf.ports
	bool used;
};

struct return_paths {
	struct return_path path[RETURN_PATHS]; // open addressing by hash of (peer, port)
};

// Number of the path, entered if it is new; 0 if the table is full.
uint16_t return_path_get(struct return_paths *r, const uint8_t peer[6], uint8_t port);

// The path with that number, which return_path_get() gave.
const struct return_path *return_path_at(const struct return_paths *r, uint16_t number);
