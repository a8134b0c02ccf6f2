// SPDX-License-Identifier: BSD-3-Clause
// Has the kernel count the TCP connections of the L7 workers into the counter store: the programs of bpf/tcp.bpf.c,
// for whichever daemon is there to load them. lb4d does it if there is one, as it outlives its lb7d; an
// lb7d alone does it itself. Control thread.
//
// Not being able to is no reason not to serve: it is said in the log once, and the counters stay as they are.
#pragma once

#include "l4/model/conf.h"
#include "l4/model/roster.h"
#include "l4/model/stats.h"

struct tcp_programs;

// Loads and attaches the programs, before privileges are dropped; `stats` is the store of `conf`. They count nothing yet.
// NULL if they are switched off, have nothing to do, or cannot be had: the log says which. The functions
// below take NULL.
struct tcp_programs *tcp_programs_open(const struct conf *conf, const struct stats *stats);

// Counts from now on what `conf` has; after each change of it.
void tcp_programs_update(const struct tcp_programs *t, const struct conf *conf,
                         const struct roster *roster);

// Detaches the programs. What they counted stays in the store.
void tcp_programs_close(struct tcp_programs *t);
