// SPDX-License-Identifier: BSD-3-Clause
// What lies in the counter store (stats.h), byte for byte: shared by daemons, readers and the BPF
// objects that make the maps. Included by BPF programs too: nothing but enums, structs and asserts.
// A change here is a change of layout: raise COUNTERS_VERSION.
#pragma once

#include "l4/model/counters.h"

#ifndef __bpf__
#include "l4/base/addr.h"
#else
// l4/base/addr.h pulls in libc, which a BPF program cannot have: the same shape once more, for BTF.
struct addr {
	uint8_t family;
	uint8_t pad[3];
	union {
		uint32_t ip4;
		uint8_t ip6[16];
		uint32_t word[4];
	};
};
#endif
_Static_assert(sizeof(struct addr) == 20, "kernel and daemon agree on addresses");
_Static_assert(__builtin_offsetof(struct addr, word) == 4, "kernel and daemon agree on addresses");

enum {
	STATS_MAGIC = 0x6c623437, // "lb47"
	STATS_NAME_SIZE = 64,     // CONF_NAME_MAX and the end
	STATS_SLOTS = 32,         // CONF_MAX_LANES
	STATS_SERVICES = 2048, // twice CONF_MAX_SERVICES: room for ids retired but not yet reused
	STATS_BACKENDS = 8192, // twice CONF_MAX_BACKENDS
	STATS_CPU_SLOTS = 64,
	STATS_PORTS = 16, // CONF_MAX_PORTS
};

enum stats_region {
	STATS_META,         // struct stats_meta [1]
	STATS_SERVICE_NAME, // struct stats_service_name [STATS_SERVICES], index = service id
	STATS_BACKEND_NAME, // struct stats_backend_name [STATS_BACKENDS], index = backend id
	STATS_LANE,         // struct lane_counters [STATS_SLOTS], index = lane
	STATS_SERVICE,      // struct service_counters [STATS_SLOTS * STATS_SERVICES], lane major
	STATS_BACKEND,      // struct backend_counters [STATS_SLOTS * STATS_BACKENDS], lane major
	// Written by the kernel alone. XDP: a CPU adds to its own slot, those from
	// STATS_CPU_SLOTS - 1 on share the last one. TCP: all add to the one set, as connections are few
	// beside packets, and a set for each CPU would be 700 MB on a large machine.
	STATS_STEER_SERVICE, // struct steer_service_counters [STATS_CPU_SLOTS * STATS_SERVICES]
	STATS_TCP_SERVICE,   // struct tcp_counters [STATS_SERVICES]
	STATS_TCP_BACKEND,   // struct tcp_counters [STATS_BACKENDS]
	STATS_STEER_PORT, // struct stats_steer_port [STATS_PORTS]: lb4d copies what a program counted
	STATS_REGION_COUNT,
};

// The process that writes a half of the store; see stats_writer.h.
struct stats_writer {
	uint32_t pid; // 0 = it stopped cleanly; written last
	uint32_t pad;
	uint64_t start; // of the process: clock ticks since the boot; 0 = not known
	uint64_t boot;  // hash of the kernel's boot_id; 0 = not known
	uint64_t
		home; // hash of the namespaces in which pid and start are to be read; 0 = not known
};

struct stats_meta {
	uint32_t magic;   // STATS_MAGIC, written last
	uint32_t version; // COUNTERS_VERSION
	uint32_t layout;  // hash of all names and sizes: catches a forgotten version
	uint16_t n_lanes; // lanes of the daemon that runs now or ran last; 0: an lb7d without lb4d
	uint16_t pad[3];
	uint32_t generation; // of the snapshot that serves
	struct stats_writer writer;
	uint64_t started_ns; // CLOCK_REALTIME
	uint64_t
		cycles_hz; // of the lanes' cores, so that busy_ns can be told in cycles; 0 = not known
	char node[STATS_NAME_SIZE];
};

enum stats_used { STATS_FREE, STATS_LIVE, STATS_RETIRED };

struct stats_service_name {
	uint32_t used; // enum stats_used; STATS_LIVE = in the configuration; written last
	struct addr address;
	uint16_t port;    // host order
	uint8_t protocol; // enum conf_protocol
	uint8_t forward;  // enum conf_forward
	uint8_t pad[4];
	char name[STATS_NAME_SIZE];
	char pool[STATS_NAME_SIZE]; // whose backends answer it; "" = the L7 workers'
};

struct stats_backend_name {
	uint32_t used; // as above
	struct addr address;
	uint16_t port;  // host order
	uint8_t state;  // enum conf_state
	uint8_t health; // enum health
	uint16_t weight;
	uint8_t pad[2];
	char pool[STATS_NAME_SIZE];
	char name[STATS_NAME_SIZE];
};

struct stats_steer_port {
	uint32_t
		used; // enum stats_used; STATS_LIVE = it has an XDP program, and lb4d runs or ran last with it; written last
	uint32_t pad;
	char name[STATS_NAME_SIZE];
	struct steer_counters counters; // of the present program; at most a second old
};

// BPF arrays round an entry up to 8 bytes; files do not.
_Static_assert(sizeof(struct stats_writer) == 32, "the same for kernel and daemon");
_Static_assert(sizeof(struct stats_steer_port) % 8 == 0, "same stride in BPF maps and files");
_Static_assert(sizeof(struct stats_meta) == 136, "same stride in BPF maps and files");
_Static_assert(sizeof(struct stats_service_name) == 160, "same stride in BPF maps and files");
_Static_assert(sizeof(struct stats_backend_name) == 160, "same stride in BPF maps and files");
_Static_assert(sizeof(struct lane_counters) % 64 == 0, "lanes do not share a cache line");
_Static_assert(sizeof(struct service_counters) % 8 == 0, "same stride in BPF maps and files");
_Static_assert(sizeof(struct backend_counters) == 64, "a cache line, and a shift");

