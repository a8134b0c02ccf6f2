// SPDX-License-Identifier: BSD-3-Clause
// A histogram of times in the counter store: 13 buckets a decade from 1 us to 10000 s, on bounds that people write down
// (1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7.5, 8, 10), so that the bounds of Prometheus histograms are sums of
// whole buckets. Neighbours are at most 25 % apart: so far off a percentile may be.
// One writer, plain adds; any number of readers, who see each bucket whole.
#pragma once

#include "l4/base/cc.h"
#include "l4/model/counters.h"

enum { STATS_HISTOGRAM_BOUNDS = STATS_HISTOGRAM_BUCKETS - 1 };

// Bucket i holds the times above bounds[i - 1] up to bounds[i], in ns; the last one those above all bounds.
extern const uint64_t stats_histogram_bounds[STATS_HISTOGRAM_BOUNDS];

// The first bound that is not below ns. No branch depends on the value.
static inline uint32_t stats_histogram_bucket(uint64_t ns)
{
	uint32_t i = 0;

	for (uint32_t step = 128; step; step /= 2) {
		uint32_t next = i + step;

		if (next <= STATS_HISTOGRAM_BOUNDS && stats_histogram_bounds[next - 1] < ns)
			i = next;
	}
	return i;
}

static inline void stats_histogram_record(struct stats_histogram *h, uint64_t ns)
{
	h->sum_ns += ns;
	h->bucket[stats_histogram_bucket(ns)]++;
}

// Adds what `h` holds at the moment to *sum.
void stats_histogram_add(struct stats_histogram *sum, const struct stats_histogram *h);

uint64_t stats_histogram_count(const struct stats_histogram *h);

// How many were at most ns; exact if ns is a bound, else those of whole buckets below.
uint64_t stats_histogram_up_to(const struct stats_histogram *h, uint64_t ns);

// The time that a share of 0..1 of them did not exceed, in ns: linear within its bucket; the last bound if it lies above
// all; 0 if there are none.
double stats_histogram_percentile(const struct stats_histogram *h, double share);

// Mean in ns; 0 if there are none.
double stats_histogram_mean(const struct stats_histogram *h);
