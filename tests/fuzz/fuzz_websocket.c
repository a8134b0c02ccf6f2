// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as frames of either side: whole, byte by byte and cut in two at each place give one state or one refusal,
// and a control frame put in where the tracker allows one is seen as such and changes nothing behind it.
#include <stdlib.h>

#include "l7/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const struct websocket *a, const struct websocket *b)
{
	if (a->left != b->left || a->n_messages != b->n_messages || a->head_len != b->head_len ||
	    memcmp(a->head, b->head, a->head_len) != 0 || a->opcode != b->opcode ||
	    a->is_final != b->is_final || a->in_message != b->in_message ||
	    a->is_closed != b->is_closed)
		abort();
}

// A ping, where it may be. Does what the injector does: the tracker itself never sees it.
static void put_ping(const struct websocket *at)
{
	static const uint8_t mask[4] = {1, 2, 3, 4};
	uint8_t ping[WEBSOCKET_FRAME_MAX];
	struct websocket with = *at;
	size_t len;

	if (!websocket_is_between(at) || at->is_closed)
		return;
	len = websocket_write(ping, WEBSOCKET_PING, slice_of("lb47", 4),
	                      at->is_client ? mask : NULL);
	if (websocket_track(&with, slice_of(ping, len)) || !websocket_is_between(&with) ||
	    with.in_message != at->in_message || with.n_messages != at->n_messages)
		abort();
}

static int track_bytes(struct websocket *w, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (websocket_track(w, slice_of(data + i, 1)))
			return -1;
		put_ping(w);
	}
	return 0;
}

static void try_side(bool is_client, const uint8_t *data, size_t size)
{
	struct websocket whole = {.is_client = is_client}, bytes = {.is_client = is_client};
	bool is_valid = websocket_track(&whole, slice_of(data, size)) == 0;

	if (is_valid != (track_bytes(&bytes, data, size) == 0))
		abort();
	if (is_valid)
		expect_same(&whole, &bytes);
	for (size_t i = 0; i < size && i < 256; i++) {
		struct websocket two = {.is_client = is_client};
		bool is_taken = websocket_track(&two, slice_of(data, i)) == 0 &&
		                websocket_track(&two, slice_of(data + i, size - i)) == 0;

		if (is_taken != is_valid)
			abort();
		if (is_valid)
			expect_same(&whole, &two);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_side(false, data, size);
	try_side(true, data, size);
	return 0;
}
