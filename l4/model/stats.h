// SPDX-License-Identifier: BSD-3-Clause
// The counter store: shared memory that lanes add to and anybody reads without asking a daemon.
//
// Ten regions, each a flat array. Two homes with the same layout:
// - pinned BPF maps (BPF_F_MMAPABLE arrays) in the folder of the configuration key "stats", made by
//   bpf/attach.c; `bpftool map dump` shows named fields;
// - where BPF is not permitted, files of the same names in the /dev/shm folder of stats_shm_dir().
// Counters outlive the daemon; a daemon that starts adopts what it finds if version and layout are
// its own (the caller is told otherwise and makes the regions anew).
//
// Writers: a lane its own slot of lane, service and backend; the control thread meta and the two name
// regions, and copies steer_ports; BPF programs in the kernel the three before, which stay zero in files. Plain 64-bit stores: a reader may be a few packets behind, never torn.
#pragma once

#include "l4/base/addr.h"
#include "l4/base/err.h"
#include "l4/model/conf.h"
#include "l4/model/stats_layout.h"
#include "l4/model/stats_slots.h"

#include <stdio.h>

static_assert(STATS_NAME_SIZE + 0 == CONF_NAME_MAX + 1, "a name fits");
static_assert(STATS_SLOTS + 0 == CONF_MAX_LANES, "a slot for each lane");
static_assert(STATS_SERVICES + 0 == 2 * CONF_MAX_SERVICES, "room for retired ids");
static_assert(STATS_BACKENDS + 0 == 2 * CONF_MAX_BACKENDS, "room for retired ids");
static_assert(STATS_PORTS + 0 == CONF_MAX_PORTS, "a place for each port");

struct stats {
	struct stats_meta *meta;
	struct stats_service_name *service_names;
	struct stats_backend_name *backend_names;
	struct lane_counters *lanes;
	struct service_counters *services;
	struct backend_counters *backends;
	struct steer_service_counters
		*steer_services;              // see STATS_STEER_SERVICE for what is in which
	struct tcp_counters *tcp_services;    // [STATS_SERVICES], by service id
	struct tcp_counters *tcp_backends;    // [STATS_BACKENDS], by backend id
	struct stats_steer_port *steer_ports; // [STATS_PORTS], by port of the configuration
	bool is_bpf;                          // home: BPF maps, or files under /dev/shm
	void *mapping[STATS_REGION_COUNT];    // owned
};

enum { STATS_DIR_SIZE = 272 }; // "/dev/shm/", a name of 255 bytes, the end

// The folder of the files that stand in for BPF maps pinned in `dir`: "/dev/shm/lb47" for the default
// "/sys/fs/bpf/lb47", "/dev/shm/lb47-PATH" for others, slashes turned to dashes.
// Writes to out[STATS_DIR_SIZE]. Returns 0 or -ENAMETOOLONG.
NODISCARD int stats_shm_dir(char *out, const char *dir);

// Maps the regions behind fds (BPF maps or files; the caller keeps and may close them).
// `writable`: a daemon; otherwise readers. A daemon may map regions that nobody announced yet.
// Returns 0; -EPROTO if the shapes or names are another version's, -ENOENT for a reader if nobody
// announced them, or what mmap(2) said; close with stats_close().
NODISCARD int stats_map(struct stats *s, const int fds[STATS_REGION_COUNT], bool is_bpf,
                        bool writable, struct err *err);

// Readers: pinned maps in `dir` or the files for the same `dir`; if there are both, those of the daemon
// that started last.
// -ENOENT: no daemon ever ran with it; -EPROTO: another version wrote it; -EACCES.
NODISCARD int stats_open(struct stats *s, const char *dir, struct err *err);

// The same for a daemon: /dev/shm is everybody's, and whose files it reads may deceive it, or kill it by cutting one
// (SIGBUS). So only root's and its own user's count.
NODISCARD int stats_open_trusted(struct stats *s, const char *dir, struct err *err);

// Writers without BPF: makes (or adopts, see above) the files for `dir` and maps them. Files of another
// version are replaced. -ENOSPC: /dev/shm is full; -EPERM: the folder is another user's.
NODISCARD int stats_open_shm(struct stats *s, const char *dir, struct err *err);

// Writers: private memory of the same layout, for lbreplay, tests and benchmarks.
NODISCARD int stats_open_private(struct stats *s);

