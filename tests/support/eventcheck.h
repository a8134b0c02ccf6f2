// SPDX-License-Identifier: BSD-3-Clause
// Event streams read naively, all at once, line by line as WHATWG HTML section 9.2.6 says: what l7/event_stream.c is
// compared with. Both write down what they see in the same way.
#pragma once

#include "l4/base/slice.h"

struct eventcheck {
	size_t n;   // events
	size_t len; // bytes of `text`
	size_t room;
	uint8_t *text; // "NAME|DATA\036" for each; owned
};

enum { EVENTCHECK_END = 036 }; // record separator

void eventcheck_add(struct eventcheck *c, struct slice name, struct slice data);

// All events of a stream that was cut here; names are cut at `name_max`.
void eventcheck_read(struct eventcheck *c, struct slice stream, size_t name_max);

bool eventcheck_eq(const struct eventcheck *a, const struct eventcheck *b);
void eventcheck_fini(struct eventcheck *c); // empty again
