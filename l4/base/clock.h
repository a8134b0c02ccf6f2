// SPDX-License-Identifier: BSD-3-Clause
// Time. The packet path never asks for it: whoever runs a burst hands it `now_ns` once.
#pragma once

#include "l4/base/cc.h"

#define CLOCK_NS_PER_S UINT64_C(1000000000)
#define CLOCK_NS_PER_MS UINT64_C(1000000)

// CLOCK_MONOTONIC in nanoseconds; comparable within this host only, never with another's.
uint64_t clock_now_ns(void);
