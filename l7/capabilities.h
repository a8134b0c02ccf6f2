// SPDX-License-Identifier: BSD-3-Clause
// What lb7d may do when root starts it: listen on ports below 1024, and no more. The user stays root, so that
// files of root's (keys, the control socket's folder) can be read again on a reload; files of others only as far as
// their modes let everybody. Until the counters are open it may make BPF maps, too: how many it needs is only known with
// the configuration, which lb4d may give it later. Alone, it may load the programs that count TCP as well. No client is
// served before.
#pragma once

#include <stdbool.h>

// Call it before anything is opened: what cannot be read on a reload must not be readable at start. And before any
// other thread runs, as Linux keeps capabilities for each. Says in the log what is left; whoever has
// no capabilities is left alone. `may_trace`: programs may still be loaded.
void capabilities_drop(bool may_trace);

// Gives up the right to make BPF maps and to load programs. Before any other thread runs; again is fine.
void capabilities_drop_last(void);
