// SPDX-License-Identifier: BSD-3-Clause
// What a request or an event costs several proxies, side by side: `l7_load turns KIND ORIGIN_PORT TURNS ROUNDS NAME:PORT:PID...`.
// Each proxy has connections of its own that stay open. In a turn every proxy has its window, in an order that is drawn anew; in
// a window, `n_rounds` times, all connections ask and all answers come. One line a window:
//
//   TURN NAME NANOSECONDS COUNT     the CPU time of all threads of PID, and how many answers or events there were
//
// Unless ORIGIN_PORT is 0, it is the origin, too: client and origin are one thread, so nothing but the proxy is scheduled. What a
// window begins ends in it, so that the proxy sleeps when its time is read.
#pragma once

#include "l4/base/cc.h"

enum { TURNS_PROXIES = 8 };

struct load_turns_plan {
	const char *kind; // load_talk_shapes[].name
	uint16_t origin_port;
	uint64_t n_turns, n_rounds;
	char **proxies; // NAME:PORT:PID
	uint32_t n_proxies;
};

// The exit status.
int load_turns_run(const struct load_turns_plan *plan);
