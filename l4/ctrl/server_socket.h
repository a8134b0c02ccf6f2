// SPDX-License-Identifier: BSD-3-Clause
// The listening socket of server.c and the lock beside it: made, found stale, taken away.
#pragma once

#include "l4/base/err.h"

struct server_socket {
	int fd;      // listens, non-blocking
	int lock_fd; // PATH.lock, locked for as long as the daemon lives
	char *path;  // owned
};

// As server_open().
NODISCARD int server_socket_open(struct server_socket *out, const char *path, struct err *err);

// Removes the socket, then lets the lock go. The lock's file stays: to remove it would let two
// starts hold a lock each, one on the old file and one on the new.
void server_socket_close(struct server_socket *s);
