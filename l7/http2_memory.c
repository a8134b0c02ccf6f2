// SPDX-License-Identifier: BSD-3-Clause
// nghttp2's memory. It takes and gives with every frame: that comes from the thread's own (slab.h). Two pieces that each session has from
// the start are large: 16 KiB for the frame that it writes, and a page for its table of streams. The one is used within a call only
// (http2_send.c writes heads of DATA itself, which might have to wait), so all servers of a thread share one; a client's holds its
// preface from the start. The other is all zeros when there are no streams: a resting connection gives it back to the kernel.
#include <stdlib.h>
#include <sys/mman.h>

#include "l7/http2_session.h"

enum {
	FRAME_SIZE = 16384 + 10, // what nghttp2 reserves: payload, head and length of padding
	PAGE = 4096,
};

static _Thread_local uint8_t shared_frame[FRAME_SIZE] __attribute__((aligned(16)));

static struct slab *slab_of(struct http2 *h)
{
	return &h->setup.conn->io.loop->slab;
}

static void *get(size_t size, void *session)
{
	return slab_get(slab_of(session), size);
}

static void *get_zero(size_t n, size_t size, void *session)
{
	struct http2 *h = session;

	size *= n; // nghttp2's own products, none of which is near SIZE_MAX
	if (size != PAGE || h->page)
		return slab_get_zero(slab_of(h), size);
	h->page = aligned_alloc(PAGE, PAGE);
	if (h->page)
		memset(h->page, 0, PAGE);
	return h->page;
}

static void put(void *p, void *session)
{
	struct http2 *h = session;

	if (p == shared_frame) {
		h->has_frame = false;
	} else if (p && p == h->page) {
		h->page = NULL;
		free(p);
	} else {
		slab_put(slab_of(h), p);
	}
}

static void *resize(void *p, size_t size, void *session)
{
	struct http2 *h = session;
	void *grown;

	if (!p && size == FRAME_SIZE && h->setup.is_server && !h->has_frame) {
		h->has_frame = true;
		return shared_frame;
	}
	if (p != shared_frame && p != h->page)
		return slab_resize(slab_of(h), p, size);
	grown = slab_get(slab_of(h), size);
	if (grown && p) {
		memcpy(grown, p, p == shared_frame ? FRAME_SIZE : PAGE);
		put(p, h);
	}
	return grown;
}

nghttp2_mem http2_memory(struct http2 *h)
{
	return (nghttp2_mem){
		.mem_user_data = h,
		.malloc = get,
		.free = put,
		.calloc = get_zero,
		.realloc = resize,
	};
}

static bool is_zero(const uint8_t *page)
{
	static const uint8_t zeros[PAGE];

	return memcmp(page, zeros, PAGE) == 0;
}

void http2_rest(struct http2 *h)
{
	if (h->page && !h->n_streams && is_zero(h->page))
		madvise(h->page, PAGE, MADV_DONTNEED);
}
