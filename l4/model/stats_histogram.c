// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_histogram.h"

#define US 1000ull
#define S 1000000000ull
#define DECADE(ns)                                                                            \
	(ns) * 5 / 4, (ns)*3 / 2, (ns)*7 / 4, (ns)*2, (ns)*5 / 2, (ns)*3, (ns)*7 / 2, (ns)*4, \
		(ns)*5, (ns)*6, (ns)*15 / 2, (ns)*8, (ns)*10

const uint64_t stats_histogram_bounds[STATS_HISTOGRAM_BOUNDS] = {
	US,
	DECADE(US),
	DECADE(10 * US),
	DECADE(100 * US),
	DECADE(1000 * US),
	DECADE(10000 * US),
	DECADE(100000 * US),
	DECADE(S),
	DECADE(10 * S),
	DECADE(100 * S),
	DECADE(1000 * S),
};

void stats_histogram_add(struct stats_histogram *sum, const struct stats_histogram *h)
{
	sum->sum_ns += __atomic_load_n(&h->sum_ns, __ATOMIC_RELAXED);
	for (size_t i = 0; i < STATS_HISTOGRAM_BUCKETS; i++)
		sum->bucket[i] += __atomic_load_n(&h->bucket[i], __ATOMIC_RELAXED);
}

uint64_t stats_histogram_count(const struct stats_histogram *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i < STATS_HISTOGRAM_BUCKETS; i++)
		n += h->bucket[i];
	return n;
}

uint64_t stats_histogram_up_to(const struct stats_histogram *h, uint64_t ns)
{
	uint64_t n = 0;

	for (size_t i = 0; i < STATS_HISTOGRAM_BOUNDS && stats_histogram_bounds[i] <= ns; i++)
		n += h->bucket[i];
	return n;
}

double stats_histogram_percentile(const struct stats_histogram *h, double share)
{
	double wanted = share * (double)stats_histogram_count(h);
	double seen = 0;

	for (size_t i = 0; i < STATS_HISTOGRAM_BOUNDS; i++) {
		double low = i ? (double)stats_histogram_bounds[i - 1] : 0;
		double high = (double)stats_histogram_bounds[i];
		double n = (double)h->bucket[i];

		if (n > 0 && seen + n >= wanted)
			return low + (high - low) * (wanted - seen) / n;
		seen += n;
	}
	return h->bucket[STATS_HISTOGRAM_BOUNDS]
	               ? (double)stats_histogram_bounds[STATS_HISTOGRAM_BOUNDS - 1]
	               : 0;
}

double stats_histogram_mean(const struct stats_histogram *h)
{
	uint64_t n = stats_histogram_count(h);

	return n ? (double)h->sum_ns / (double)n : 0;
}
