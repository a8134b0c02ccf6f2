// SPDX-License-Identifier: BSD-3-Clause
#include "l4/base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 16 * 1024 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used; // bytes, counted from the chunk's start
	size_t size;
};

static struct arena_chunk *chunk_new(struct arena *a, size_t need)
{
	size_t head = CACHE_LINE;
	size_t size = need > CHUNK_SIZE - head ? need + head : CHUNK_SIZE;
	struct arena_chunk *c;

	size = (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	c = aligned_alloc(CACHE_LINE, size);
	if (!c)
		return NULL;
	memset(c, 0, size);
	c->size = size;
	c->used = head;
	c->next = a->chunks;
	a->chunks = c;
	return c;
}

void arena_fini(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
}

void *arena_alloc(struct arena *a, size_t n, size_t size, size_t align)
{
	struct arena_chunk *c = a->chunks;
	size_t need, at;

	assert(align && !(align & (align - 1)) && align <= CACHE_LINE);
	if (__builtin_mul_overflow(n, size, &need) || need > SIZE_MAX / 2)
		return NULL;
	at = c ? (c->used + align - 1) & ~(align - 1) : 0;
	if (!c || at > c->size || need > c->size - at) {
		c = chunk_new(a, need);
		if (!c)
			return NULL;
		at = c->used;
	}
	c->used = at + need;
	return (char *)c + at;
}

char *arena_strdup(struct arena *a, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = arena_alloc(a, size, 1, 1);

	if (copy)
		memcpy(copy, text, size);
	return copy;
}
