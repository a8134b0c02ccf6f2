// SPDX-License-Identifier: BSD-3-Clause
// The control socket: JSON-RPC (model/ctl.h) over a UNIX stream socket, in the control thread's loop.
// Many clients at once; none of them, slow, silent or half-open, holds up the loop or the others.
//
// Who may connect may do everything: the socket has mode 0660, its folder is made 0755 if missing.
// A daemon holds a lock on PATH.lock for as long as it lives, so two starts cannot race and a socket
// that a killed daemon left behind is told from a living one.
#pragma once

#include "l4/base/err.h"

struct control;
struct server;

// Listens on `path` in c->loop; `c` is borrowed until server_close().
// -EADDRINUSE: somebody answers there ("already running: pid 17 answers on /run/lb47/lb4d.sock");
// otherwise what the failing system call said. Then *out is untouched.
NODISCARD int server_open(struct server **out, struct control *c, const char *path,
                          struct err *err);

// Ends all clients, removes the socket, releases the lock. NULL is fine.
void server_close(struct server *s);
