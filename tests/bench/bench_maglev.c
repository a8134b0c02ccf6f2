// SPDX-License-Identifier: BSD-3-Clause
// Build time of the Maglev table beside textbook Maglev (NSDI 2016, section 3.4, pseudocode 1).
// Both run in turn; medians. One line per case:
//   bench maglev_build_1000 ours=NS yardstick=NS ratio=R
// The textbook knows no weights and no health: the other cases have its time for equal weights.
#include "l4/base/clock.h"
#include "l4/model/maglev.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_MAX = 1000, RUNS = 41 };

static uint16_t textbook_slot[MAGLEV_N_SLOTS];

// No division either: the yardstick is to be a good one.
static uint32_t step(uint32_t at, uint32_t skip, uint32_t n_slots)
{
	at += skip;
	return at >= n_slots ? at - n_slots : at;
}

static void textbook(const struct maglev_backend *b, size_t n, uint32_t n_slots)
{
	static uint32_t at[N_MAX], skip[N_MAX];
	uint32_t filled = 0;

	memset(textbook_slot, 0xff, sizeof(textbook_slot));
	for (size_t i = 0; i < n; i++) {
		uint64_t h = hash_mix(b[i].identity, 0, 1);

		at[i] = (uint32_t)(h >> 32) % n_slots;
		skip[i] = (uint32_t)h % (n_slots - 1) + 1;
	}
	for (;;) {
		for (size_t i = 0; i < n; i++) {
			while (textbook_slot[at[i]] != MAGLEV_NONE)
				at[i] = step(at[i], skip[i], n_slots);
			textbook_slot[at[i]] = b[i].id;
			if (++filled == n_slots)
				return;
		}
	}
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t median(uint64_t *ns)
{
	qsort(ns, RUNS, sizeof(*ns), by_value);
	return ns[RUNS / 2];
}

static void run(const char *name, const struct maglev_backend *b, size_t n)
{
	uint64_t ours[RUNS], theirs[RUNS], start;
	struct maglev m;

	for (size_t i = 0; i < RUNS; i++) {
		start = clock_now_ns();
		if (maglev_build(&m, b, n, MAGLEV_N_SLOTS))
			abort();
		ours[i] = clock_now_ns() - start;
		maglev_fini(&m);
		start = clock_now_ns();
		textbook(b, n, MAGLEV_N_SLOTS);
		theirs[i] = clock_now_ns() - start;
	}
	printf("bench maglev_build_%s ours=%lu yardstick=%lu ratio=%.2f\n", name, median(ours),
	       median(theirs), (double)median(ours) / (double)median(theirs));
}

int main(void)
{
	static struct maglev_backend b[N_MAX];

	for (size_t i = 0; i < N_MAX; i++)
		b[i] = (struct maglev_backend){hash_bytes(&i, sizeof(i), 47), (uint16_t)i, 100,
		                               true};
	run("10", b, 10);
	run("100", b, 100);
	run("1000", b, 1000);
	b[7].usable = false;
	run("100_one_unusable", b, 100);
	run("1000_one_unusable", b, 1000);
	for (size_t i = 0; i < N_MAX; i++)
		b[i].weight = (uint16_t)(1 + (b[i].identity >> 7) % 1000);
	run("1000_mixed_weights", b, 1000);
	for (size_t i = 0; i < N_MAX; i++)
		b[i].usable = i % 2;
	run("1000_mixed_half_unusable", b, 1000);
	return 0;
}
