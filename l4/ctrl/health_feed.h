// SPDX-License-Identifier: BSD-3-Clause
// What lb7d says of the backends that it probes, taken into the roster. What nobody says any more stays as it
// was last known: lb7d may be away (static stability), and a new lb7d knows nothing for as long as its first
// probes take.
// Control thread only.
#pragma once

#include "l4/base/cc.h"

struct control;
struct ctl_health_change;

// A row of health.watch or a health.changed. Takes over a state that is new, logs it, and has the
// next snapshot made soon (control_refresh_soon()). Left out: backends that the running configuration does
// not have or does not probe, and "unknown" of one whose state was known.
void health_feed_take(struct control *c, const struct ctl_health_change *change);

// After the configuration changed: forgets the health of pools that have no health check (any more).
void health_feed_forget(struct control *c);
