// SPDX-License-Identifier: BSD-3-Clause
// What was meant by a word that was typed wrongly. Pure; any thread.
#pragma once

#include "l4/base/cc.h"

enum { NEAREST_MAX = 31 }; // bytes of a word; longer ones are like nothing

// How many letters must be changed, added, left out or swapped with their neighbour to make one of the other: the optimal
// string alignment distance (Damerau, CACM 7(3), 1964, of at most one error at a place).
unsigned nearest_distance(const char *a, const char *b);

// Goes over candidates: begin with *best NULL, offer each, and at the end *best is what `typed` is like, or NULL if it is
// like none of them: more wrong letters than one and another for each four, or more than three.
void nearest_offer(const char **best, const char *typed, const char *candidate);
