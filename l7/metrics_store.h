// SPDX-License-Identifier: BSD-3-Clause
// The counter store as Prometheus reads it: of lb4d and of lb7d, whether they run or not. Main thread.
#pragma once

#include "l4/model/stats_l7.h"

// Lanes, reasons, L4 services and backends, what XDP and TCP programs counted.
void metrics_store_l4(FILE *out, const struct stats *s);

// Workers, services, backends, times.
void metrics_store_l7(FILE *out, const struct stats_l7 *s);
