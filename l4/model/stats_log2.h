// SPDX-License-Identifier: BSD-3-Clause
// Reads a struct counters_log2 of the counter store, which the kernel may be adding to meanwhile: each word is
// whole, their sum may be a value behind. Any thread.
#pragma once

#include "l4/model/counters.h"

// The smallest and the largest value of a bucket; the last bucket's largest is UINT64_MAX.
// bucket < COUNTERS_LOG2_BUCKETS.
uint64_t stats_log2_first(unsigned bucket);
uint64_t stats_log2_last(unsigned bucket);

// The bucket that counts `value`; bpf/tcp.bpf.c does the same.
unsigned stats_log2_bucket(uint64_t value);

// How many values were counted.
uint64_t stats_log2_count(const struct counters_log2 *h);

// Adds what is in `h` to *sum.
void stats_log2_add(struct counters_log2 *sum, const struct counters_log2 *h);

// The value that `share` (0..1) of the values do not exceed, as if those of a bucket lay evenly between
// its ends: at most a factor of two off. 0 if there are none. What is in the last bucket is reported as the
// smallest value of that.
double stats_log2_quantile(const struct counters_log2 *h, double share);
