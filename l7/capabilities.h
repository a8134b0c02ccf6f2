// SPDX-License-Identifier: BSD-3-Clause
// What lb7d may do when root starts it: listen on ports below 1024, and no more. The user stays root, so that
// files of root's (keys, the control socket's folder) can be read again on a reload; files of others only as far as
// their modes let everybody.
#pragma once

// Call it before anything is opened: what cannot be read on a reload must not be readable at start. And before any
// other thread runs, as Linux keeps capabilities for each. Says in the log what is left; whoever has
// no capabilities is left alone.
void capabilities_drop(void);
