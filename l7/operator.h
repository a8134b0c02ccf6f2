// SPDX-License-Identifier: BSD-3-Clause
// lb7d's control socket: JSON-RPC (l4/model/ctl.h) over a UNIX stream socket, in the main thread's loop. Many clients at
// once; none of them, slow, silent or half-open, holds up the loop or the others. lb4d is one of them.
//
// Who may connect may do everything (l4/model/server_socket.h). The lock beside the socket tells a second start from the first.
#pragma once

#include "l7/manager.h"

struct operator;

// Listens on `path`, serves `m` (borrowed). As server_socket_open().
NODISCARD int operator_open(struct operator** out, struct manager *m, const char *path,
                            struct err *err);

// Ends all clients, removes the socket, releases the lock. NULL is fine.
void operator_close(struct operator* o);

// A transition, for everyone who watches.
void operator_tell_health(struct operator* o, const struct probe *p);
