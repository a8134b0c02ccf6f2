// SPDX-License-Identifier: BSD-3-Clause Direct server return: only the frame's MAC addresses
// change. The backend has the service's address on its loopback and answers the client itself.
#pragma once

#include "l4/data/pkt.h"
#include "l4/model/snapshot.h"

void forward_dsr(struct pkt *p, const struct snap_backend *b);
