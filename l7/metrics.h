// SPDX-License-Identifier: BSD-3-Clause
// What Prometheus reads: text exposition format 0.0.4 (prometheus.io, "Exposition formats"). Names and helps of the counters are
// those of l4/model/counters.h, lb4d's too, whether it runs or not.
//
// Of a large node that is many megabytes, so a page is made piece by piece, as its reader takes it, and holds nobody up:
//   1. metrics_open(); 2. metrics_next() until it says that this was the end; 3. metrics_close(), also before the end.
// Turns of the loop lie between the pieces, and reloads: the page goes on with the configuration that it began with, and its
// lines with the counters of the moment in which each is written; a histogram is of one moment.
// Main thread.
#pragma once

#include "l7/text.h"

struct manager;
struct metrics;

enum {
	METRICS_PIECE = 32768, // bytes; a good size for the text that metrics_next() appends to
	// Rows looked at for a piece at most, as those of endpoints that have nothing to show cost time, too.
	METRICS_PIECE_ROWS = 1024,
};

// NULL if there is no memory. The manager must stay until metrics_close().
struct metrics *metrics_open(struct manager *m);
void metrics_close(struct metrics *page); // NULL is fine

// Appends what comes next, whole lines, as far as there is room for the longest; perhaps nothing. False: that was all.
// `out` must have METRICS_PIECE bytes.
bool metrics_next(struct metrics *page, struct text *out);
