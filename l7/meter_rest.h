// SPDX-License-Identifier: BSD-3-Clause
// What is left to be counted of streams that have ended while their last events are still leaving: a meter (meter.h) is given back with
// its stream, and only this waits for the moment. Calls that were asked together and answered together are counted together.
// One thread.
#pragma once

#include "l7/meter.h"

enum { METER_RESTS = 16 };

static_assert(METER_RESTS + 0 >= METER_MARKS, "a stream's events have room");

struct meter_rest {
	struct stats_histogram *delay; // of the service, which outlives all of its streams
	struct stats_histogram *ttft;  // likewise; NULL: the first token is not among the events
	uint64_t read_ns, asked_ns;
	uint32_t n_events, n_streams;
};

struct meter_rests { // all zero = none
	uint32_t n;
	struct meter_rest at[METER_RESTS];
};

// Takes over what waits in *m, of which meter_leaves() was said, and which has ended. False: no room, nothing was done.
NODISCARD bool meter_rest_take(struct meter_rests *r, struct meter *m);

// All of it is with the kernel.
void meter_rest_delivered(struct meter_rests *r, uint64_t now_ns);
