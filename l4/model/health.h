// SPDX-License-Identifier: BSD-3-Clause
// What is known of a backend's health, and what that means for new and living flows.
#pragma once

#include "l4/base/cc.h"

enum { HEALTH_REASON_SIZE = 128 };

enum health { HEALTH_UNKNOWN, HEALTH_HEALTHY, HEALTH_UNHEALTHY, HEALTH_STATE_COUNT };

extern const char *const health_names[HEALTH_STATE_COUNT]; // "unknown" "healthy" "unhealthy"

struct health_record {
	uint8_t state; // enum health; unknown counts as healthy: nobody probes, nobody objects
	uint64_t changed_ns;             // CLOCK_REALTIME of the last transition, 0 = never
	char reason[HEALTH_REASON_SIZE]; // "connect: refused", "" if unknown
};
