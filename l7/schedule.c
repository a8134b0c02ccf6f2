// SPDX-License-Identifier: BSD-3-Clause
#include "l7/schedule.h"

#include <errno.h>
#include <stdlib.h>

enum { NOBODY = 0xffff };

struct entry {
	uint64_t n_done; // turns had
	uint32_t end;    // its next turn comes before this one
	uint16_t next;   // in the list of those who wait for the same turn
};

struct schedule {
	const uint32_t *weights; // [n]
	struct entry *entries;   // [n]
	uint16_t *heap;          // [n_heap], by end, then by index; [0] is the first
	uint16_t *waiting;       // [n_turns], first of the list of those whose time comes then
	uint32_t n_turns, n_heap;
};

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static uint64_t sum(const uint32_t *weights, uint32_t n)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < n; i++)
		total += weights[i];
	return total;
}

uint32_t schedule_scale(uint32_t *weights, uint32_t n, uint32_t max)
{
	uint32_t common = 0;
	uint64_t total;

	assert(n <= max / 2);
	for (uint32_t i = 0; i < n; i++)
		common = gcd(common, weights[i]);
	if (!common)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		weights[i] /= common;
	total = sum(weights, n);
	if (total <= max)
		return (uint32_t)total;
	// Rounded to the nearest, but not to 0: at most one more each than their share of max - n.
	for (uint32_t i = 0; i < n; i++) {
		uint64_t share = ((uint64_t)weights[i] * (max - n) + total / 2) / total;

		weights[i] = weights[i] && !share ? 1 : (uint32_t)share;
	}
	return (uint32_t)sum(weights, n);
}

// --- the heap of those whose time has come ---

static bool is_before(const struct schedule *s, uint16_t a, uint16_t b)
{
	uint32_t end_a = s->entries[a].end, end_b = s->entries[b].end;

	return end_a != end_b ? end_a < end_b : a < b;
}

static void heap_push(struct schedule *s, uint16_t who)
{
	uint32_t at = s->n_heap++;

	for (; at && is_before(s, who, s->heap[(at - 1) / 2]); at = (at - 1) / 2)
		s->heap[at] = s->heap[(at - 1) / 2];
	s->heap[at] = who;
}

static uint16_t heap_pop(struct schedule *s)
{
	uint16_t first = s->heap[0], who = s->heap[--s->n_heap];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < s->n_heap) {
		if (child + 1 < s->n_heap && is_before(s, s->heap[child + 1], s->heap[child]))
			child++;
		if (!is_before(s, s->heap[child], who))
			break;
		s->heap[at] = s->heap[child];
		at = child;
	}
	s->heap[at] = who;
	return first;
}

// --- turns ---

// Its next turn: now if its time has come, or put off until then.
static void enter(struct schedule *s, uint16_t who, uint32_t now)
{
	struct entry *e = &s->entries[who];
	uint32_t weight = s->weights[who];
	uint64_t begin = e->n_done * s->n_turns / weight;

	if (e->n_done == weight)
		return;
	e->end = (uint32_t)(((e->n_done + 1) * s->n_turns + weight - 1) / weight);
	if (begin <= now) {
		heap_push(s, who);
		return;
	}
	e->next = s->waiting[begin];
	s->waiting[begin] = who;
}

static void take_turns(struct schedule *s, uint16_t *turns, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (s->weights[i])
			enter(s, (uint16_t)i, 0);
	for (uint32_t now = 0; now < s->n_turns; now++) {
		for (uint16_t i = s->waiting[now]; i != NOBODY; i = s->entries[i].next)
			heap_push(s, i);
		assert(s->n_heap); // all turns end in time (Baruah et al.), so none is left over
		turns[now] = heap_pop(s);
		s->entries[turns[now]].n_done++;
		enter(s, turns[now], now);
	}
}

int schedule_fill(uint16_t *turns, uint32_t n_turns, const uint32_t *weights, uint32_t n)
{
	struct schedule s = {.weights = weights, .n_turns = n_turns};
	int rc = -ENOMEM;

	assert(n <= NOBODY && sum(weights, n) == n_turns);
	s.entries = calloc(n + 1u, sizeof(*s.entries));
	s.heap = calloc(n + 1u, sizeof(*s.heap));
	s.waiting = malloc((n_turns + 1u) * sizeof(*s.waiting));
	if (s.entries && s.heap && s.waiting) {
		for (uint32_t i = 0; i < n_turns; i++)
			s.waiting[i] = NOBODY;
		take_turns(&s, turns, n);
		rc = 0;
	}
	free(s.entries);
	free(s.heap);
	free(s.waiting);
	return rc;
}
