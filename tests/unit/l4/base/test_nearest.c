// SPDX-License-Identifier: BSD-3-Clause
#include "l4/base/nearest.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
	const char *a, *b;
	unsigned distance;
} pairs[] = {
	{"", "", 0},
	{"", "abc", 3},
	{"status", "status", 0},
	{"statsu", "status", 1}, // neighbours swapped
	{"satus", "status", 1},
	{"sttatus", "status", 1},
	{"statis", "status", 1},
	{"ca", "abc", 3}, // the example that tells it from the unrestricted distance, which is 2
	{"kitten", "sitting", 3},
};

Test(nearest, the_distance_is_that_of_optimal_string_alignment)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		cr_expect_eq(nearest_distance(pairs[i].a, pairs[i].b), pairs[i].distance, "%s %s",
		             pairs[i].a, pairs[i].b);
		cr_expect_eq(nearest_distance(pairs[i].b, pairs[i].a), pairs[i].distance, "%s %s",
		             pairs[i].b, pairs[i].a);
	}
}

static const struct {
	const char *typed, *meant; // NULL = like none
} words[] = {
	{"drian", "drain"},   {"lst", "list"},
	{"remvoe", "remove"}, {"delete", NULL},
	{"x", NULL},          {"", NULL},
	{"wieght", "weight"}, {"dwon", "down"},
	{"addd", "add"},      {"a-word-that-is-longer-than-any-candidate-could-be", NULL},
};

Test(nearest, a_word_is_offered_only_if_it_is_like_what_was_typed)
{
	static const char *const candidates[] = {"list", "add",   "remove", "weight",
	                                         "up",   "drain", "down"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const char *best = NULL;

		for (size_t k = 0; k < ARRAY_LEN(candidates); k++)
			nearest_offer(&best, words[i].typed, candidates[k]);
		cr_expect_eq(best == NULL, words[i].meant == NULL, "%s: %s", words[i].typed, best);
		if (best && words[i].meant)
			cr_expect_str_eq(best, words[i].meant, "%s: %s", words[i].typed, best);
	}
}
