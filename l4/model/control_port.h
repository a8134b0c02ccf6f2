// SPDX-License-Identifier: BSD-3-Clause What the control plane may know of an open port: told by
// l4/dpdk, kept true by l4/ctrl/neighbor.c.
#pragma once

#include "l4/base/addr.h"

struct control_port {
	struct mac mac;    // our source address on this port
	struct mac if_mac; // af_xdp: the interface's, which neighbours learn; zero = not known yet
	unsigned if_index; // of the af_xdp device or the punt interface, 0 = none
	char if_name[16];
	bool link_up;
	uint64_t
		missed; // packets for a lane that its queue had no room for, since the port was opened
};
