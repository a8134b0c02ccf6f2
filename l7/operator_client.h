// SPDX-License-Identifier: BSD-3-Clause
// One connection to the control socket: lines in, lines out, one request at a time and in order.
//
// Nothing is read while an answer is on its way, so that a client that does not read holds at most one answer in our
// memory, and what it sends waits in the kernel. One request is served in a turn of the loop. A client that closed its
// writing side gets its answers before the connection ends. A client that watches health is sent every transition; one that
// does not take them is ended, and may ask anew.
#pragma once

#include "l7/manager.h"

struct operator_client;

struct operator_client_setup {
	int fd;                  // connected, non-blocking; consumed on success
	struct loop *loop;       // borrowed
	struct manager *manager; // borrowed
	void (*gone)(struct operator_client *c,
	             void *data); // called once, while it is being closed
	void *data;
};

// 0, -ENOMEM or what epoll_ctl(2) said.
NODISCARD int operator_client_open(struct operator_client **out,
                                   const struct operator_client_setup *setup);
void operator_client_close(struct operator_client *c);

// A line for whoever watches; borrowed. May close the client.
void operator_client_tell(struct operator_client *c, const char *line, size_t len);
bool operator_client_is_watching(const struct operator_client *c);

// Has asked for nothing that is still to be answered, and watches nothing.
bool operator_client_is_idle(const struct operator_client *c);

uint64_t operator_client_active_ns(const struct operator_client *c); // when, by the loop's clock

// Has kept us waiting for the rest of a line, or for taking its answer, for too long.
bool operator_client_is_late(const struct operator_client *c);
