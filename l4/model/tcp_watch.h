// SPDX-License-Identifier: BSD-3-Clause
// Whose TCP connections the kernel counts (bpf/tcp.bpf.c): those that clients make to the services of this host's
// L7 workers, and those that these make to the backends of their routes' pools.
#pragma once

#include "l4/model/conf.h"
#include "l4/model/roster.h"

struct tcp_watch {
	struct addr address;
	be16 port;
	bool is_backend; // connections made to it; else accepted there
	uint16_t id;     // of the service or backend, from the roster
};

// Writes to *out an array of *n, to be freed, without two of the same address, port and direction: TCP cannot tell apart
// the backends of several pools that are one server, so the first one's id stands for all. 0 or -ENOMEM.
NODISCARD int tcp_watch_list(struct tcp_watch **out, size_t *n, const struct conf *conf,
                             const struct roster *roster);
