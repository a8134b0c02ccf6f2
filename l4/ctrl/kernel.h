// SPDX-License-Identifier: BSD-3-Clause
// Questions to the kernel about routes, neighbours and interfaces, one at a time over one rtnetlink
// socket. The kernel answers inside the send, so nothing here waits; should it ever not, a question
// fails with -EAGAIN after 100 ms. Also the socket that its events arrive on. One thread.
#pragma once

#include "l4/ctrl/rtnl.h"

struct kernel {
	struct mnl_socket *nl;
	uint32_t seq;
	int udp4, udp6;  // for a kernel that refuses NTF_USE; -1 = not open yet
	bool is_refused; // it did
};

// Returns 0 or what socket(2) said; release with kernel_close().
NODISCARD int kernel_open(struct kernel *k);
void kernel_close(struct kernel *k);

// 0 and *out, or -errno: of the route (-ENETUNREACH none, -EHOSTUNREACH unreachable, -EACCES
// prohibited, -EINVAL blackhole), -ENOENT no such neighbour, -ENODEV no such interface.
NODISCARD int kernel_route(struct kernel *k, const struct addr *to, struct rtnl_route *out);
NODISCARD int kernel_neigh(struct kernel *k, unsigned if_index, const struct addr *address,
                           struct rtnl_neigh *out);
NODISCARD int kernel_link(struct kernel *k, unsigned if_index, struct rtnl_link *out);

// Makes the kernel resolve or re-confirm the neighbour `via` on the way to `to`. The outcome comes as an
// event; that it cannot be asked now (interface down) is the same as no answer.
void kernel_ask(struct kernel *k, unsigned if_index, const struct addr *via, const struct addr *to);

// Opens a non-blocking socket for events about neighbours, routes, rules, next hops, interfaces and
// addresses. Returns the descriptor or -errno; close(2) it.
NODISCARD int kernel_subscribe(void);

// Reads the next burst of events: its length, 0 if it did not come from the kernel, -EAGAIN if there is
// none, -ENOBUFS if some were lost, or -errno.
NODISCARD int kernel_events(int fd, void *buf, size_t size);
