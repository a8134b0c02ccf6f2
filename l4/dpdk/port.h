// SPDX-License-Identifier: BSD-3-Clause
// A port of the configuration, opened: a DPDK device with its queues, and what the kernel calls it.
//   1. eal_open(); 2. port_open() each; 3. port_start() each, once lanes exist; 4. lanes receive and send
//   on their own queues; 5. port_close().
// Queue q is received by lane q % n_lanes. Lane l sends on queue l where the device has that many,
// otherwise several lanes share one under a lock (and the log says so).
#pragma once

#include "l4/base/addr.h"
#include "l4/base/err.h"
#include "l4/dpdk/xsk.h"
#include "l4/model/conf.h"

#include <rte_spinlock.h>

enum { PORT_NO_DEVICE = 0xffff };

struct eal;

struct port {
	const struct conf_port *conf; // borrowed
	uint16_t device;              // DPDK's port id
	uint16_t punt;     // DPDK's port id of the punt interface, PORT_NO_DEVICE if none
	uint16_t n_rx;     // receive queues
	uint16_t n_tx;     // send queues
	bool is_tx_shared; // fewer than lanes: take tx_lock
	bool is_punt_shared;
	rte_spinlock_t tx_lock;
	rte_spinlock_t punt_lock;
	uint16_t n_punt_tx;
	struct mac mac;
	unsigned if_index; // kernel interface that speaks for the port, 0 = none
	char if_name[16];
	char vdev[32];          // name of the device if we made it, "" for pci
	struct xsk_set sockets; // af_xdp
};

// Makes or finds the device and sets its queues up. `xdp_object` is the path of the steering
// program, for af_xdp. 0, or -errno and *err naming "ports[i]".
NODISCARD int port_open(struct port *p, const struct conf *conf, uint8_t index,
                        const struct eal *eal, const char *xdp_object, struct err *err);
NODISCARD int port_start(struct port *p, struct err *err);
void port_close(struct port *p);

bool port_link_is_up(const struct port *p);

// Packets that came for a lane while its queue had no room; 0 where the device does not say.
uint64_t port_missed(const struct port *p);
