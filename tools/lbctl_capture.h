// SPDX-License-Identifier: BSD-3-Clause
// `lbctl capture` and `lbctl trace`: packets of a running lb4d, into a file or as lines. Ends with the count, the time,
// Ctrl-C, the file's disk or the daemon, and says how many there were and how many it missed.
#pragma once

#include "l4/base/args.h"
#include "tools/lbctl_command.h"

// paths[] ends with NULL: the daemons' sockets, of which the first that is there is asked. Returns enum lbctl_exit.
int lbctl_capture_run(const struct args *args, const struct lbctl_command *c,
                      const struct lbctl_options *opts, const char *const *paths);
