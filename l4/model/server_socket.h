// SPDX-License-Identifier: BSD-3-Clause
// The listening control socket of a daemon and the lock beside it: made, found stale, taken away.
#pragma once

#include "l4/base/err.h"

struct server_socket {
	int fd;      // listens, non-blocking; -1: whoever it was given to has closed it
	int lock_fd; // PATH.lock, locked for as long as the daemon lives
	char *path;  // owned
};

// Listens on `path`, mode 0660; its folder is made (0755) if missing.
// -EADDRINUSE: somebody answers there ("already running: pid 17 answers on /run/lb47/lb4d.sock");
// otherwise what the failing system call said. Then *out is untouched.
NODISCARD int server_socket_open(struct server_socket *out, const char *path, struct err *err);

// Removes the socket, then lets the lock go. The lock's file stays: to remove it would let two
// starts hold a lock each, one on the old file and one on the new.
void server_socket_close(struct server_socket *s);
