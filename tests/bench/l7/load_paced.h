// SPDX-License-Identifier: BSD-3-Clause
// The origin of `l7_load turns`, in the client's own thread: answers requests at once, and sends events when it is told to. HTTP/1.1,
// requests without content. A path /chat/N asks for a stream that belongs to proxy N.
#pragma once

#include "l4/base/cc.h"

// What epoll's data points to, ours and the client's.
struct load_turns_end {
	void (*ready)(struct load_turns_end *end);
};

// Listens on 127.0.0.1:port, with the caller's epoll. 0 or -errno.
NODISCARD int load_paced_open(int epoll_fd, uint16_t port);

// An event to each stream of a proxy, a chat completion's chunk of 250 bytes: how many streams those are.
uint32_t load_paced_emit(uint32_t proxy);
