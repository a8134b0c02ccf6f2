// SPDX-License-Identifier: BSD-3-Clause
// Counts the living flows of all lanes by walking their tables from the control thread, a slice at a time, so
// that the loop goes on. The lanes do not notice: flow_peek() only reads.
// A table changes while it is walked: the count is exact for flows that live longer than the walk (about
// 20 ms for a million slots), others are counted once, or not at all.
#pragma once

#include "l4/model/conf.h"
#include "l4/model/stats.h"

struct control;
struct flow_scan;

struct flow_counts {
	uint64_t lanes[CONF_MAX_LANES][2]; // IPv4, IPv6
	uint32_t backends[STATS_BACKENDS]; // by roster id
};

// Somebody who waits; owned by the asking side and untouched by it until `done` or forgotten.
struct flow_scan_ask {
	void (*done)(struct flow_scan_ask *ask, const struct flow_counts *counts);
	struct flow_scan_ask *next; // private
	bool is_waiting;            // private
};

// `c` is borrowed until flow_scan_free(). 0 or -ENOMEM.
NODISCARD int flow_scan_new(struct flow_scan **out, struct control *c);
void flow_scan_free(struct flow_scan *s);

// Calls ask->done from the loop, later, with counts of a walk that began after this call.
void flow_scan_ask(struct flow_scan *s, struct flow_scan_ask *ask);

// `done` will not be called. Harmless if nothing was asked.
void flow_scan_forget(struct flow_scan *s, struct flow_scan_ask *ask);

// Age of an entry in seconds by the control thread's clock, which may be behind the lane's.
uint16_t flow_scan_age_s(uint16_t now_s, uint16_t seen_s);
