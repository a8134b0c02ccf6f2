// SPDX-License-Identifier: BSD-3-Clause
// Events on their way to a client: where each ends in the bytes that the client is given, and when it was read, so that each has its own
// delay however few bytes the kernel takes at a time. Where a mark stands for several events they are neighbours of one read, and count
// as delivered with the last of them: once METER_MARKS are waiting, each two become one, and from then on marks are made for twice as many.
// What is told apart, too: who was let wait by us, and who by the client's socket or window, which takes no more.
// The first one lies here, as mostly there is no second; memory for more is there only while they wait, as most streams are idle.
// One thread.
#pragma once

#include "l4/base/cc.h"

enum { METER_MARKS = 8 };

struct meter_mark {
	uint64_t read_ns; // of the oldest one, if reads had to be put together
	uint32_t end;     // of the last one, in bytes given for the client; modulo 2^32
	uint32_t n;       // events
};

struct meter_marks { // all zero = none; not to be moved while something waits
	struct meter_mark one;
	struct meter_mark *at; // in order: &one, or [METER_MARKS], owned; undefined if n is 0
	uint32_t held_end;
	uint32_t share; // events of a mark at most, a power of two; 0 = 1
	uint8_t n;
	bool is_held; // those up to held_end wait for the client
};

// meter_mark_add() behind the first one.
NODISCARD bool meter_mark_add_more(struct meter_marks *m, uint32_t end, uint64_t read_ns);

// False: no memory, nothing was added.
NODISCARD static inline bool meter_mark_add(struct meter_marks *m, uint32_t end, uint64_t read_ns)
{
	if (m->n)
		return meter_mark_add_more(m, end, read_ns);
	m->one = (struct meter_mark){.read_ns = read_ns, .end = end, .n = 1};
	m->at = &m->one;
	m->n = 1;
	return true;
}

// All that is waiting has been left behind by a client that takes no more.
void meter_mark_hold(struct meter_marks *m);

// How many marks, from the first one on, lie in the first `sent` bytes (likewise modulo 2^32).
static inline uint8_t meter_mark_due(const struct meter_marks *m, uint32_t sent)
{
	uint8_t n = 0;

	while (n < m->n && (int32_t)(m->at[n].end - sent) <= 0)
		n++;
	return n;
}

// Whether this one waited for the client.
static inline bool meter_mark_is_held(const struct meter_marks *m, const struct meter_mark *mark)
{
	return m->is_held && (int32_t)(mark->end - m->held_end) <= 0;
}

// meter_mark_drop() where others are left, or where there is memory.
void meter_mark_drop_some(struct meter_marks *m, uint8_t n);

// The first n have been delivered, or never will be. With the last one the memory is given back.
static inline void meter_mark_drop(struct meter_marks *m, uint8_t n)
{
	if (n < m->n || (n && m->at != &m->one)) {
		meter_mark_drop_some(m, n);
		return;
	}
	m->n = 0;
	m->is_held = false;
	m->share = 0;
}

uint64_t meter_mark_events(const struct meter_marks *m); // that are waiting
