// SPDX-License-Identifier: BSD-3-Clause The host's interface to a port that the kernel cannot see:
// what lb47 punts appears on it, what the host sends there leaves by the port. Ports of driver
// af_xdp need none: the kernel still owns the device.
//
// "punt": "virtio_user" (vhost-net, fast), "tap", "none", or "auto": the first of virtio_user and
// tap that the host offers. The interface is called like the port, carries its MAC address, and has
// one send queue a lane where the driver allows.
#pragma once

#include "l4/base/err.h"
#include "l4/model/conf.h"

struct eal;
struct port;

// Sets port->punt, if_name, if_index; does nothing for ports that need none.
NODISCARD int punt_open(struct port *p, const struct conf *conf, uint8_t index,
                        const struct eal *eal, struct err *err);
NODISCARD int punt_start(struct port *p, struct err *err);
