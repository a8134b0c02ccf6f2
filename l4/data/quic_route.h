// SPDX-License-Identifier: BSD-3-Clause Routing by QUIC-LB connection ID: what the lanes need of a
// service with "quic_lb", compiled into the snapshot's memory by the control plane and read-only
// afterwards. Source: draft-ietf-quic-load-balancers-21, sections 4.1 and 4.2; quic_lb.h has the
// wire format.
#pragma once

#include "l4/data/quic_lb.h"
#include "l4/data/quic_lb_table.h"
#include "l4/model/snapshot.h"

// One service's.
struct quic_route {
	struct quic_lb_set set;
	struct quic_lb_table table[QUIC_LB_MAX_CONFIGS]; // by config id: server id -> roster id
};

// Compiles the routes of all services with "quic_lb" in the snapshot; call it once, between
// snapshot_build() and publication. Draining and retired backends are in the tables, for their
// living connections; whether one may be used is asked when a CID is looked up. A retired backend
// gives way to a live one with the same server id, and to one that was removed later. 0, -ENOMEM or -EINVAL with *err; then the
// snapshot is to be freed.
NODISCARD int quic_route_build(struct snapshot *s, const struct conf *conf,
                               const struct roster *roster, struct err *err);

// The configuration that a CID of at most `len` octets may belong to, or NULL and why.
static MUST_INLINE const struct quic_lb_config *
quic_route_pick(const struct quic_route *r, const uint8_t *cid, size_t len, enum quic_lb_fit *fit)
{
	const struct quic_lb_config *c = NULL;

	*fit = quic_lb_pick(&c, &r->set, cid, len);
	return c;
}
