// SPDX-License-Identifier: BSD-3-Clause What the control plane may know of an open port: told by
// l4/dpdk, kept true by l4/ctrl/neighbor.c.
#pragma once

#include "l4/base/addr.h"

struct control_port {
	struct mac mac;    // our source address on this port
	unsigned if_index; // kernel interface that speaks for the port (af_xdp device, punt interface), 0 = none
	char if_name[16];
	bool link_up;
};
