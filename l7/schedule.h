// SPDX-License-Identifier: BSD-3-Clause
// The order in which weighted backends take turns: each exactly as often as its weight says, and as
// evenly spread as can be. After t turns of n, a backend of share w/n has had less than one turn more or
// less than t * w/n (Pfair: Baruah et al., "Proportionate Progress", Algorithmica 15, 1996): its k-th turn
// is not before floor(k n / w) and before ceil((k+1) n / w), and of those whose time has come the one with
// the earliest end goes first. The smooth weighted round robin of nginx is alike without that bound.
// Any thread.
#pragma once

#include "l4/base/cc.h"

// Makes weights[n] as small as their ratios let them be, and smaller if their sum is above `max` (n at most
// max / 2): none that is above 0 vanishes. Returns the sum.
uint32_t schedule_scale(uint32_t *weights, uint32_t n, uint32_t max);

// Fills turns[n_turns] with indices of weights[n], whose sum is n_turns. n at most 65535. 0 or -ENOMEM.
NODISCARD int schedule_fill(uint16_t *turns, uint32_t n_turns, const uint32_t *weights, uint32_t n);
