// SPDX-License-Identifier: BSD-3-Clause
// Timers in a hierarchical wheel (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987): starting,
// moving and stopping one is O(1), whatever their number. Milliseconds; never early, late by one at most and by what the
// loop is late. One thread.
//
// Most timers are moved on before they fire (each byte of a stream moves its idle timer). Moving to a later time only
// notes the time: the wheel finds out when the old time comes.
#pragma once

#include "l4/base/cc.h"

enum { TIMER_LEVELS = 6, TIMER_SLOTS = 64 }; // 64^6 ms: two years

struct timer {
	struct timer *next, **back; // in a slot; back NULL = not running
	uint64_t at_ms;             // when it is to fire
	uint64_t slot_ms;           // when the wheel will look at it
	void (*fire)(struct timer *t);
};

struct timer_wheel {
	uint64_t now_ms;
	uint64_t used[TIMER_LEVELS]; // bit n: slot n holds timers
	struct timer *slot[TIMER_LEVELS][TIMER_SLOTS];
};

// All zero but now_ms is an empty wheel. `t->fire` is set by the owner. Starting a running timer moves it.
void timer_start(struct timer_wheel *w, struct timer *t, uint64_t delay_ms);
void timer_stop(struct timer_wheel *w, struct timer *t);

static inline bool timer_is_running(const struct timer *t)
{
	return t->back;
}

// Fires what is due; a timer may be started and stopped, and its memory freed, while it fires.
void timer_run(struct timer_wheel *w, uint64_t now_ms);

// Moves the wheel's time on as far as nothing becomes due: for who starts timers, or looks at now_ms, before timer_run().
void timer_catch_up(struct timer_wheel *w, uint64_t now_ms);

// Milliseconds until timer_run() has something to do, at most `most`.
uint64_t timer_wait_ms(const struct timer_wheel *w, uint64_t most);