_Static_assert(sizeof(struct steer_service_counters) == 64, "a cache line, and a shift");
_Static_assert(sizeof(struct tcp_counters) % 8 == 0, "same stride in BPF maps and files");
// --- the L7 half: written by lb7d alone, read like the other (stats_l7.h) ---

enum {
	STATS_L7_MAGIC = 0x6c623764, // "lb7d"
	STATS_L7_WORKERS = 256,      // at most, as "workers" has
	STATS_L7_SERVICES = 2048,    // at most
	STATS_L7_BACKENDS = 16384,   // at most
	STATS_L7_MODELS = 16384,     // at most
	STATS_L7_OTHER =
		0, // id of the services, backends and models that found no room; has no name
};

// A store of more room is made under such names first.
#define STATS_L7_NEXT "next_"

// How many each region has is in the first one.
enum stats_l7_region {
	STATS_L7_META,         // struct stats_l7_meta [1]
	STATS_L7_SERVICE_NAME, // struct stats_l7_name [room.n_services], index = id
	STATS_L7_BACKEND_NAME, // struct stats_l7_name [room.n_backends], index = id
	STATS_L7_WORKER,       // struct worker_counters [room.n_workers], index = worker
	STATS_L7_SERVICE,      // struct l7_service_counters [n_workers * n_services], worker major
	STATS_L7_BACKEND,      // struct l7_backend_counters [n_workers * n_backends], worker major
	STATS_L7_SERVICE_HISTOGRAM, // struct l7_service_histograms, as STATS_L7_SERVICE
	STATS_L7_BACKEND_HISTOGRAM, // struct l7_backend_histograms, as STATS_L7_BACKEND
	STATS_L7_MODEL_NAME,        // struct stats_l7_name [room.n_models], index = id
	STATS_L7_MODEL,             // struct l7_model_counters [n_workers * n_models], worker major
	STATS_L7_MODEL_HISTOGRAM,   // struct l7_model_histograms, likewise
	STATS_L7_REGION_COUNT,
};

struct stats_l7_room {
	uint32_t n_workers;
	uint32_t n_services; // ids, STATS_L7_OTHER included
	uint32_t n_backends; // likewise
	uint32_t n_models;   // likewise
};

struct stats_l7_meta {
	uint32_t magic;   // STATS_L7_MAGIC, written last
	uint32_t version; // COUNTERS_VERSION
	uint32_t layout;  // hash of all names and sizes: catches a forgotten version
	struct stats_l7_room room;
	uint32_t n_workers; // of the lb7d that runs now or ran last
	struct stats_writer writer;
	uint32_t generation; // of the configuration that serves
	uint32_t is_stale;   // another store has taken its place: open it anew
	uint64_t started_ns; // CLOCK_REALTIME
	char node[STATS_NAME_SIZE];
};

struct stats_l7_name {
	uint32_t used; // enum stats_used; STATS_LIVE = in the configuration; written last
	struct addr address;
	uint16_t port;  // host order
	uint8_t state;  // of a backend: enum conf_state
	uint8_t health; // of a backend: enum health
	uint16_t weight;
	uint8_t pad[2];
	uint64_t retired_ns; // CLOCK_REALTIME; 0 while live
	char group
		[STATS_NAME_SIZE];  // a service's entry of "l7"; a backend's pool; a model has none
	char name[STATS_NAME_SIZE]; // unique: a service's or model's alone, a backend's in its pool
};

_Static_assert(sizeof(struct stats_l7_meta) == 144, "same stride in BPF maps and files");
_Static_assert(sizeof(struct stats_l7_name) == 168, "same stride in BPF maps and files");
_Static_assert(sizeof(struct worker_counters) % 64 == 0, "workers do not share a cache line");
_Static_assert(sizeof(struct l7_service_counters) % 64 == 0, "likewise");
_Static_assert(sizeof(struct l7_backend_counters) % 64 == 0, "likewise");
_Static_assert(sizeof(struct l7_model_counters) % 64 == 0, "likewise");
_Static_assert(sizeof(struct l7_model_histograms) % 64 == 0, "likewise");
_Static_assert(sizeof(struct l7_service_histograms) % 64 == 0, "likewise");
_Static_assert(sizeof(struct l7_backend_histograms) % 64 == 0, "likewise");

#ifndef __bpf__
// What a region is called in its folder, the size of an entry in bytes and how many there are.
// bpf/stats.bpf.c gives its maps the same names; attach_stats() checks that the shapes agree.
struct stats_shape {
	const char *name;
	uint32_t entry_size;
	uint32_t n_entries;
};
extern const struct stats_shape stats_shapes[STATS_REGION_COUNT];

static inline size_t stats_layout_size(enum stats_region region)
{
	return (size_t)stats_shapes[region].entry_size * stats_shapes[region].n_entries;
}

// Hash of all names and sizes, the same on every machine.
uint32_t stats_layout(void);

// Whose a store is, by its first entry.
enum stats_owner {
	STATS_OURS,  // this version wrote it
	STATS_BLANK, // nobody wrote it yet
	STATS_ALIEN, // another version, or not a counter store
};
enum stats_owner stats_layout_owner(const struct stats_meta *meta);

// The same for the L7 half, whose shapes depend on its room.
void stats_layout_l7_shapes(struct stats_shape out[STATS_L7_REGION_COUNT],
                            const struct stats_l7_room *room);
uint32_t stats_layout_l7(void);
enum stats_owner stats_layout_l7_owner(const struct stats_l7_meta *meta);
#endif
