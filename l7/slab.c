// SPDX-License-Identifier: BSD-3-Clause
#include "l7/slab.h"

#include <malloc.h>
#include <stdlib.h>

// In what is given back.
struct spare {
	struct spare *next;
};

enum { STEP = 16, FIRST = 24, LARGE = SLAB_CLASSES };

static size_t size_of_class(size_t class_)
{
	return class_ * STEP + 8;
}

// The greatest class that the memory will do for.
static size_t class_of(void *p)
{
	return (malloc_usable_size(p) - 8) / STEP;
}

// The least class whose memory holds `size` bytes.
static size_t class_for(size_t size)
{
	if (size <= FIRST)
		return 1;
	return size > size_of_class(SLAB_CLASSES - 1) ? LARGE : (size + STEP - 9) / STEP;
}

void *slab_get(struct slab *s, size_t size)
{
	size_t class_ = class_for(size);
	struct spare *p;

	if (class_ == LARGE) // sanitizers end the program for sizes that cannot be
		return size > PTRDIFF_MAX ? NULL : malloc(size);
	p = s->spare[class_];
	if (!p)
		return malloc(size_of_class(class_));
	s->spare[class_] = p->next;
	s->spare_size -= size_of_class(class_);
	return p;
}

void *slab_get_zero(struct slab *s, size_t size)
{
	void *p = slab_get(s, size);

	if (p)
		memset(p, 0, size);
	return p;
}

void slab_put(struct slab *s, void *p)
{
	struct spare *spare = p;
	size_t class_;

	if (!p)
		return;
	class_ = class_of(p);
	if (class_ >= LARGE || s->spare_size + size_of_class(class_) > SLAB_KEEP) {
		free(p);
		return;
	}
	spare->next = s->spare[class_];
	s->spare[class_] = spare;
	s->spare_size += size_of_class(class_);
}

void *slab_resize(struct slab *s, void *p, size_t size)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *grown;

	if (p && size <= old)
		return p;
	grown = slab_get(s, size);
	if (grown && p) {
		memcpy(grown, p, old);
		slab_put(s, p);
	}
	return grown;
}

void slab_fini(struct slab *s)
{
	for (size_t i = 0; i < SLAB_CLASSES; i++) {
		while (s->spare[i]) {
			struct spare *p = s->spare[i];

			s->spare[i] = p->next;
			free(p);
		}
	}
	s->spare_size = 0;
}
