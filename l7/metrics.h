// SPDX-License-Identifier: BSD-3-Clause
// What Prometheus reads: text exposition format 0.0.4 (prometheus.io, "Exposition formats"). Names and helps of the workers'
// counters are those of l4/model/counters.h.
#pragma once

#include "l4/base/cc.h"

struct manager;

// free() it; NULL if there is no memory. Main thread.
char *metrics_text(const struct manager *m, size_t *len);
