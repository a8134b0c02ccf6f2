// SPDX-License-Identifier: BSD-3-Clause How many queues a kernel network device has. An AF_XDP
// socket sees one queue: queues without a socket are deaf, and DPDK's net_af_xdp wants "combined"
// channels for more than one.
#pragma once

#include "l4/base/err.h"

// 0 if `n` sockets on queues 0..n-1 of `device` receive all its packets; else -EINVAL with a
// sentence that says how to set the device up. A device that does not tell (no ethtool support) is
// believed.
NODISCARD int channels_check(const char *device, unsigned n, struct err *err);
