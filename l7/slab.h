// SPDX-License-Identifier: BSD-3-Clause
// Small memory that is taken and given back with every request: what nghttp2 and streams of HTTP/2 need. A list for each size,
// as in Bonwick's slab allocator (USENIX 1994) without its slabs: malloc(3) backs it, and knows the sizes, so that nothing stands before
// what the user gets; there may be a lot of it for as long as a connection lives. One thread.
#pragma once

#include "l4/base/slice.h"

// A sanitizer sees the use of what was given back only if it is free.
#if defined(__SANITIZE_ADDRESS__)
#define SLAB_KEEPS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_KEEPS 0
#endif
#endif
#ifndef SLAB_KEEPS
#define SLAB_KEEPS 1
#endif

enum {
	SLAB_CLASSES = 65, // 24, 40, ... 1032 bytes, as glibc rounds; larger ones are malloc's
	SLAB_KEEP = SLAB_KEEPS << 20, // bytes kept for reuse
};

struct spare;

struct slab {
	struct spare *spare[SLAB_CLASSES]; // lists
	size_t spare_size;
};

// As malloc(3), calloc(3), realloc(3) and free(3): aligned for anything, NULL if there is no memory.
void *slab_get(struct slab *s, size_t size);
void *slab_get_zero(struct slab *s, size_t size);
void *slab_resize(struct slab *s, void *p, size_t size);
void slab_put(struct slab *s, void *p); // NULL is fine

// Frees the spare ones; those in use stay valid and are put back nowhere.
void slab_fini(struct slab *s);
