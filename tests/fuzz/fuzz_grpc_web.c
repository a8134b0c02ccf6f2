// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as the base64 of a gRPC-Web request: whole, byte by byte and cut in two they give the same octets or are refused alike,
// and what was accepted without padding in its middle is what the encoder writes.
#include <stdlib.h>
#include <string.h>

#include "l7/grpc_web.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_true)
{
	if (!is_true)
		abort();
}

// The same in pieces of `step`.
static ssize_t decode(struct slice in, size_t step, uint8_t *out, bool *is_whole)
{
	struct grpc_web_base64 b = {.n = 0};
	ssize_t used = 0;

	for (size_t at = 0; at < in.len; at += step) {
		size_t len = in.len - at < step ? in.len - at : step;
		ssize_t n = grpc_web_decode(&b, slice_of(in.ptr + at, len), out + used);

		if (n < 0)
			return n;
		expect((size_t)n <= GRPC_WEB_DECODED(len));
		used += n;
	}
	*is_whole = grpc_web_is_whole(&b);
	return used;
}

static void check_encoder(struct slice text, struct slice octets)
{
	const uint8_t *pad = memchr(text.ptr, '=', text.len);
	char *again;

	if (pad && pad < text.ptr + text.len - 2)
		return;
	again = calloc(1, GRPC_WEB_ENCODED(octets.len) + 1);
	expect(again);
	expect(grpc_web_encode(octets, again) == text.len);
	expect(memcmp(again, text.ptr, text.len) == 0);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *whole = malloc(size + 3), *pieces = malloc(size + 3);
	struct slice in = slice_of(data, size);
	bool is_whole = false, is_same = false;
	ssize_t n;

	expect(whole && pieces);
	n = decode(in, size ? size : 1, whole, &is_whole);
	for (size_t step = 1; step < size && step < 64; step++) {
		expect(decode(in, step, pieces, &is_same) == n);
		if (n >= 0)
			expect(is_same == is_whole && memcmp(pieces, whole, (size_t)n) == 0);
	}
	if (n > 0 && is_whole)
		check_encoder(in, slice_of(whole, (size_t)n));
	free(whole);
	free(pieces);
	return 0;
}
