// SPDX-License-Identifier: BSD-3-Clause
// The captures that run: each with a filter, a tap on every lane (l4/data/capture_tap.h) and the memory that it shares
// with one lbctl (l4/model/capture_ring.h). Control thread only; no packet ever passes through it.
#pragma once

#include "l4/base/err.h"
#include "l4/model/ctl_method.h"

struct captures;
struct control;

// Once the lanes run. `c` is borrowed until captures_close(). 0 or -ENOMEM.
NODISCARD int captures_open(struct captures **out, struct control *c);

// Ends all of them. The lanes no longer run, so that nobody reads what is freed; c->captures is to be NULL then.
void captures_close(struct captures *cs);

struct captures_started {
	uint32_t id; // never 0
	int fd;      // of the memory, to be passed on; the caller's to close
};

// 0, or a sentence: too many, no such service, no sound filter, no memory.
NODISCARD int captures_start(struct captures *cs, const struct ctl_capture_params *params,
                             struct captures_started *out, struct err *err);

// Its lbctl is gone, or was never told.
void captures_end(struct captures *cs, uint32_t id);

// The configuration has changed: services may have another id, or be gone, which ends their captures.
void captures_follow(struct captures *cs);
