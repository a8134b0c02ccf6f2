// SPDX-License-Identifier: BSD-3-Clause
// Reads event streams of load_origin.h and measures how old each event is when it arrives: both ends
// are on one host, so its stamp and our clock are one. Streams begin evenly over one gap between events.
#pragma once

#include "l4/base/cc.h"

struct load_events_plan {
	uint16_t port;
	const char *path;  // of the stream, without the query
	size_t n_streams;  // 1..1000
	uint64_t n_events; // a stream; 0 = until stdin has something or ends
	uint64_t gap_us;   // between the events of a stream
};

// Says `open N` when all N streams have had their first event (if they never end), and at the end
//	streams=N cut=N lost=N events=N p50_us=X p99_us=X max_us=X first_us=X
// cut: ended before their end; lost: events whose number did not follow on. p50, p99 and max are of the age of all
// events but the first; first is the slowest of the first ones, from connect(). Returns the exit status.
int load_events_run(const struct load_events_plan *plan);
