// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as what a peer says of gRPC: Content-Type, grpc-timeout, grpc-status, and as the text of a grpc-message.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);

	check_values(in);
	check_message(in);
	return 0;
}
