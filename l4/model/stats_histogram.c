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

// From 2^STATS_HISTOGRAM_FIRST on, eight to each power of two: how many bounds are below its begin. (Checked by the unit test.)
const uint8_t stats_histogram_first[STATS_HISTOGRAM_CELLS] = {
	0,   0,   0,   0,   0,   0,   0,   0,   1,   1,   2,   2,   3,   3,   4,   4,   5,
	5,   6,   6,   7,   7,   8,   8,   9,   9,   10,  10,  11,  11,  11,  12,  13,  13,
	14,  14,  14,  15,  15,  16,  16,  17,  18,  18,  18,  19,  19,  20,  20,  21,  22,
	22,  22,  23,  23,  24,  24,  24,  26,  26,  26,  27,  27,  27,  28,  28,  29,  30,
	30,  31,  31,  31,  32,  32,  33,  34,  34,  35,  35,  35,  36,  36,  37,  37,  38,
	39,  39,  39,  40,  40,  41,  41,  42,  42,  43,  43,  44,  44,  45,  45,  46,  46,
	47,  47,  48,  48,  49,  49,  50,  50,  50,  51,  52,  52,  53,  53,  54,  54,  54,
	55,  55,  56,  57,  57,  58,  58,  58,  59,  59,  60,  61,  61,  62,  62,  62,  63,
	63,  64,  65,  65,  66,  66,  66,  67,  67,  68,  68,  69,  70,  70,  70,  71,  71,
	72,  72,  73,  74,  74,  74,  75,  75,  76,  76,  76,  78,  78,  78,  79,  79,  79,
	80,  80,  81,  81,  82,  83,  83,  83,  84,  84,  85,  85,  86,  87,  87,  87,  88,
	88,  89,  89,  90,  91,  91,  91,  92,  92,  93,  93,  94,  94,  94,  95,  96,  96,
	97,  97,  98,  98,  98,  99,  100, 100, 101, 101, 102, 102, 102, 103, 104, 104, 105,
	105, 105, 106, 106, 107, 107, 108, 109, 109, 109, 110, 110, 111, 111, 112, 113, 113,
	113, 114, 114, 115, 115, 116, 117, 117, 117, 118, 118, 118, 119, 120, 120, 121, 121,
	122, 122, 122, 123, 124, 124, 125, 125, 126, 126, 126, 127, 128, 128, 128, 129,
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
