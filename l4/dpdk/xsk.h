// SPDX-License-Identifier: BSD-3-Clause
// The AF_XDP sockets that DPDK has opened for a port: what the kernel could not give them. DPDK (22.11) asks for one of
// the three counters only and not for the one that counts full rings, and does not say which sockets it has.
#pragma once

#include "l4/model/conf.h"

enum { XSK_MAX = CONF_MAX_PORTS * CONF_MAX_LANES }; // of a process: one a queue

// Borrowed: DPDK closes them.
struct xsk_set {
	int fd[XSK_MAX];
	uint16_t n;
};

// All AF_XDP sockets of this process. What a port has is what came while it was opened: xsk_drop() the ones before.
void xsk_find(struct xsk_set *out);
void xsk_drop(struct xsk_set *s, const struct xsk_set *others);

// Packets that were redirected to these sockets and lost, as their rings were full or malformed.
uint64_t xsk_missed(const struct xsk_set *s);
