// SPDX-License-Identifier: BSD-3-Clause
// The kernel's interfaces behind our ports: which one is whose, and the MAC and link state of those
// that the kernel drives (af_xdp). A TAP's own state says nothing about its port and is left alone.
#pragma once

#include "l4/ctrl/control.h"
#include "l4/ctrl/kernel.h"

// Index of the port whose interface this is, -1 if it is none of ours.
int link_port(const struct control *c, unsigned if_index);

// Asks the kernel about the interfaces of af_xdp ports and writes control_port.mac (unless "mac" is
// configured) and link_up; an interface that is gone is down. Logs changes. True if a MAC changed.
bool link_follow(struct control *c, struct kernel *k);
