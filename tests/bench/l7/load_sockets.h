// SPDX-License-Identifier: BSD-3-Clause
// Holds many WebSockets open, and tells whether they still live. Opens them one after the other and says
// `open N`. Then it does what stdin says, one word a line:
//
//	quit     closes them all; so does the end of stdin
//	check    sends a text on each and awaits its echo; says `alive N`
#pragma once

#include "l4/base/cc.h"

// `count` WebSockets at 127.0.0.1:port. Returns the exit status, 1 if one could not be opened.
int load_sockets_run(uint16_t port, size_t count, bool is_tls);
