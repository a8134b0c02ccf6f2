// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a server's answer to grpc.health.v1.Health/Check: read twice alike, never beyond their end, and no shorter
// one is an answer, too, as its head says how long it is.
#include <stdlib.h>

#include "l7/grpc_health.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t status = 0, again = 1;

	if (grpc_health_parse(slice_of(data, size), &status))
		return 0;
	if (grpc_health_parse(slice_of(data, size), &again) || again != status ||
	    !grpc_health_parse(slice_of(data, size - 1), &again))
		abort();
	return 0;
}
