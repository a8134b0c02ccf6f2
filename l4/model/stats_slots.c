// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_slots.h"

#include <assert.h>
#include <string.h>

void stats_slots_sum(const struct stats_slots *s, uint32_t id, size_t offset, void *out,
                     size_t size)
{
	uint64_t *to = out;

	assert(id < s->n_ids && offset + size <= s->stride);
	memset(out, 0, size);
	for (uint32_t slot = 0; slot < s->n_slots; slot++) {
		size_t at = ((size_t)slot * s->n_ids + id) * s->stride + offset;
		const uint64_t *from = (const void *)((const char *)s->base + at);

		for (size_t i = 0; i < size / sizeof(*to); i++)
			to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	}
}
