// SPDX-License-Identifier: BSD-3-Clause
// The control thread's state and the only operations that change what the lanes read. Everything in
// l4/ctrl runs on this one thread, in one libev loop.
//
//   conf (file or lbctl; change.h) -> control_apply -> roster -> snapshot -> published to the lanes
//   neighbours, health             -> control_refresh --------^
//
// All or nothing: an operation that fails leaves the running configuration and the serving snapshot
// as they were, and says why.
#pragma once

#include "l4/data/lane.h"
#include "l4/model/conf.h"
#include "l4/model/control_port.h"
#include "l4/model/roster.h"
#include "l4/model/snapshot.h"
#include "l4/model/stats.h"

struct captures;
struct change;
struct ev_loop;
struct neighbor;
struct steering;
struct supervise;
struct tcp_programs;

struct control {
	struct ev_loop *loop; // borrowed
	struct conf *conf;    // running configuration; owned
	char *conf_file;      // re-read by reload; owned
	bool is_saved;        // conf equals the file as far as we know
	bool has_hugepages;   // packets lie in huge pages, whatever conf wishes
	struct roster roster;
	struct stats *stats; // borrowed
	struct lane **lanes; // [conf->n_lanes]; borrowed
	struct control_port ports[CONF_MAX_PORTS];
	struct neighbor *neighbor;    // NULL if no port has a kernel interface
	struct snapshot *serving;     // newest published; owned
	struct snapshot_grave *grave; // old ones that a lane may still read; owned
	struct control_timer *bury;   // runs while there is a grave; and other timers; owned
	struct change *change;        // under way; owned
	struct captures *captures;    // what the lanes tell; borrowed; NULL = they do not run
	struct supervise *supervise;  // keeps lb7d; borrowed; NULL = nobody does
	uint32_t generation;
	uint32_t n_reloads;
	uint32_t n_reload_failures; // reloads refused
	uint32_t n_edit_failures;   // changes over the control socket refused
	uint64_t started_ns;        // monotonic
	uint64_t reloaded_ns;       // monotonic, of the last success
	struct err last_error;      // of the last refused reload or edit; code 0 = none
	void (*services_changed)(struct control *c); // tells the XDP programs; may be NULL
	void (*conf_changed)(struct control *c);     // after it was applied; may be NULL
	// steering_count(), NULL where there are no XDP programs
	int (*count_steered)(const struct control *c, uint16_t port, struct steer_counters *out);
	struct steering *steering;         // for these two
	struct tcp_programs *tcp_programs; // for conf_changed; borrowed
};

// Sets *c up for these lanes; nothing is served yet. `file` is copied. 0 or -ENOMEM.
NODISCARD int control_init(struct control *c, struct ev_loop *loop, struct stats *stats,
                           const char *file);

// Frees everything, snapshots too: no lane may run any more.
void control_fini(struct control *c);

// Takes over `conf` (consumed, also on failure), compiles and publishes it. First call: at start.
NODISCARD int control_apply(struct control *c, struct conf *conf, struct err *err);

// Compiles again with the present configuration, after neighbours or health changed.
void control_refresh(struct control *c);

// The same in 10 ms, and with all that changes meanwhile: a rack that fails is one snapshot, not forty. A
// configuration that takes longer to compile has at least half of the thread's time for everything else.
void control_refresh_soon(struct control *c);

// Writes the running configuration to its file.
NODISCARD int control_save(struct control *c, struct err *err);

// Frees old snapshots that every running lane has passed; called by a timer.
void control_bury(struct control *c);
