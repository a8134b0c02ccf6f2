// SPDX-License-Identifier: BSD-3-Clause
// Which id of the L7 half of the counter store (stats_l7.h) belongs to which service, backend or model. A service or model is its
// name, a backend its pool and name; an id stays theirs over reloads and restarts, as the store's name regions remember it. Who
// leaves the configuration keeps the id for STATS_L7_QUARANTINE_S (until the next run, if that begins before) and for as long as a gauge
// says that something is still on its way; only when no id was never used, the one that was left first changes its owner, and
// begins at zero.
// lb7d's main thread.
#pragma once

#include "l4/model/stats_l7.h"

enum { STATS_L7_QUARANTINE_S = 600 };

enum stats_l7_kind { STATS_L7_OF_SERVICES, STATS_L7_OF_BACKENDS, STATS_L7_OF_MODELS };

// As it stands in the configuration; all borrowed.
struct stats_l7_owner {
	const char *group; // see struct stats_l7_name
	const char *name;
	struct addr address;
	uint16_t port; // host order
};

// The store is announced; meta->generation is 0 with the first configuration of a run. Gives each of owners[n], which differ, its id in ids[n]; whoever had one and is not among them is retired. Returns how many
// got STATS_L7_OTHER, for want of ids or memory.
size_t stats_l7_roster(struct stats_l7 *s, enum stats_l7_kind kind,
                       const struct stats_l7_owner *owners, size_t n, uint16_t *ids);
