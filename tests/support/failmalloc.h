// SPDX-License-Identifier: BSD-3-Clause
// Memory that runs out when a test says so: malloc, calloc, realloc and aligned_alloc of the whole
// program, libraries included, through definitions of our own that call glibc's.
//
//	for (unsigned n = 1; rc; n++) {
//		failmalloc_arm(n);
//		rc = thing_new(&thing);
//		failmalloc_disarm();
//	}
#pragma once

#include "l4/base/cc.h"

// False under a sanitizer, which brings its own malloc: nothing ever fails then.
bool failmalloc_works(void);

// The n-th allocation of this thread from now on fails (n >= 1), and all after it.
void failmalloc_arm(unsigned int n);

// Allocations succeed again. Returns whether any has failed.
bool failmalloc_disarm(void);
