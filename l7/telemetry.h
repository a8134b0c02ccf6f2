// SPDX-License-Identifier: BSD-3-Clause
// What lb7d counts, as seen from within: the store (l4/model/stats_l7.h) of this process, and where in it a worker finds the
// slots of a service or backend.
//   1. telemetry_open(), when the number of workers is known;
//   2. telemetry_assign() for each configuration, before a worker sees it: gives ids to its services and backends;
//   3. workers add straight to their slots: telemetry_service(), telemetry_backend(), plain increments;
//   4. telemetry_close(), when no worker runs any more.
// A slot stays where it is until telemetry_close(), whatever is reloaded. Label "service" is the name of the entry of
// "services" that the client connected to.
// Main thread, but for the functions of step 3, which are each worker's for itself.
#pragma once

#include "l4/model/stats_l7.h"

#include <unistd.h>

struct site;
struct site_conf;

// Opens a store of (at least) this room for writing, or says why not.
typedef int (*telemetry_opener)(struct stats_l7 *out, const struct conf *conf,
                                const struct stats_l7_room *room, struct err *err);

struct telemetry {
	struct stats_l7 store;
	bool is_open;
};

// Where a worker counts a service or a backend. Both pointers are always good.
struct telemetry_service {
	struct l7_service_counters *counters;
	struct l7_service_histograms *times;
};

struct telemetry_backend {
	struct l7_backend_counters *counters;
	struct l7_backend_histograms *times;
};

struct telemetry_model {
	struct l7_model_counters *counters;
	struct l7_model_histograms *times;
};

// What a client's connection speaks.
enum telemetry_protocol {
	TELEMETRY_HANDSHAKE, // not known yet
	TELEMETRY_HTTP1,
	TELEMETRY_HTTP2,
	TELEMETRY_WEBSOCKET, // that was HTTP/1.1; one over HTTP/2 is a stream of such a connection
};

// A client's connection begins to be of this kind, and is no longer.
void telemetry_enter(struct l7_service_counters *c, enum telemetry_protocol protocol);
void telemetry_leave(struct l7_service_counters *c, enum telemetry_protocol protocol);

// Without an opener, or if it fails (which is logged), the counters are private: nobody but /metrics sees them, and they end
// with the process. 0 or -ENOMEM.
NODISCARD int telemetry_open(struct telemetry *t, telemetry_opener opener,
                             const struct site_conf *conf, uint16_t n_workers);

// Writes the ids into the configuration's tables (site.h).
void telemetry_assign(struct telemetry *t, struct site_conf *conf, uint32_t generation);

// Tells readers of the store how the backends of a site are: admin state, health, weight. After telemetry_assign() of its
// configuration, and at each change of health.
void telemetry_tell(struct telemetry *t, const struct site *site);

void telemetry_close(struct telemetry *t); // also if it is not open

static inline struct telemetry_service telemetry_service(const struct telemetry *t, uint16_t worker,
                                                         uint16_t id)
{
	size_t at = stats_l7_service_at(&t->store, worker, id);

	return (struct telemetry_service){&t->store.services[at], &t->store.service_times[at]};
}

static inline struct telemetry_backend telemetry_backend(const struct telemetry *t, uint16_t worker,
                                                         uint16_t id)
{
	size_t at = stats_l7_backend_at(&t->store, worker, id);

	return (struct telemetry_backend){&t->store.backends[at], &t->store.backend_times[at]};
}

// STATS_L7_OTHER: of models that the configuration does not name.
static inline struct telemetry_model telemetry_model(const struct telemetry *t, uint16_t worker,
                                                     uint16_t id)
{
	size_t at = stats_l7_model_at(&t->store, worker, id);

	return (struct telemetry_model){&t->store.models[at], &t->store.model_times[at]};
}
