// SPDX-License-Identifier: BSD-3-Clause
// The L7 half of the counter store: what lb7d counts for its workers, services and backends. It lies in the same folder as
// lb4d's (stats.h) and in either of the same two homes, and outlives lb7d in the same way.
//
// Regions are arrays by worker and id (stats_layout.h); how many there are is said by the first one, as lb7d chooses it from
// its configuration. Ids come from the two name regions and stay with their owner over reloads and restarts; only the name
// regions say what an id stands for. Id STATS_L7_OTHER takes in what found no room.
//
// Writers: a worker its own slots; lb7d's main thread meta and names. Plain 64-bit stores: a reader may be a
// little behind, never torn. Readers:
//   1. stats_l7_open(); 2. the sums, or the arrays themselves; 3. once in a while stats_l7_is_stale(): close and open anew;
//   4. stats_l7_close().
// A reader keeps what it has mapped whatever happens to lb7d.
#pragma once

#include "l4/model/stats.h"
#include "l4/model/stats_histogram.h"

static_assert(STATS_L7_SERVICES + 0 >= 2 * CONF_MAX_SERVICES, "room for retired ids");
static_assert(STATS_L7_BACKENDS + 0 >= 2 * CONF_MAX_BACKENDS, "room for retired ids");
static_assert(STATS_L7_MODELS + 0 >= 2 * CONF_MAX_L7 * CONF_MAX_MODELS, "room for retired ids");

struct stats_l7 {
	struct stats_l7_meta *meta;
	struct stats_l7_name *service_names;  // [room.n_services]
	struct stats_l7_name *backend_names;  // [room.n_backends]
	struct worker_counters *workers;      // [room.n_workers]
	struct l7_service_counters *services; // see stats_l7_service()
	struct l7_backend_counters *backends;
	struct l7_service_histograms *service_times;
	struct l7_backend_histograms *backend_times;
	struct stats_l7_name *model_names; // [room.n_models]
	struct l7_model_counters *models;
	struct l7_model_histograms *model_times;
	struct stats_l7_room room;
	bool is_bpf;                          // home: BPF maps, or files under /dev/shm
	bool is_private;                      // neither: the memory of this process
	int lock_fd;                          // of a writer, owned; -1 = none
	void *mapping[STATS_L7_REGION_COUNT]; // owned
};

// Readers: pinned maps in `dir` or the files for the same `dir`; if there are both, those of the lb7d that
// started last.
// -ENOENT: no lb7d ever ran with it; -EPROTO: another version wrote it, or it is damaged; -EACCES.
NODISCARD int stats_l7_open(struct stats_l7 *s, const char *dir, struct err *err);

void stats_l7_close(struct stats_l7 *s);

// Another store has taken the place of this one (a configuration that needed more room): nobody writes here any more.
bool stats_l7_is_stale(const struct stats_l7 *s);

// Where a worker's counters of an id are. worker < room.n_workers, id < room.n_services, n_backends or n_models.
static inline size_t stats_l7_service_at(const struct stats_l7 *s, uint32_t worker, uint32_t id)
{
	return (size_t)worker * s->room.n_services + id;
}

static inline size_t stats_l7_backend_at(const struct stats_l7 *s, uint32_t worker, uint32_t id)
{
	return (size_t)worker * s->room.n_backends + id;
}

static inline size_t stats_l7_model_at(const struct stats_l7 *s, uint32_t worker, uint32_t id)
{
	return (size_t)worker * s->room.n_models + id;
}

// Where the counters of a region lie: by worker in slots, by id; of STATS_L7_WORKER one id.
struct stats_slots stats_l7_counters(const struct stats_l7 *s, enum stats_l7_region region);

// Sums over the workers.
void stats_l7_sum_workers(const struct stats_l7 *s, struct worker_counters *out);
void stats_l7_sum_service(const struct stats_l7 *s, uint32_t id, struct l7_service_counters *out);
void stats_l7_sum_backend(const struct stats_l7 *s, uint32_t id, struct l7_backend_counters *out);
void stats_l7_sum_service_times(const struct stats_l7 *s, uint32_t id,
                                struct l7_service_histograms *out);
void stats_l7_sum_backend_times(const struct stats_l7 *s, uint32_t id,
                                struct l7_backend_histograms *out);
void stats_l7_sum_model(const struct stats_l7 *s, uint32_t id, struct l7_model_counters *out);
void stats_l7_sum_model_times(const struct stats_l7 *s, uint32_t id,
                              struct l7_model_histograms *out);

// What STATS_L7_OTHER is called wherever names are shown: parentheses are in no configured name.
extern const char stats_l7_other[STATS_NAME_SIZE]; // "(other)"

// The requests of a service that have neither ended nor are on their way: 0 when nothing is in between.
int64_t stats_l7_identity(const struct l7_service_counters *sum);
int64_t stats_l7_stream_identity(const struct l7_service_counters *sum); // likewise of its streams

// The lists of counters.h as tables. Values: stats_value().
#define X(name, kind, unit, help) +1
#define X_END(SYMBOL, name, help) +1
enum {
	STATS_L7_SERVICE_FIELDS = 0 COUNTERS_L7_SERVICE(X),
	STATS_L7_BACKEND_FIELDS = 0 COUNTERS_L7_BACKEND(X),
	STATS_L7_MODEL_FIELDS = 0 COUNTERS_L7_MODEL(X),
};
#undef X
#undef X_END

#define X(name, help) +1
enum {
	STATS_L7_SERVICE_TIMES = 0 HISTOGRAMS_L7_SERVICE(X),
	STATS_L7_BACKEND_TIMES = 0 HISTOGRAMS_L7_BACKEND(X),
	STATS_L7_MODEL_TIMES = 0 HISTOGRAMS_L7_MODEL(X),
};
#undef X

struct stats_time {
	const char *name;
	const char *help;
	uint16_t offset; // bytes, of a struct stats_histogram in the struct
};

extern const struct stats_field stats_l7_service_fields[STATS_L7_SERVICE_FIELDS];
extern const struct stats_field stats_l7_backend_fields[STATS_L7_BACKEND_FIELDS];
extern const struct stats_field stats_l7_model_fields[STATS_L7_MODEL_FIELDS];
extern const struct stats_time stats_l7_service_time_fields[STATS_L7_SERVICE_TIMES];
extern const struct stats_time stats_l7_backend_time_fields[STATS_L7_BACKEND_TIMES];
extern const struct stats_time stats_l7_model_time_fields[STATS_L7_MODEL_TIMES];

// The histogram of a field in a struct l7_service_histograms or l7_backend_histograms.
static inline const struct stats_histogram *stats_l7_time(const void *times,
                                                          const struct stats_time *field)
{
	return (const struct stats_histogram *)(const void *)((const char *)times + field->offset);
}
