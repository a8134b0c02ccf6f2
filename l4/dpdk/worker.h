// SPDX-License-Identifier: BSD-3-Clause
// The engine of a lane on a NIC core: receive, run the pipeline, transmit, count; again.
// worker_start() launches one lcore a lane; worker_stop() ends them after their present burst.
#pragma once

#include "l4/base/err.h"
#include "l4/data/lane.h"
#include "l4/dpdk/port.h"

struct rte_ring;

// All that the workers share; nobody writes it while they run, but for `stop`.
struct workers {
	struct port *ports;         // [n_ports]; borrowed
	struct lane **lanes;        // [n_lanes]; borrowed
	struct worker *worker;      // [n_lanes]; owned
	struct rte_ring **handover; // [n_lanes], packets for that lane; owned
	uint8_t n_ports;
	uint16_t n_lanes;
	uint8_t idle; // enum conf_idle
	uint32_t idle_max_us;
	uint64_t ns_per_tsc; // 32 bits before the point, 32 behind: no division per burst
	bool stop;           // atomic
	uint64_t dry_since;  // worker_is_dry()'s: the sum of received_ns when it last changed
};

// `conf` is borrowed for the call only.
NODISCARD int worker_init(struct workers *w, const struct conf *conf, struct port *ports,
                          struct lane **lanes, struct err *err);
NODISCARD int worker_start(struct workers *w, struct err *err);
void worker_stop(struct workers *w);
void worker_fini(struct workers *w);

// For `lb4d --once`, control thread. Whether every lane has looked several times in vain, at its ports and at
// what other lanes hand it, since any received its last packet: captures are at their end then, however long
// the machine kept a lane waiting. To be asked again and again; the first answers are no.
bool worker_is_dry(struct workers *w);
// Nanoseconds since any lane received a packet.
uint64_t worker_idle_ns(const struct workers *w);
