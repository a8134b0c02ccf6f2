// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as what a peer says of gRPC: Content-Type, grpc-timeout, grpc-status, grpc-message, and a stream of messages, which is the
// same to us whole, byte by byte and cut in two.
#include <stdlib.h>

#include "l7/grpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_true)
{
	if (!is_true)
		abort();
}

static void check_values(struct slice in)
{
	struct slice subtype = {0};
	uint64_t ns = 0;
	uint8_t status;

	if (grpc_kind_of(in, &subtype) != GRPC_NONE)
		expect(subtype.ptr >= in.ptr && subtype.ptr + subtype.len <= in.ptr + in.len &&
		       subtype.len < in.len);
	expect(!grpc_parse_timeout(in, &ns) || (ns > 0 && in.len <= 9));
	expect(!grpc_parse_status(in, &status) || in.len <= 3);
}

static void check_message(struct slice in)
{
	char space[4096];
	struct text t = text_of(space, sizeof(space));

	grpc_write_message(&t, in);
	expect(t.is_cut || t.len >= in.len);
	for (size_t i = 0; i < t.len; i++)
		expect(space[i] >= ' ' && space[i] <= '~');
}

static void check_frames(struct slice in)
{
	struct grpc_frames whole = {.left = 0}, bytes = {.left = 0};

	grpc_track(&whole, in);
	for (size_t i = 0; i < in.len; i++)
		grpc_track(&bytes, slice_of(in.ptr + i, 1));
	expect(whole.left == bytes.left && whole.head == bytes.head);
	for (size_t i = 0; i < in.len && i < 256; i++) {
		struct grpc_frames two = {.left = 0};

		grpc_track(&two, slice_of(in.ptr, i));
		grpc_track(&two, slice_of(in.ptr + i, in.len - i));
		expect(whole.left == two.left && whole.head == two.head);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);

	check_values(in);
	check_message(in);
	check_frames(in);
	return 0;
}
