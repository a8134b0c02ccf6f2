// SPDX-License-Identifier: BSD-3-Clause
#include "l7/slab.h"

#include <stdlib.h>

enum { LEAST = 64, LARGE = SLAB_CLASSES };

// Before what the user gets.
struct head {
	union {
		struct head *next; // while it is spare
		size_t size;       // bytes of the user, while it is in use
	};
	size_t class_; // LARGE: malloc's
};

static_assert(sizeof(struct head) == 16, "what follows is aligned for anything");

static size_t class_of(size_t size)
{
	size_t room = size + sizeof(struct head);

	if (room <= LEAST)
		return 0;
	return room > (size_t)LEAST << (SLAB_CLASSES - 1)
	               ? LARGE
	               : (size_t)(64 - __builtin_clzll(room - 1)) - 6;
}

static struct head *head_of(void *p)
{
	return (struct head *)p - 1;
}

void *slab_get(struct slab *s, size_t size)
{
	size_t class_ = class_of(size);
	struct head *h = class_ < LARGE ? s->spare[class_] : NULL;

	if (size > SIZE_MAX - sizeof(*h))
		return NULL;
	if (h) {
		s->spare[class_] = h->next;
		s->spare_size -= (size_t)LEAST << class_;
	} else {
		h = malloc(class_ < LARGE ? (size_t)LEAST << class_ : size + sizeof(*h));
		if (!h)
			return NULL;
		h->class_ = class_;
	}
	h->size = size;
	return h + 1;
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
	struct head *h;
	size_t size;

	if (!p)
		return;
	h = head_of(p);
	size = (size_t)LEAST << h->class_;
	if (h->class_ == LARGE || s->spare_size + size > SLAB_KEEP) {
		free(h);
		return;
	}
	h->next = s->spare[h->class_];
	s->spare[h->class_] = h;
	s->spare_size += size;
}

void *slab_resize(struct slab *s, void *p, size_t size)
{
	struct head *h = p ? head_of(p) : NULL;
	void *grown;

	if (h && h->class_ < LARGE && class_of(size) == h->class_) {
		h->size = size;
		return p;
	}
	grown = slab_get(s, size);
	if (grown && h) {
		memcpy(grown, p, h->size < size ? h->size : size);
		slab_put(s, p);
	}
	return grown;
}

void slab_fini(struct slab *s)
{
	for (size_t i = 0; i < SLAB_CLASSES; i++) {
		while (s->spare[i]) {
			struct head *h = s->spare[i];

			s->spare[i] = h->next;
			free(h);
		}
	}
	s->spare_size = 0;
}
