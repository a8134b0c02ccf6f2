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
	[STATS_STEER_PORT] = {"steer_ports", sizeof(struct stats_steer_port), STATS_PORTS},
};

// Every name in its order; the blanks keep "ab" "c" apart from "a" "bc".
#define R(SYMBOL, name, VERDICT, help) #name ":" #VERDICT " "
#define C(name, kind, unit, help) #name ":" #kind " "
#define H(name, unit, help) #name ":" #unit " "
static const char all_names[] =
	"reasons " REASONS(R) "lane " COUNTERS_LANE(C) "service " COUNTERS_SERVICE(C) "backend " COUNTERS_BACKEND(
		C) "port " COUNTERS_STEER(C) "steer " COUNTERS_STEER_SERVICE(C) "tcp " COUNTERS_TCP(C)
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

void stats_layout_l7_shapes(struct stats_shape out[STATS_L7_REGION_COUNT],
                            const struct stats_l7_room *room)
{
	uint32_t n_services = room->n_workers * room->n_services;
	uint32_t n_backends = room->n_workers * room->n_backends;
	uint32_t n_models = room->n_workers * room->n_models;
	const struct stats_shape shapes[STATS_L7_REGION_COUNT] = {
		[STATS_L7_MODEL_NAME] = {"l7_model_names", sizeof(struct stats_l7_name),
	                                 room->n_models},
		[STATS_L7_MODEL] = {"l7_models", sizeof(struct l7_model_counters), n_models},
		[STATS_L7_MODEL_HISTOGRAM] = {"l7_model_times", sizeof(struct l7_model_histograms),
	                                      n_models},
		[STATS_L7_META] = {"l7_meta", sizeof(struct stats_l7_meta), 1},
		[STATS_L7_SERVICE_NAME] = {"l7_service_names", sizeof(struct stats_l7_name),
	                                   room->n_services},
		[STATS_L7_BACKEND_NAME] = {"l7_backend_names", sizeof(struct stats_l7_name),
	                                   room->n_backends},
		[STATS_L7_WORKER] = {"workers", sizeof(struct worker_counters), room->n_workers},
		[STATS_L7_SERVICE] = {"l7_services", sizeof(struct l7_service_counters),
	                              n_services},
		[STATS_L7_BACKEND] = {"l7_backends", sizeof(struct l7_backend_counters),
	                              n_backends},
		[STATS_L7_SERVICE_HISTOGRAM] = {"l7_service_times",
	                                        sizeof(struct l7_service_histograms), n_services},
		[STATS_L7_BACKEND_HISTOGRAM] = {"l7_backend_times",
	                                        sizeof(struct l7_backend_histograms), n_backends},
	};

	for (size_t i = 0; i < STATS_L7_REGION_COUNT; i++)
		out[i] = shapes[i];
}

#define C(name, kind, unit, help) #name ":" #kind " "
#define C_END(SYMBOL, name, help) "ends_" #name " "
#define H(name, help) #name " "
static const char l7_names[] =
	"worker " COUNTERS_WORKER(C) "service " COUNTERS_L7_SERVICE(C) "backend " COUNTERS_L7_BACKEND(
		C) "service " HISTOGRAMS_L7_SERVICE(H) "backend " HISTOGRAMS_L7_BACKEND(H) "model " COUNTERS_L7_MODEL(C)
		HISTOGRAMS_L7_MODEL(H);
#undef C
#undef C_END
#undef H

uint32_t stats_layout_l7(void)
{
	uint64_t hash = hash_bytes(l7_names, sizeof(l7_names), COUNTERS_VERSION);
	struct stats_shape shapes[STATS_L7_REGION_COUNT];

	stats_layout_l7_shapes(shapes, &(struct stats_l7_room){1, 1, 1, 1});
	for (size_t i = 0; i < STATS_L7_REGION_COUNT; i++)
		hash = hash_mix(shapes[i].entry_size, STATS_HISTOGRAM_BUCKETS, hash);
	return (uint32_t)hash;
}

enum stats_owner stats_layout_l7_owner(const struct stats_l7_meta *meta)
{
	uint32_t magic = __atomic_load_n(&meta->magic, __ATOMIC_ACQUIRE);

	if (magic == 0)
		return STATS_BLANK;
	if (magic == STATS_L7_MAGIC && meta->version == COUNTERS_VERSION &&
	    meta->layout == stats_layout_l7())
		return STATS_OURS;
	return STATS_ALIEN;
}