void stats_close(struct stats *s);

// Writes the meta entry and sets gauges to zero, as tables start empty; call after the regions are mapped
// and before any lane runs. A daemon that stops cleanly calls stats_writer_leave().
void stats_announce(struct stats *s, const char *node, uint16_t n_lanes, uint32_t pid);

static inline struct service_counters *stats_service(const struct stats *s, uint32_t lane)
{
	return s->services + (size_t)lane * STATS_SERVICES;
}

static inline struct backend_counters *stats_backend(const struct stats *s, uint32_t lane)
{
	return s->backends + (size_t)lane * STATS_BACKENDS;
}

// Where the counters of a region lie: by lane, CPU or not at all in slots, by id; of STATS_LANE one id.
struct stats_slots stats_counters(const struct stats *s, enum stats_region region);

// Sums over the lanes.
void stats_sum_lanes(const struct stats *s, struct lane_counters *out);
void stats_sum_service(const struct stats *s, uint16_t id, struct service_counters *out);
void stats_sum_backend(const struct stats *s, uint16_t id, struct backend_counters *out);

// Sums over the CPUs. The counters of TCP need no sum: tcp_services[id], tcp_backends[id].
void stats_sum_steer_service(const struct stats *s, uint16_t id,
                             struct steer_service_counters *out);

// The accounting identity over the sum of all lanes: received minus the sum of the reasons; 0 when
// nothing is in flight.
int64_t stats_identity(const struct lane_counters *sum);

extern const char *const stats_verdict_names[VERDICT_COUNT]; // "none" "forward" ...
extern const char *const stats_reason_names[REASON_COUNT];   // "-" for REASON_NONE
extern const char *const stats_reason_helps[REASON_COUNT];
extern const uint8_t stats_reason_verdicts[REASON_COUNT]; // enum verdict

// The lists of counters.h as tables, for whoever prints them.
enum stats_kind { STATS_COUNTER, STATS_GAUGE };

struct stats_field {
	const char *name;
	uint8_t kind;     // enum stats_kind
	const char *unit; // "packets" "bytes" "flows" "bursts" "ns"
	const char *help;
	uint16_t offset; // bytes, of a uint64_t in the struct
};

#define X(name, kind, unit, help) +1
enum {
	STATS_LANE_FIELDS = 0 COUNTERS_LANE(X),
	STATS_SERVICE_FIELDS = 0 COUNTERS_SERVICE(X),
	STATS_BACKEND_FIELDS = 0 COUNTERS_BACKEND(X),
	STATS_STEER_FIELDS = 0 COUNTERS_STEER(X),
	STATS_WORKER_FIELDS = 0 COUNTERS_WORKER(X),
	STATS_STEER_SERVICE_FIELDS = 0 COUNTERS_STEER_SERVICE(X),
	STATS_TCP_FIELDS = 0 COUNTERS_TCP(X),
};
#undef X

struct stats_log2_field {
	const char *name;
	const char *unit; // of a value: "us" "ms" "segments"
	const char *help;
	uint16_t offset; // bytes, of a struct counters_log2 in struct tcp_counters
};

#define X(name, unit, help) +1
enum { STATS_TCP_HISTOGRAMS = 0 HISTOGRAMS_TCP(X) };
#undef X

extern const struct stats_field stats_lane_fields[STATS_LANE_FIELDS];
extern const struct stats_field stats_service_fields[STATS_SERVICE_FIELDS];
extern const struct stats_field stats_backend_fields[STATS_BACKEND_FIELDS];
extern const struct stats_field stats_steer_fields[STATS_STEER_FIELDS];
extern const struct stats_field stats_worker_fields[STATS_WORKER_FIELDS];
extern const struct stats_field stats_steer_service_fields[STATS_STEER_SERVICE_FIELDS];
extern const struct stats_field stats_tcp_fields[STATS_TCP_FIELDS];
extern const struct stats_log2_field stats_tcp_histograms[STATS_TCP_HISTOGRAMS];

// The value of a field in a struct lane_counters, service_counters, backend_counters,
// steer_counters, worker_counters, steer_service_counters or tcp_counters.
static inline uint64_t stats_value(const void *counters, const struct stats_field *field)
{
	return *(const uint64_t *)((const char *)counters + field->offset);
}

// Writes conf/counters.md. Returns 0 or -EIO.
NODISCARD int stats_reference(FILE *out);
