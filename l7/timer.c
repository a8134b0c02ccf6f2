// SPDX-License-Identifier: BSD-3-Clause
#include "l7/timer.h"

enum { SLOT_BITS = 6, SLOT_MASK = TIMER_SLOTS - 1 };

static void unlink_timer(struct timer_wheel *w, struct timer *t)
{
	struct timer **slots = &w->slot[0][0];
	struct timer **back = t->back;

	*back = t->next;
	if (t->next)
		t->next->back = back;
	t->back = NULL;
	if (*back || back < slots || back >= slots + TIMER_LEVELS * TIMER_SLOTS)
		return;
	// It was the only one of its slot.
	size_t i = (size_t)(back - slots);

	w->used[i / TIMER_SLOTS] &= ~(UINT64_C(1) << (i % TIMER_SLOTS));
}

static void link_timer(struct timer_wheel *w, struct timer *t)
{
	uint64_t at = t->at_ms > w->now_ms ? t->at_ms : w->now_ms + 1;
	uint64_t most = w->now_ms + (UINT64_C(1) << SLOT_BITS * TIMER_LEVELS) - 1;
	unsigned int level;

	if (at > most)
		at = most;
	// The level is the highest digit, in base 64, in which the time differs from now.
	uint64_t differs = at ^ w->now_ms;

	level = (63 - (unsigned int)__builtin_clzll(differs)) / SLOT_BITS;
	if (level >= TIMER_LEVELS)
		level = TIMER_LEVELS - 1;
	unsigned int slot = at >> (level * SLOT_BITS) & SLOT_MASK;

	t->slot_ms = at;
	t->next = w->slot[level][slot];
	t->back = &w->slot[level][slot];
	if (t->next)
		t->next->back = &t->next;
	w->slot[level][slot] = t;
	w->used[level] |= UINT64_C(1) << slot;
}

void timer_start(struct timer_wheel *w, struct timer *t, uint64_t delay_ms)
{
	t->at_ms = w->now_ms + delay_ms;
	if (t->back && t->slot_ms <= t->at_ms)
		return;
	if (t->back)
		unlink_timer(w, t);
	link_timer(w, t);
}

void timer_stop(struct timer_wheel *w, struct timer *t)
{
	if (t->back)
		unlink_timer(w, t);
}

// The next time at which a slot of this level begins that holds timers; UINT64_MAX if none does.
static uint64_t level_next(const struct timer_wheel *w, unsigned int level)
{
	unsigned int shift = level * SLOT_BITS;
	unsigned int here = w->now_ms >> shift & SLOT_MASK;
	uint64_t used = w->used[level];

	if (!used)
		return UINT64_MAX;
	// Slots after `here` come in this round; `here` itself and those before it, in the next.
	uint64_t later = here == SLOT_MASK ? 0 : used & (UINT64_MAX << (here + 1));
	uint64_t round = w->now_ms >> shift & ~(uint64_t)SLOT_MASK;

	if (later)
		return (round + (unsigned int)__builtin_ctzll(later)) << shift;
	return (round + TIMER_SLOTS + (unsigned int)__builtin_ctzll(used)) << shift;
}

static uint64_t wheel_next(const struct timer_wheel *w, unsigned int *level)
{
	uint64_t next = UINT64_MAX;

	*level = 0;
	for (unsigned int i = 0; i < TIMER_LEVELS; i++) {
		uint64_t at = level_next(w, i);

		if (at < next) {
			next = at;
			*level = i;
		}
	}
	return next;
}

// Takes the slot's timers out; those due fire, the others go where they belong now.
static void turn_slot(struct timer_wheel *w, unsigned int level)
{
	unsigned int slot = w->now_ms >> (level * SLOT_BITS) & SLOT_MASK;
	struct timer *due = w->slot[level][slot];

	w->slot[level][slot] = NULL;
	w->used[level] &= ~(UINT64_C(1) << slot);
	if (due)
		due->back = &due;
	while (due) {
		struct timer *t = due;

		unlink_timer(w, t);
		if (t->at_ms <= w->now_ms)
			t->fire(t);
		else
			link_timer(w, t);
	}
}

void timer_run(struct timer_wheel *w, uint64_t now_ms)
{
	for (;;) {
		unsigned int level;
		uint64_t next = wheel_next(w, &level);

		if (next > now_ms)
			break;
		w->now_ms = next;
		// A time may begin a slot on several levels: the higher ones first, as they fill the lower.
		for (unsigned int i = TIMER_LEVELS; i-- > 0;)
			if ((next & ((UINT64_C(1) << i * SLOT_BITS) - 1)) == 0)
				turn_slot(w, i);
	}
	if (now_ms > w->now_ms)
		w->now_ms = now_ms;
}

void timer_catch_up(struct timer_wheel *w, uint64_t now_ms)
{
	unsigned int level;
	uint64_t next = wheel_next(w, &level);

	if (now_ms >= next)
		now_ms = next - 1;
	if (now_ms > w->now_ms)
		w->now_ms = now_ms;
}

uint64_t timer_wait_ms(const struct timer_wheel *w, uint64_t most)
{
	unsigned int level;
	uint64_t next = wheel_next(w, &level);

	if (next == UINT64_MAX || next - w->now_ms > most)
		return most;
	return next - w->now_ms;
}
