// SPDX-License-Identifier: BSD-3-Clause
// A captured packet in words.
#pragma once

#include <stdio.h>

#include "l4/model/capture_ring.h"

enum { LBCTL_PACKET_TEXT = 512 };

// "received verdict=drop reason=pool_empty service=web backend=- lane=0 flow=- by=- help=..." into
// out[LBCTL_PACKET_TEXT]; `is_sent` for the packet as it left.
void lbctl_packet_comment(const struct capture_record *r, bool is_sent, char *out);

// As lbreplay prints it: number, verdict, reason, backend.
void lbctl_packet_line(FILE *f, uint64_t number, const struct capture_record *r);
// The same, and who talks to whom.
void lbctl_packet_long_line(FILE *f, uint64_t number, const struct capture_record *r);
// All of it, an object in one line; `time_ns` is Unix time.
void lbctl_packet_json(FILE *f, uint64_t number, const struct capture_record *r, uint64_t time_ns);
