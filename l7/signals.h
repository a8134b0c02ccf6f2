// SPDX-License-Identifier: BSD-3-Clause
// Signals as events of the main thread's loop. A handler writes the signal's number to a socket that the loop
// receives from; signalfd(2) is no socket, which io.h wants. What comes while lb7d starts waits there for the loop.
// Workers block all signals, so that they interrupt nobody else.
#pragma once

#include "l7/io.h"

struct signals {
	struct io io;
	void (*came)(void *data, int number);
	void *data;
};

// SIGTERM, SIGINT and SIGHUP call `came`; SIGPIPE is ignored. Once in a process. 0 or -errno.
NODISCARD int signals_open(struct signals *s, struct loop *loop,
                           void (*came)(void *data, int number), void *data);
void signals_close(struct signals *s);
