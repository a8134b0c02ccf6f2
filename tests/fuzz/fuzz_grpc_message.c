// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as the messages of a call: whole, byte by byte and cut in two at each place give one state, that of a naive reader.
#include <stdlib.h>

#include "l7/grpc_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void expect_same(const struct grpc_message *a, const struct grpc_message *b)
{
	expect(a->n == b->n && a->n_compressed == b->n_compressed && a->is_broken == b->is_broken);
	if (!a->is_broken)
		expect(a->n_bytes == b->n_bytes && a->left == b->left &&
		       a->head_len == b->head_len && a->in_message == b->in_message);
}

// How many whole messages there are, a message after the other.
static uint64_t naive(const uint8_t *data, size_t size)
{
	uint64_t n = 0;
	size_t at = 0;

	while (size - at >= GRPC_MESSAGE_HEAD && data[at] <= 1) {
		size_t len = (size_t)data[at + 1] << 24 | (size_t)data[at + 2] << 16 |
		             (size_t)data[at + 3] << 8 | data[at + 4];

		if (len > size - at - GRPC_MESSAGE_HEAD)
			break;
		at += GRPC_MESSAGE_HEAD + len;
		n++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct grpc_message whole = {.n = 0}, bytes = {.n = 0};
	uint64_t n = 0;

	expect(grpc_message_take(&whole, slice_of(data, size)) == naive(data, size));
	for (size_t i = 0; i < size; i++)
		n += grpc_message_take(&bytes, slice_of(data + i, 1));
	expect(n == whole.n);
	expect_same(&whole, &bytes);
	for (size_t i = 0; i < size && i < 256; i++) {
		struct grpc_message two = {.n = 0};

		grpc_message_take(&two, slice_of(data, i));
		grpc_message_take(&two, slice_of(data + i, size - i));
		expect_same(&whole, &two);
	}
	return 0;
}
