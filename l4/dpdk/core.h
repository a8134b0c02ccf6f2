// SPDX-License-Identifier: BSD-3-Clause
// The engine of a lane on a NIC core: receive, run the pipeline, transmit, count; again.
// core_start() launches one lcore a lane; core_stop() ends them after their present burst.
#pragma once

#include "l4/base/err.h"
#include "l4/data/lane.h"
#include "l4/dpdk/port.h"

struct rte_ring;

// All that the cores share; nobody writes it while they run, but for `stop`.
struct cores {
	struct port *ports;         // [n_ports]; borrowed
	struct lane **lanes;        // [n_lanes]; borrowed
	struct core *core;          // [n_lanes]; owned
	struct rte_ring **handover; // [n_lanes], packets for that lane; owned
	uint8_t n_ports;
	uint16_t n_lanes;
	uint8_t idle; // enum conf_idle
	uint32_t idle_max_us;
	uint64_t ns_per_tsc; // 32 bits before the point, 32 behind: no division per burst
	bool stop;           // atomic
	uint64_t dry_since;  // core_is_dry()'s: the sum of received_ns when it last changed
};

// `conf` is borrowed for the call only.
NODISCARD int core_init(struct cores *c, const struct conf *conf, struct port *ports,
                        struct lane **lanes, struct err *err);
NODISCARD int core_start(struct cores *c, struct err *err);
void core_stop(struct cores *c);
void core_fini(struct cores *c);

// For `lb4d --once`, control thread. Whether every lane has looked several times in vain, at its ports and at
// what other lanes hand it, since any received its last packet: captures are at their end then, however long
// the machine kept a lane waiting. To be asked again and again; the first answers are no.
bool core_is_dry(struct cores *c);
// Cycles a second of what the lanes' time is measured with, the TSC.
uint64_t core_cycles_hz(void);
// Nanoseconds since any lane received a packet.
uint64_t core_idle_ns(const struct cores *c);
