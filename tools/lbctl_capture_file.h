// SPDX-License-Identifier: BSD-3-Clause
// What `lbctl capture` writes: an interface for each port, and each packet as received and, if it is there, as sent,
// with the decision as the comment.
#pragma once

#include "l4/model/capture_ring.h"
#include "l4/model/ctl_rows.h"
#include "tools/lbctl_command.h"
#include "tools/pcapng.h"

void lbctl_capture_file_head(struct pcapng *out, const struct lbctl_capture_options *opts,
                             const struct ctl_capture *answer);

// `time_ns` is Unix time; `missed`, how many packets were lost since the one before.
void lbctl_capture_file_packet(struct pcapng *out, const struct capture_record *r, uint64_t time_ns,
                               uint64_t number, uint64_t missed);
