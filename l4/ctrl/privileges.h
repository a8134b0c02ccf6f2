// SPDX-License-Identifier: BSD-3-Clause
// What the daemon may do once everything is open. Opening devices takes nearly all of root; afterwards a fault
// should not be able to load kernel modules, trace processes, mount or change users.
//
// This is less harm, no sandbox. The user stays root where it was: root's files are still its own, and
// CAP_DAC_OVERRIDE opens everybody's, so who takes lb4d over can still write what root runs later. CAP_NET_ADMIN
// still configures the network. Only system calls and namespaces (a unit file's) limit that.
#pragma once

#include "l4/model/conf.h"

// Takes from every thread of the process the capabilities that lb4d needs no more, also for what it may
// execute (bounding set, no_new_privs); says in the log what is left. Call it when all threads run. Whoever started without
// capabilities is left alone; so are pci ports, whose drivers may want any of them later.
void privileges_drop(const struct conf *conf);
