// SPDX-License-Identifier: BSD-3-Clause
// How many client connections the limit of open files allows.
#pragma once

#include "l4/model/conf.h"

// Raises RLIMIT_NOFILE to its hard limit and returns it.
uint64_t descriptors_raise(void);

// Client connections that each of n_workers may have, two descriptors each (its backend's is the other),
// and an eighth left for listeners, probes, operators and files. What conf->worker_connections asks for counts, the
// log saying if the limit is too low for it.
uint32_t descriptors_share(const struct conf *conf, uint16_t n_workers, uint64_t limit);
