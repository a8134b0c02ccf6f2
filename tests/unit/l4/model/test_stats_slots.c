// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_slots.h"

#include <criterion/criterion.h>

enum { SLOTS = 3, IDS = 4, WORDS = 5 };

static uint64_t words[SLOTS][IDS][WORDS];
static const struct stats_slots slots = {words, SLOTS, IDS, sizeof(words[0][0])};

static uint64_t expected(uint32_t id, size_t word)
{
	uint64_t sum = 0;

	for (size_t slot = 0; slot < SLOTS; slot++)
		sum += words[slot][id][word];
	return sum;
}

static void fill(void)
{
	uint64_t next = 1;

	for (size_t i = 0; i < sizeof(words) / sizeof(uint64_t); i++, next *= 3)
		((uint64_t *)words)[i] = next;
}

Test(stats_slots, any_part_of_a_set_is_summed_over_the_slots_and_nothing_else)
{
	fill();
	for (uint32_t id = 0; id < IDS; id++)
		for (size_t first = 0; first < WORDS; first++)
			for (size_t n = 0; n <= WORDS - first; n++) {
				uint64_t out[WORDS + 1];

				for (size_t i = 0; i <= WORDS; i++)
					out[i] = 42;
				stats_slots_sum(&slots, id, 8 * first, out, 8 * n);
				for (size_t i = 0; i < n; i++)
					cr_assert_eq(out[i], expected(id, first + i));
				cr_assert_eq(out[n], 42, "no more than was asked for");
			}
}

Test(stats_slots, a_word_is_one_of_the_set)
{
	fill();
	cr_expect_eq(stats_slots_word(&slots, IDS - 1, 8 * (WORDS - 1)),
	             expected(IDS - 1, WORDS - 1));
}
