// SPDX-License-Identifier: BSD-3-Clause
// A worker's listening socket for one service address. The kernel spreads connections over the workers' sockets
// (SO_REUSEPORT). Lives as long as a client that came through it; which l7 entry it leads to may change by a reload.
#pragma once

#include "l7/io.h"
#include "l7/site.h"
#include "l7/telemetry.h"

struct worker;

struct listener {
	struct io io;
	struct worker *w;
	struct listener *next;            // worker->listeners
	struct telemetry_service service; // where its connections are counted
	struct timer retry;               // after descriptors or memory ran out
	struct addr address;
	be16 port;
	uint16_t l7;     // index in the newest site; SITE_NONE: the service is gone
	uint32_t n_refs; // itself while open, and clients
	struct loop_task free;
};

// Makes the worker's listeners those of its kit: opens new ones, points old ones elsewhere, closes those that are gone.
void listener_update(struct worker *w);

// Stops accepting; what waits in the kernel's queue is accepted first, as closing would reset it.
void listener_close_all(struct worker *w);

void listener_put(struct listener *l);
