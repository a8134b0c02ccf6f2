// SPDX-License-Identifier: BSD-3-Clause
// All of the fast path: DPDK, ports, lanes, cores; the only face of l4/dpdk that main.c sees.
//   engine_open -> engine_describe -> (control publishes a snapshot) -> engine_start -> engine_stop
//   -> engine_close
#pragma once

#include "l4/base/err.h"
#include "l4/dpdk/core.h"
#include "l4/dpdk/eal.h"
#include "l4/dpdk/port.h"
#include "l4/model/control_port.h"

struct engine {
	const struct conf *conf; // borrowed
	struct eal eal;
	struct port ports[CONF_MAX_PORTS];
	uint8_t n_ports;     // opened
	struct lane **lanes; // [n_lanes]; owned
	uint16_t n_lanes;
	struct cores cores;
};

// Opens everything, starts nothing. All are borrowed until engine_close(). `xdp_object` is the path
// of the steering program for af_xdp ports, NULL if there are none.
NODISCARD int engine_open(struct engine *e, const struct conf *conf, const struct stats *stats,
                          const char *xdp_object, struct err *err);
// What control may know of the ports.
void engine_describe(const struct engine *e, struct control_port *out);
// Refreshes what may change: the link state of ports that no kernel interface speaks for.
void engine_watch(const struct engine *e, struct control_port *out);
// Starts ports and lanes; returns once every lane runs.
NODISCARD int engine_start(struct engine *e, struct err *err);
void engine_stop(struct engine *e);
void engine_close(struct engine *e);
// Whether there is nothing left to receive (core_is_dry()).
bool engine_is_dry(struct engine *e);
// Nanoseconds since a lane received anything.
uint64_t engine_idle_ns(const struct engine *e);
