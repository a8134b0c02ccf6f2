// SPDX-License-Identifier: BSD-3-Clause
// What /metrics says of pools and their backends as the configuration, the operator and the probes have them, whether anything was
// counted for them or not; L4 pools too. One function for each family: it writes the row at the cursor, if it has one, and moves
// the cursor on. False: there are no more. Main thread.
#pragma once

#include "l7/text.h"

struct manager;
struct site;

struct metrics_state {
	const struct manager *m;
	const struct site *site; // the one that the page goes by; NULL = no rows
	uint16_t pool, backend;  // the cursor; 0, 0 to begin with
};

bool metrics_state_healthy(struct metrics_state *s, struct text *out);
bool metrics_state_usable(struct metrics_state *s, struct text *out);
bool metrics_state_admin(struct metrics_state *s, struct text *out);
bool metrics_state_pool_usable(struct metrics_state *s, struct text *out);
bool metrics_state_pool_open(struct metrics_state *s, struct text *out);
