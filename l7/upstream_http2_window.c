// SPDX-License-Identifier: BSD-3-Clause
#include "l7/upstream_http2_window.h"

#include "l7/stream.h"
#include "l7/worker_state.h"

enum {
	// 64 KiB are 6.5 MB/s at 10 ms from here to the backend and back. Who has taken so much without holding us up may have so
	// much on its way; that would be held here if he stopped.
	WIDE_AFTER = 524288,
	WIDE_WINDOW = 1048576,
	WIDE_MORE = WIDE_WINDOW - UPSTREAM_HTTP2_WINDOW,
};

void upstream_http2_window_note(struct upstream_http2_call *call, size_t n)
{
	struct upstream_http2 *c = call->on;

	call->steady += n;
	if (call->is_received)
		return;
	call->is_received = true;
	call->next_received = c->received;
	c->received = call;
}

void upstream_http2_window_narrow(struct upstream_http2_call *call)
{
	call->steady = 0;
	if (call->is_wide)
		call->on->link.w->promised -= WIDE_MORE;
	call->is_wide = false;
}

// What the kernel holds for the client shows whether it takes what it is given. All that is promised fits into half of the buffers.
static bool may_widen(const struct upstream_http2_call *call)
{
	const struct worker *w = call->on->link.w;
	const struct buf_pool *bufs = &w->loop.bufs;

	return call->steady >= WIDE_AFTER &&
	       bufs->used_size + w->promised + WIDE_MORE <= bufs->budget / 2 &&
	       stream_untaken(call->up.stream) <= call->steady / 2;
}

void upstream_http2_window_resume(struct upstream *up)
{
	struct upstream_http2_call *call = CONTAINER_OF(up, struct upstream_http2_call, up);

	if (!call->is_wide && may_widen(call)) {
		call->is_wide = true;
		call->on->link.w->promised += WIDE_MORE;
	}
	http2_grant(&call->h2, call->is_wide ? WIDE_WINDOW : UPSTREAM_HTTP2_WINDOW);
}

void upstream_http2_window_give(struct upstream_http2 *c)
{
	while (c->received) {
		struct upstream_http2_call *call = c->received;

		c->received = call->next_received;
		call->is_received = false;
		if (!call->up.stream)
			continue;
		if (stream_is_blocked(call->up.stream))
			upstream_http2_window_narrow(call);
		else
			upstream_http2_window_resume(&call->up);
	}
}
