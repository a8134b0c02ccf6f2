// SPDX-License-Identifier: BSD-3-Clause
// One connection to the control socket: lines in, lines out, one request at a time and in order.
//
// Nothing is read while an answer is on its way, so that a client that does not read holds at most one
// answer in our memory, and what it sends waits in the kernel. One request is served per turn of
// the loop. A client that closed its writing side gets its answers before the connection ends.
#pragma once

#include "l4/base/cc.h"

struct client;
struct control;
struct methods;

struct client_setup {
	int fd;                  // connected, non-blocking; consumed on success
	struct control *control; // borrowed
	struct methods *methods; // borrowed
	void (*gone)(struct client *client, void *data); // called once, while it is being closed
	void *data;
};

// 0 or -ENOMEM.
NODISCARD int client_open(struct client **out, const struct client_setup *setup);
void client_close(struct client *client);

// Has asked for nothing that is still to be answered.
bool client_is_idle(const struct client *client);

// By the loop's clock, in seconds.
double client_last_active(const struct client *client);

// Has kept us waiting for the rest of a line, or for reading its answer, for too long.
bool client_is_late(const struct client *client);
