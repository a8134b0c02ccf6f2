// SPDX-License-Identifier: BSD-3-Clause
// Whether the daemon that writes a half of the counter store lives. A number alone does not tell, as the kernel gives it to
// another process in time: so the store also has when the process began (proc(5), /proc/PID/stat, field 22), in which boot
// (random(4), boot_id) and where its number means something (pid_namespaces(7), time_namespaces(7)). Any process may ask.
#pragma once

#include "l4/model/stats_layout.h"

enum stats_writer_life {
	STATS_WRITER_STOPPED, // it said so
	STATS_WRITER_ALIVE,
	STATS_WRITER_DEAD, // its process is not there, or not reaped yet
	// Its number cannot be looked up from here: the asker is in another namespace, has no /proc (or one that hides other
	// users' processes), or the writer had none.
	STATS_WRITER_UNKNOWN,
};

// Enters process `pid`, of the caller's namespaces, as the writer.
void stats_writer_enter(struct stats_writer *w, uint32_t pid);
void stats_writer_leave(struct stats_writer *w); // it stops cleanly

// `w` is shared memory, which may say anything.
enum stats_writer_life stats_writer_life(const struct stats_writer *w);
