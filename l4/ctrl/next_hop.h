// SPDX-License-Identifier: BSD-3-Clause
// What is written into roster_backend.hop, and the hops that the configuration decrees by "mac".
#pragma once

#include "l4/ctrl/control.h"

// Whether the packet path would do anything differently; the state's text does not count.
bool next_hop_differs(const struct next_hop *a, const struct next_hop *b);

void next_hop_set_state(struct next_hop *hop, const char *word);

// "mac" is configured, or was when the backend retired.
bool next_hop_is_configured(const struct next_hop *hop);

// Writes the decreed hops of all live backends, over the first port where no route said otherwise, and
// forgets those that are decreed no more. neighbor_update() includes it; call it alone where no port has
// a kernel interface. True if a hop changed.
bool next_hop_decree(struct control *c);
