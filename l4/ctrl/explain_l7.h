// SPDX-License-Identifier: BSD-3-Clause
// What `explain` adds to the steps of the lanes: the health behind the choice of a backend, and who answers a
// service of the L7 workers.
#pragma once

#include "l4/ctrl/methods.h"

// For a packet of services[nth] of the running configuration that went to the backend with this roster id (0 = to
// none). 0 or -ENOMEM with call->err.
NODISCARD int explain_l7_add(struct methods_call *call, uint16_t nth, uint16_t backend);
