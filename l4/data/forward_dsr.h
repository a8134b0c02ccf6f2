// SPDX-License-Identifier: BSD-3-Clause Direct server return: only the frame's MAC addresses
// change. The backend has the service's address on its loopback and answers the client itself.
#pragma once

#include <string.h>

#include "l4/data/pkt.h"
#include "l4/data/wire.h"
#include "l4/model/snapshot.h"

static_assert(offsetof(struct snap_backend, src) == offsetof(struct snap_backend, dst) + 6 &&
                      offsetof(struct wire_eth, src) == 6 && offsetof(struct wire_eth, dst) == 0,
              "a backend has its two addresses as a frame has them: one copy");

static MUST_INLINE void forward_dsr(struct pkt *p, const struct snap_backend *b)
{
	memcpy(p->data, (const char *)b + offsetof(struct snap_backend, dst), 2 * sizeof(b->dst));
	p->out_port = b->port;
	pkt_end(p, VERDICT_FORWARD, REASON_NONE);
}
