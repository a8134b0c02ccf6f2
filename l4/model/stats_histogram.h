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

// Where to look for a time: it is cut to its four highest bits. At most two bounds lie between two such numbers.
enum {
	STATS_HISTOGRAM_FIRST = 9, // 2^9 ns is below the first bound
	STATS_HISTOGRAM_CELLS =
		(42 - STATS_HISTOGRAM_FIRST) * 8 + 7, // up to the last bound but one
};

extern const uint8_t stats_histogram_first[STATS_HISTOGRAM_CELLS];

// The first bound that is not below ns. Every request and every event asks several times: hence no search.
static inline uint32_t stats_histogram_bucket(uint64_t ns)
{
	const uint64_t *bounds = stats_histogram_bounds;
	uint32_t top, first;

	if (unlikely(ns < UINT64_C(1) << STATS_HISTOGRAM_FIRST))
		return 0;
	if (unlikely(ns >= UINT64_C(15) << 39))
		return STATS_HISTOGRAM_BOUNDS - 1 + (ns > bounds[STATS_HISTOGRAM_BOUNDS - 1]);
	top = 63 - (uint32_t)__builtin_clzll(ns);
	first = stats_histogram_first[(top - STATS_HISTOGRAM_FIRST) * 8 + (ns >> (top - 3) & 7)];
	return first + (bounds[first] < ns) + (bounds[first + 1] < ns);
}

static inline void stats_histogram_record(struct stats_histogram *h, uint64_t ns)
{
	h->sum_ns += ns;
	h->bucket[stats_histogram_bucket(ns)]++;
}

// n times the same.
static inline void stats_histogram_record_all(struct stats_histogram *h, uint64_t ns, uint64_t n)
{
	h->sum_ns += n * ns;
	h->bucket[stats_histogram_bucket(ns)] += n;
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
