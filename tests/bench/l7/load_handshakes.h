// SPDX-License-Identifier: BSD-3-Clause
// Full TLS 1.3 handshakes without a pause: connects, gets / with Connection: close, reads to the end, begins again.
#pragma once

#include "l4/base/cc.h"

// `n_threads` clients at 127.0.0.1:port for so long. Says `requests=N errors=N`; returns the exit status.
int load_handshakes_run(uint16_t port, uint64_t duration_ns, size_t n_threads);
