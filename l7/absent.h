// SPDX-License-Identifier: BSD-3-Clause
// Services whose address this host does not have. Listening succeeds all the same (IP_FREEBIND: a routing daemon or keepalived
// may bring the address later), but until then no connection gets here, which nothing else would tell.
// Any thread. Nothing is owned, nothing fails: what cannot be found out is taken to be there.
#pragma once

#include <stdbool.h>

#include "l4/base/addr.h"
#include "l4/model/conf.h"

// Whether the kernel has `address` on no interface of this network namespace; ip(7), EADDRNOTAVAIL.
bool absent_is(const struct addr *address);

// A line of log for each service of this host's workers whose address is absent.
void absent_warn(const struct conf *conf);
