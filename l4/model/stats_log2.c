// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_log2.h"

#include <assert.h>
#include <stddef.h>

enum { LAST = COUNTERS_LOG2_BUCKETS - 1 };

uint64_t stats_log2_first(unsigned bucket)
{
	assert(bucket <= LAST);
	return bucket ? 1ull << (bucket - 1) : 0;
}

uint64_t stats_log2_last(unsigned bucket)
{
	assert(bucket <= LAST);
	return bucket == LAST ? UINT64_MAX : (1ull << bucket) - 1;
}

unsigned stats_log2_bucket(uint64_t value)
{
	unsigned bits = value ? 64 - (unsigned)__builtin_clzll(value) : 0;

	return bits < LAST ? bits : LAST;
}

static uint64_t read_word(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

uint64_t stats_log2_count(const struct counters_log2 *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= LAST; i++)
		n += read_word(&h->bucket[i]);
	return n;
}

void stats_log2_add(struct counters_log2 *sum, const struct counters_log2 *h)
{
	sum->sum += read_word(&h->sum);
	for (size_t i = 0; i <= LAST; i++)
		sum->bucket[i] += read_word(&h->bucket[i]);
}

static double inside(unsigned bucket, double part)
{
	double first = (double)stats_log2_first(bucket);

	if (bucket == LAST)
		return first;
	return first + ((double)stats_log2_last(bucket) - first) * part;
}

double stats_log2_quantile(const struct counters_log2 *h, double share)
{
	struct counters_log2 still = {0}; // buckets that grow meanwhile would move the goal
	double goal, below = 0;

	stats_log2_add(&still, h);
	goal = share * (double)stats_log2_count(&still);
	for (unsigned i = 0; i <= LAST; i++) {
		double here = (double)still.bucket[i];

		if (here > 0 && below + here >= goal)
			return inside(i, (goal - below) / here);
		below += here;
	}
	return 0;
}
