// SPDX-License-Identifier: BSD-3-Clause
// The main thread's state: the running configuration, the workers that serve it, and the only operations that
// change either.
//
//   conf (file, lbctl or lb4d) -> manager_apply -> site and a kit for each worker -> worker_take
//   a backend's health         -> probe, 5 ms -> site ---------------------------^
//
// All or nothing: what fails leaves the running configuration as it was, and says why.
//   1. manager_init();
//   2. manager_apply(): makes and starts the workers, the first time; or, managed, wait for manager_configure();
//   3. manager_drain(), which stops the loop when the last stream has ended or the grace is over;
//   4. manager_fini().
// Main thread only.
#pragma once

#include "l7/admin.h"
#include "l7/loop.h"
#include "l7/probe_set.h"
#include "l7/telemetry.h"
#include "l7/worker.h"

enum manager_phase {
	MANAGER_STARTING, // nothing was applied yet
	MANAGER_SERVING,
	MANAGER_DRAINING,
	MANAGER_CUT, // what was left was ended
};

struct manager_load;

struct manager {
	struct loop *loop;     // borrowed; connections live in it too
	const char *conf_file; // re-read by reload; borrowed
	uint32_t grace_ms;
	bool is_managed;
	uint8_t phase;                                          // enum manager_phase
	void (*health_told)(void *data, const struct probe *p); // of each transition; may be NULL
	void *data;                                             // for these
	bool is_saved; // the running configuration equals the file as far as we know

	struct site *site;       // newest; a reference; NULL before the first apply
	struct worker **workers; // [n_workers]; owned
	uint16_t n_workers;
	size_t worker_memory;    // bytes of buffers, each
	uint32_t n_worker_conns; // each
	struct tls_tickets *tickets;
	struct probe_set *probes; // of the running configuration; owned
	struct probe_owner probe_owner;
	struct admin *admin;       // NULL = none
	struct metrics_half *l4;   // metrics.c's, while pages are on their way
	struct manager_load *load; // [n_workers]; owned
	struct telemetry telemetry;
	void (*conf_changed)(void *data,
	                     const struct conf *conf); // after it was applied; may be NULL
	telemetry_opener open_counters;                // NULL = they stay private
	void (*is_equipped)(void *data); // all that privileges are needed for is open; may be NULL

	uint32_t generation; // counts configurations
	uint32_t n_reloads;
	uint32_t n_reload_failures;
	uint32_t n_edit_failures;
	uint64_t started_ns, reloaded_ns; // monotonic
	uint64_t cut_ns;                  // monotonic: when the grace is over, once draining
	uint64_t renew_cost_ms;           // what the last change of health took
	struct err last_error;            // of the last refusal; code 0 = none

	struct timer renew;  // changes of health become a site
	struct timer rotate; // of ticket keys
	struct timer watch;  // drained yet?
	struct timer meter;  // load
};

// `loop` has conn_loop_init() done. 0 or -ENOMEM.
NODISCARD int manager_init(struct manager *m, struct loop *loop, const char *conf_file);

// Joins all workers: they must be drained, cut, or never started.
void manager_fini(struct manager *m);

// Takes conf into service (consumed, also on failure). 0 or -errno with *err.
NODISCARD int manager_apply(struct manager *m, struct conf *conf, struct err *err);

// Reads conf_file again and applies it; counts, logs, remembers a refusal in last_error. Access logs are opened anew in any
// case.
NODISCARD int manager_reload(struct manager *m, struct err *err);

void manager_reopen_logs(struct manager *m); // they were rotated away

// Applies an edited clone of the running configuration (consumed).
NODISCARD int manager_edit(struct manager *m, struct conf *next, struct err *err);

// An edit that cannot be made: counts, logs, remembers it. Returns err->code.
int manager_refuse_edit(struct manager *m, struct err *err);

// What lb4d wants to run: the text of a configuration, and the file that it stands for.
NODISCARD int manager_configure(struct manager *m, const char *file, const char *text,
                                struct err *err);

// Writes the running configuration to its file.
NODISCARD int manager_save(struct manager *m, struct err *err);

// What is known of a backend of the running configuration; unknown if its pool has no health check.
uint8_t manager_health(const struct manager *m, const struct conf_pool *pool,
                       const struct conf_backend *backend);

// Stops accepting; again: ends what is left.
void manager_drain(struct manager *m);

// Milliseconds that are left of the grace; -1 if it does not drain.
int64_t manager_grace_left_ms(const struct manager *m);

// Sums over the workers.
void manager_count(const struct manager *m, struct worker_counters *sum);

// Share of the last second that a worker was busy, in percent.
double manager_busy(const struct manager *m, uint16_t worker);

// Whether conf gives lb7d anything to do: services of this host's workers, health checks, an admin address.
bool manager_is_wanted(const struct conf *conf);
