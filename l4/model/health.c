// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/health.h"

const char *const health_names[HEALTH_STATE_COUNT] = {
	[HEALTH_UNKNOWN] = "unknown",
	[HEALTH_HEALTHY] = "healthy",
	[HEALTH_UNHEALTHY] = "unhealthy",
};
