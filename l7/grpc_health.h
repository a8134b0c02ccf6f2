// SPDX-License-Identifier: BSD-3-Clause
// The standard's question whether a gRPC server serves, and its answer (github.com/grpc/grpc/doc/health-checking.md): the two messages of
// grpc.health.v1.Health/Check in protobuf's encoding (protobuf.dev/programming-guides/encoding), each behind gRPC's head of five
// octets. Pure; any thread.
#pragma once

#include "l4/base/slice.h"
#include "l7/text.h"

#define GRPC_HEALTH_PATH "/grpc.health.v1.Health/Check"

enum grpc_health {
	GRPC_HEALTH_UNKNOWN,
	GRPC_HEALTH_SERVING,
	GRPC_HEALTH_NOT_SERVING,
	GRPC_HEALTH_SERVICE_UNKNOWN, // of Watch() only
	GRPC_HEALTH_COUNT
};

extern const char *const grpc_health_names[GRPC_HEALTH_COUNT]; // "NOT_SERVING"

enum {
	GRPC_HEALTH_REST = 16,       // octets of a question beside the name
	GRPC_HEALTH_ANSWER_MAX = 512 // of an answer: one that is longer is none
};

// HealthCheckRequest: `service` in UTF-8, "" = the server as a whole. is_cut if it does not fit.
void grpc_health_write(struct text *t, const char *service);

// HealthCheckResponse, whole: one message that is not compressed. 0 with its status, which may be one that the enum does not know;
// -EINVAL: malformed.
NODISCARD int grpc_health_parse(struct slice message, uint64_t *status);
