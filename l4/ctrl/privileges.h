// SPDX-License-Identifier: BSD-3-Clause
// What the daemon may do once everything is open. Opening devices takes nearly all of root; afterwards a fault
// should not be able to load kernel modules, trace processes, mount or change users.
#pragma once

#include "l4/model/conf.h"

// Takes from every thread of the process the capabilities that lb4d needs no more, also for what it may
// execute; says in the log what is left. Call it when all threads run. Whoever started without
// capabilities is left alone; so are pci ports, whose drivers may want any of them later.
void privileges_drop(const struct conf *conf);
