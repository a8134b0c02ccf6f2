// SPDX-License-Identifier: BSD-3-Clause
// The counter store: shared memory that lanes add to and anybody reads without asking a daemon.
//
// Six regions, each a flat array. Two homes with the same layout:
// - pinned BPF maps (BPF_F_MMAPABLE arrays) in the folder of the configuration key "stats", made by
//   bpf/attach.c; `bpftool map dump` shows named fields;
// - where BPF is not permitted, files of the same names in the /dev/shm folder of stats_shm_dir().
// Counters outlive the daemon; a daemon that starts adopts what it finds if version and layout are
// its own (the caller is told otherwise and makes the regions anew).
//
// Writers: a lane its own slot of lane, service and backend; the control thread meta and the two name
// regions. Plain 64-bit stores: a reader may be a few packets behind, never torn.
#pragma once

#include "l4/base/addr.h"
#include "l4/base/err.h"
#include "l4/model/conf.h"
#include "l4/model/counters.h"

enum {
	STATS_MAGIC = 0x6c623437, // "lb47"
	STATS_SLOTS = CONF_MAX_LANES,
	STATS_SERVICES = 2 * CONF_MAX_SERVICES, // room for ids that are retired but not yet reused
	STATS_BACKENDS = 2 * CONF_MAX_BACKENDS,
};

enum stats_region {
	STATS_META,         // struct stats_meta [1]
	STATS_SERVICE_NAME, // struct stats_service_name [STATS_SERVICES], index = service id
	STATS_BACKEND_NAME, // struct stats_backend_name [STATS_BACKENDS], index = backend id
	STATS_LANE,         // struct lane_counters [STATS_SLOTS], index = lane
	STATS_SERVICE,      // struct service_counters [STATS_SLOTS * STATS_SERVICES], lane major
	STATS_BACKEND,      // struct backend_counters [STATS_SLOTS * STATS_BACKENDS], lane major
	STATS_REGION_COUNT,
};

struct stats_meta {
	uint32_t magic;         // STATS_MAGIC, written last
	uint32_t version;       // COUNTERS_VERSION
	uint32_t layout;        // hash of all names and sizes: catches a forgotten version
	uint16_t n_lanes;       // lanes of the daemon that runs now or ran last
	uint16_t pad;
	uint32_t pid;           // of the daemon, 0 = stopped cleanly
	uint32_t generation;    // of the snapshot that serves
	uint64_t started_ns;    // CLOCK_REALTIME
	char node[CONF_NAME_MAX + 1];
};

struct stats_service_name {
	uint32_t used;          // 0 = free, 1 = in the configuration, 2 = retired; written last
	struct addr address;
	uint16_t port;          // host order
	uint8_t protocol;       // enum conf_protocol
	uint8_t pad;
	char name[CONF_NAME_MAX + 1];
};

struct stats_backend_name {
	uint32_t used;          // as above
	struct addr address;
	uint16_t port;          // host order
	uint16_t pad;
	char pool[CONF_NAME_MAX + 1];
	char name[CONF_NAME_MAX + 1];
};

struct stats {
	struct stats_meta *meta;
	struct stats_service_name *service_names;
	struct stats_backend_name *backend_names;
	struct lane_counters *lanes;
	struct service_counters *services;
	struct backend_counters *backends;
	bool is_bpf;            // home: BPF maps, or files under /dev/shm
	void *mapping[STATS_REGION_COUNT]; // owned
};

// What a region is called in its folder, the size of an entry in bytes and how many there are.
struct stats_shape {
	const char *name;
	uint32_t entry_size;
	uint32_t n_entries;
};
extern const struct stats_shape stats_shapes[STATS_REGION_COUNT];

uint32_t stats_layout(void);

// Maps the regions behind fds (BPF maps or files; the caller keeps and may close them).
// `writable`: a daemon; otherwise readers. Returns 0 or -errno; close with stats_close().
NODISCARD int stats_map(struct stats *s, const int fds[STATS_REGION_COUNT], bool is_bpf, bool writable,
                        struct err *err);

// Readers: pinned maps in `dir` if there are any, else the files for the same `dir`.
// -ENOENT: no daemon ever ran with it; -EPROTO: another version wrote it; -EACCES.
NODISCARD int stats_open(struct stats *s, const char *dir, struct err *err);

// Writers without BPF: makes (or adopts, see above) the files for `dir` and maps them.
NODISCARD int stats_open_shm(struct stats *s, const char *dir, struct err *err);

// Writers: private memory of the same layout, for lbreplay, tests and benchmarks.
NODISCARD int stats_open_private(struct stats *s);

void stats_close(struct stats *s);

// Writes the meta entry; call after the regions are mapped and before any lane runs.
void stats_announce(struct stats *s, const char *node, uint16_t n_lanes, uint32_t pid);

static inline struct service_counters *stats_service(const struct stats *s, uint32_t lane)
{
	return s->services + (size_t)lane * STATS_SERVICES;
}

static inline struct backend_counters *stats_backend(const struct stats *s, uint32_t lane)
{
	return s->backends + (size_t)lane * STATS_BACKENDS;
}

// Sums over the lanes.
void stats_sum_lanes(const struct stats *s, struct lane_counters *out);
void stats_sum_service(const struct stats *s, uint16_t id, struct service_counters *out);
void stats_sum_backend(const struct stats *s, uint16_t id, struct backend_counters *out);

// The accounting identity over the sum of all lanes: received minus the sum of the reasons; 0 when
// nothing is in flight.
int64_t stats_identity(const struct lane_counters *sum);

extern const char *const stats_verdict_names[VERDICT_COUNT]; // "none" "forward" ...
extern const char *const stats_reason_names[REASON_COUNT];   // "-" for REASON_NONE
extern const char *const stats_reason_helps[REASON_COUNT];
extern const uint8_t stats_reason_verdicts[REASON_COUNT];      // enum verdict
