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
// NULL if they are switched off or cannot be had: the log says why. The functions below take NULL.
struct tcp_programs *tcp_programs_open(const struct conf *conf, const struct stats *stats);

// For an lb7d without lb4d: opens the store that lb4d would have, too, and gives out its ids. NULL also if an lb4d runs
// with this store: that one counts.
struct tcp_programs *tcp_programs_open_alone(const struct conf *conf);

// Counts from now on what `conf` has; after each change of it. `roster` is that of the store, NULL after
// tcp_programs_open_alone().
void tcp_programs_update(struct tcp_programs *t, const struct conf *conf,
                         const struct roster *roster);

// Detaches the programs. What they counted stays in the store.
void tcp_programs_close(struct tcp_programs *t);
