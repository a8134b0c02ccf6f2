// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_layout.h"

#include "l4/base/hash.h"

const struct stats_shape stats_shapes[STATS_REGION_COUNT] = {
	[STATS_META] = {"meta", sizeof(struct stats_meta), 1},
	[STATS_SERVICE_NAME] = {"service_names", sizeof(struct stats_service_name), STATS_SERVICES},
	[STATS_BACKEND_NAME] = {"backend_names", sizeof(struct stats_backend_name), STATS_BACKENDS},
	[STATS_LANE] = {"lanes", sizeof(struct lane_counters), STATS_SLOTS},
	[STATS_SERVICE] = {"services", sizeof(struct service_counters),
                           STATS_SLOTS *STATS_SERVICES},
	[STATS_BACKEND] = {"backends", sizeof(struct backend_counters),
                           STATS_SLOTS *STATS_BACKENDS},
	[STATS_STEER_SERVICE] = {"steer_services", sizeof(struct steer_service_counters),
                                 STATS_CPU_SLOTS *STATS_SERVICES},
	[STATS_TCP_SERVICE] = {"tcp_services", sizeof(struct tcp_counters), STATS_SERVICES},
	[STATS_TCP_BACKEND] = {"tcp_backends", sizeof(struct tcp_counters), STATS_BACKENDS},
};

// Every name in its order; the blanks keep "ab" "c" apart from "a" "bc".
#define R(SYMBOL, name, VERDICT, help) #name ":" #VERDICT " "
#define C(name, kind, unit, help) #name ":" #kind " "
#define H(name, unit, help) #name ":" #unit " "
static const char all_names[] = "reasons " REASONS(R) "lane " COUNTERS_LANE(C) "service " COUNTERS_SERVICE(
	C) "backend " COUNTERS_BACKEND(C) "steer " COUNTERS_STEER_SERVICE(C) "tcp " COUNTERS_TCP(C)
	HISTOGRAMS_TCP(H);
#undef R
#undef C
#undef H

uint32_t stats_layout(void)
{
	uint64_t hash = hash_bytes(all_names, sizeof(all_names), COUNTERS_VERSION);

	for (size_t i = 0; i < STATS_REGION_COUNT; i++)
		hash = hash_mix(stats_shapes[i].entry_size, stats_shapes[i].n_entries, hash);
	return (uint32_t)hash;
}

enum stats_owner stats_layout_owner(const struct stats_meta *meta)
{
	uint32_t magic = __atomic_load_n(&meta->magic, __ATOMIC_ACQUIRE);

	if (magic == 0)
		return STATS_BLANK;
	if (magic == STATS_MAGIC && meta->version == COUNTERS_VERSION &&
	    meta->layout == stats_layout())
		return STATS_OURS;
	return STATS_ALIEN;
}
