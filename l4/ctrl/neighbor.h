// SPDX-License-Identifier: BSD-3-Clause
// How the kernel would reach each backend. For every backend of the roster the kernel is asked for its
// route and for the neighbour entry of the next hop; the answer is written to roster_backend.hop, and
// kept true by following rtnetlink's events. We write no ARP, no ND and no route.
//   1. neighbor_open() once the ports are open (control_port.mac and if_index are set);
//   2. neighbor_update() whenever c->conf or c->roster changed, before the snapshot is built;
//   3. from then on `changed` is called from c->loop whenever a hop or a port's MAC is another one;
//   4. neighbor_close(); the hops stay as they are (static stability).
//
// hop.state is the kernel's word "reachable" "stale" "delay" "probe" "permanent" "noarp", or
//   configured           "mac" in the configuration; the route only says which port
//   unresolved           next hop asked for, no answer yet and never had one: not known
//   asking (last known)  the kernel forgot the entry and was asked again: the last MAC serves
//   failed (last known)  no answer any more: the last MAC serves, one warning in the log
//   no route, unreachable, blackhole, prohibited, not unicast, local, not our port, no mac
//                        the kernel would not reach it by a frame of ours: not known
//
// The kernel does not see our traffic, so we ask it to resolve and to re-confirm (RTM_NEWNEIGH with
// NTF_USE, what `ip neigh add ADDRESS dev DEVICE use` sends): while there is no valid entry after
// 100 ms, 200 ms, ... 5 s, a stale one every 10 s. Without CAP_NET_ADMIN an empty UDP datagram to
// the backend's discard port (9) makes the kernel do the same.
//
// Where no port has a kernel interface there is no struct neighbor; next_hop_decree() is then all there is.
//
// Also keeps control_port.mac and link_up of af_xdp ports equal to those of their interface.
// Control thread only; no function waits for the network, dumps are answered by the kernel at once.
#pragma once

#include "l4/base/err.h"
#include "l4/ctrl/control.h"

// Subscribes to the kernel and starts watchers on c->loop; resolves nothing yet. `c` is borrowed
// until neighbor_close(). `changed` (control_refresh) may call neighbor_update() but not
// neighbor_close(). Returns 0, -ENOMEM or what socket(2) said, with *err.
NODISCARD int neighbor_open(struct neighbor **out, struct control *c,
                            void (*changed)(struct control *c), struct err *err);

// Resolves every live and retired backend now, as far as the kernel knows the answer already; the rest
// follows by events. Does not call `changed`. True if a hop or a port's MAC is another one than before.
bool neighbor_update(struct neighbor *n);

void neighbor_close(struct neighbor *n);
