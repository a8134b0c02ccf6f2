// SPDX-License-Identifier: BSD-3-Clause
#include "l7/buf.h"

#include <assert.h>
#include <stdlib.h>

static const uint32_t sizes[BUF_CLASS_COUNT] = {
	[BUF_SMALL] = BUF_SMALL_SIZE,
	[BUF_MEDIUM] = BUF_MEDIUM_SIZE,
	[BUF_LARGE] = BUF_LARGE_SIZE,
	[BUF_HUGE] = BUF_HUGE_SIZE,
};

static size_t footprint(const struct buf *b)
{
	return sizeof(*b) + b->size;
}

static uint8_t class_of(size_t size)
{
	uint8_t class_ = BUF_SMALL;

	assert(size <= BUF_HUGE_SIZE);
	while (sizes[class_] < size)
		class_++;
	return class_;
}

struct buf *buf_get(struct buf_pool *p, size_t size)
{
	uint8_t class_ = class_of(size);
	struct buf *b = p->spare[class_];

	if (b) {
		p->spare[class_] = b->next;
		p->spare_size -= footprint(b);
	} else {
		b = malloc(sizeof(*b) + sizes[class_]);
		if (!b)
			return NULL;
		b->class_ = class_;
		b->size = sizes[class_];
	}
	b->next = NULL;
	b->start = 0;
	b->end = 0;
	b->is_extra = false;
	p->used_size += footprint(b);
	return b;
}

struct buf *buf_get_extra(struct buf_pool *p, size_t size)
{
	size_t share = p->budget / BUF_EXTRA_SHARE,
	       needed = sizeof(struct buf) + sizes[class_of(size)];
	struct buf *b;

	if (buf_is_full(p) || needed > share || p->extra_size > share - needed)
		return NULL;
	b = buf_get(p, size);
	if (!b)
		return NULL;
	b->is_extra = true;
	p->extra_size += footprint(b);
	return b;
}

void buf_put(struct buf_pool *p, struct buf *b)
{
	if (!b)
		return;
	p->used_size -= footprint(b);
	if (b->is_extra)
		p->extra_size -= footprint(b);
	if (p->spare_size + footprint(b) > BUF_KEEP) {
		free(b);
		return;
	}
	p->spare_size += footprint(b);
	b->next = p->spare[b->class_];
	p->spare[b->class_] = b;
}

void buf_fini(struct buf_pool *p)
{
	for (size_t i = 0; i < BUF_CLASS_COUNT; i++) {
		while (p->spare[i]) {
			struct buf *b = p->spare[i];

			p->spare[i] = b->next;
			free(b);
		}
	}
	p->spare_size = 0;
}

bool buf_chain_add(struct buf_pool *p, struct buf_chain *chain, struct slice bytes)
{
	while (bytes.len) {
		struct buf *b = chain->last;
		size_t n;

		if (!b || !buf_room(b)) {
			b = buf_get(p, bytes.len < BUF_LARGE_SIZE ? bytes.len : BUF_LARGE_SIZE);
			if (!b)
				return false;
			*(chain->last ? &chain->last->next : &chain->first) = b;
			chain->last = b;
		}
		n = buf_room(b) < bytes.len ? buf_room(b) : bytes.len;
		memcpy(b->data + b->end, bytes.ptr, n);
		b->end += (uint32_t)n;
		chain->size += n;
		bytes = slice_of(bytes.ptr + n, bytes.len - n);
	}
	return true;
}

void buf_chain_drop(struct buf_pool *p, struct buf_chain *chain, size_t n)
{
	struct buf *b = chain->first;

	b->start += (uint32_t)n;
	chain->size -= n;
	if (b->start < b->end)
		return;
	chain->first = b->next;
	if (!chain->first)
		chain->last = NULL;
	buf_put(p, b);
}

void buf_chain_clear(struct buf_pool *p, struct buf_chain *chain)
{
	while (chain->first)
		buf_chain_drop(p, chain, buf_chain_front(chain).len);
}
