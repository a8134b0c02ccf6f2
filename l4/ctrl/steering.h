// SPDX-License-Identifier: BSD-3-Clause
// Keeps the XDP programs of all af_xdp ports in step with the snapshot that serves: which packets go to the lanes and which stay with
// the kernel. Copies what they have counted to the counter store, each second. Control thread.
#pragma once

#include "l4/ctrl/control.h"

struct steering;

// Writes the path of the program's object to `path` (for engine_open) and returns its fd, to be
// closed after the ports are open; -ENOENT, and an empty path, if no port of `conf` is af_xdp; else
// -errno. Takes a program of ours that a killed daemon left behind off the interfaces.
NODISCARD int steering_object(const struct conf *conf, char *path, size_t size, struct err *err);

// Finds the programs that DPDK attached, fills them from c->serving and from then on at every
// publication. 0 (also if there is no af_xdp port), or -errno with *err.
NODISCARD int steering_open(struct steering **out, struct control *c, struct err *err);
void steering_close(struct steering *s);

// What the program on port number `port` of the configuration has counted. -ENOENT if there is none, or -errno.
NODISCARD int steering_count(const struct control *c, uint16_t port, struct steer_counters *out);
