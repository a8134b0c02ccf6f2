// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as an event stream: whole, byte by byte and cut in two at each place give one state.
#include <stdlib.h>

#include "l7/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const struct sse *a, const struct sse *b)
{
	if (a->line != b->line || a->after_cr != b->after_cr || a->in_event != b->in_event ||
	    a->n_events != b->n_events)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sse whole = {.line = 0}, bytes = {.line = 0};

	sse_track(&whole, slice_of(data, size));
	for (size_t i = 0; i < size; i++)
		sse_track(&bytes, slice_of(data + i, 1));
	expect_same(&whole, &bytes);
	for (size_t i = 0; i < size && i < 256; i++) {
		struct sse two = {.line = 0};

		sse_track(&two, slice_of(data, i));
		sse_track(&two, slice_of(data + i, size - i));
		expect_same(&whole, &two);
	}
	return 0;
}
