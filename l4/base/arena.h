// SPDX-License-Identifier: BSD-3-Clause
// Memory of one lifetime, freed at once: a configuration, a snapshot. Grows by chunks, zeroed,
// never moves what it gave out. One thread at a time.
#pragma once

#include "l4/base/cc.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; // newest first; owned
};

// An arena of zero bytes is empty and ready; arena_fini() frees all of it and leaves it empty.
void arena_fini(struct arena *a);

// Zeroed memory, aligned for any type and for cache lines if `align` asks (a power of two, up to
// CACHE_LINE). NULL if there is none or n * size overflows.
void *arena_alloc(struct arena *a, size_t n, size_t size, size_t align);

// A copy of the text, NULL if there is no memory.
char *arena_strdup(struct arena *a, const char *text);
