// SPDX-License-Identifier: BSD-3-Clause
// A connection to a backend, whatever is spoken on it: connecting, PROXY header, TLS; which backend and configuration it belongs to.
// Embedded in its owner's struct. One thread, that of the worker.
#pragma once

#include "l7/conn.h"
#include "l7/view.h"

struct stream;

struct upstream_conn {
	struct conn conn;
	struct worker *w;
	struct peer *peer; // counted reference
	uint32_t epoch;    // worker->epoch when it was made
	bool is_secure;    // TLS
	bool is_private;   // PROXY protocol said whose it is: for no other client
	bool is_closed;
	struct loop_task free; // deferred; `run` is the owner's
};

// Connects on the stream's behalf: ops->opened() or failed() follows. alpn: what TLS offers (tls_offer()), NULL = nothing. c is all zero but free.run. 0; -errno of connect(2) or -ENOMEM:
// then it is closed, and `free` runs.
NODISCARD int upstream_conn_open(struct upstream_conn *c, const struct stream *s, uint16_t pool,
                                 struct peer *peer, const char *const *alpn,
                                 const struct conn_ops *ops);

// `free` runs at the end of the turn. Twice is fine.
void upstream_conn_close(struct upstream_conn *c);

// Its backend and configuration are still those of new requests.
bool upstream_conn_is_current(const struct upstream_conn *c);
