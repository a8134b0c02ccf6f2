// SPDX-License-Identifier: BSD-3-Clause
// Buffers for bytes that are in flight: what a peer did not take yet, and heads that have not come whole. A pool belongs
// to one worker and has a budget. Idle connections own none.
#pragma once

#include "l4/base/slice.h"

enum buf_class { BUF_SMALL, BUF_MEDIUM, BUF_LARGE, BUF_HUGE, BUF_CLASS_COUNT };

enum {
	BUF_SMALL_SIZE = 2048 - 32, // bytes of data; a request's head
	BUF_MEDIUM_SIZE = 16384 - 32,
	BUF_LARGE_SIZE = 65536 - 32,
	BUF_HUGE_SIZE = 2 * 65536 - 32,
	BUF_KEEP = 1 << 20,  // bytes a pool keeps for reuse; more goes back to the allocator
	BUF_EXTRA_SHARE = 8, // one in so many bytes of the budget is for buf_get_extra()
};

struct buf {
	struct buf *next;    // the owner's chain
	uint32_t start, end; // what it holds: data[start..end)
	uint32_t size;
	uint8_t class_; // enum buf_class
	bool is_extra;
	uint8_t data[];
};

struct buf_pool {
	struct buf *spare[BUF_CLASS_COUNT];
	size_t spare_size; // bytes in spare
	size_t used_size;  // bytes given out
	size_t extra_size; // of these: by buf_get_extra()
	size_t budget;     // of used_size
};

// At least `size` bytes (BUF_HUGE_SIZE at most), empty. Beyond the budget too: what is in flight must be kept; so ask
// buf_is_full() before taking in more. NULL if there is no memory.
struct buf *buf_get(struct buf_pool *p, size_t size);
// Likewise, for what is only looked at and need not be kept: within its share of the budget, so that it alone never keeps
// new work out. NULL beyond that, too.
struct buf *buf_get_extra(struct buf_pool *p, size_t size);
void buf_put(struct buf_pool *p, struct buf *b); // NULL is fine
void buf_fini(struct buf_pool *p);               // frees the spare ones

// Bytes in order, over as many buffers as they need. All zero = empty.
struct buf_chain {
	struct buf *first, *last;
	size_t size; // bytes held
};

// Copies bytes to the end. False: no memory; then some of them are there, and the chain is of no more use.
NODISCARD bool buf_chain_add(struct buf_pool *p, struct buf_chain *chain, struct slice bytes);
// Bytes at the front that lie together; empty: there are none. Valid until they are dropped.
static inline struct slice buf_chain_front(const struct buf_chain *chain)
{
	const struct buf *b = chain->first;

	return b ? slice_of(b->data + b->start, b->end - b->start) : (struct slice){0};
}
// Drops n bytes at the front, at most buf_chain_front().len.
void buf_chain_drop(struct buf_pool *p, struct buf_chain *chain, size_t n);
void buf_chain_clear(struct buf_pool *p, struct buf_chain *chain);

static inline bool buf_is_full(const struct buf_pool *p)
{
	return p->used_size >= p->budget;
}

static inline struct slice buf_slice(const struct buf *b)
{
	return slice_of(b->data + b->start, b->end - b->start);
}

static inline size_t buf_room(const struct buf *b)
{
	return b->size - b->end;
}
