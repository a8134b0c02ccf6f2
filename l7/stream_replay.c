// SPDX-License-Identifier: BSD-3-Clause
#include "l7/stream_replay.h"

#include "l7/head.h"
#include "l7/http1.h"
#include "l7/stream.h"
#include "l7/worker_state.h"

static bool is_packed(const struct stream *s)
{
	return upstream_packs(&s->view->site->conf->pools[s->route->pool]);
}

bool stream_replay_head(struct stream *s, const struct request *r)
{
	static const size_t sizes[] = {BUF_SMALL_SIZE, BUF_MEDIUM_SIZE, BUF_HUGE_SIZE};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct text t;

		s->head = buf_get(&s->w->loop.bufs, sizes[i]);
		if (!s->head)
			return false;
		t = text_of(s->head->data, s->head->size);
		if (is_packed(s))
			head_pack(&t, r);
		else
			http1_write_request(&t, r);
		s->head->end = (uint32_t)t.len;
		if (!t.is_cut)
			return true;
		buf_put(&s->w->loop.bufs, s->head);
		s->head = NULL;
	}
	return false;
}

static void drop_content(struct stream *s)
{
	buf_put(&s->w->loop.bufs, s->content);
	s->content = NULL;
	s->is_content_kept = false;
}

// Room for `more` bytes behind those that are kept. False: too many.
static bool make_room(struct stream *s, size_t more)
{
	struct buf *old = s->content, *b;
	size_t len = old ? old->end : 0;

	if (old && buf_room(old) >= more)
		return true;
	if (more > BUF_MEDIUM_SIZE - len)
		return false;
	b = buf_get(&s->w->loop.bufs, len + more);
	if (!b)
		return false;
	if (old)
		memcpy(b->data, old->data, len);
	b->end = (uint32_t)len;
	buf_put(&s->w->loop.bufs, old);
	s->content = b;
	return true;
}

static bool keeps_content(const struct stream *s)
{
	return s->head && !s->is_websocket && is_packed(s);
}

void stream_replay_content(struct stream *s, struct slice bytes)
{
	if (!s->is_content_sent)
		s->is_content_kept = keeps_content(s);
	s->is_content_sent = true;
	if (!s->is_content_kept)
		return;
	if (!make_room(s, bytes.len)) {
		drop_content(s);
		return;
	}
	memcpy(s->content->data + s->content->end, bytes.ptr, bytes.len);
	s->content->end += (uint32_t)bytes.len;
}

void stream_replay_end(struct stream *s, const struct fields *trailers)
{
	if (!s->is_content_sent)
		s->is_content_kept = keeps_content(s);
	s->is_content_sent = true; // if only its end
	s->is_content_whole = true;
	if (trailers)
		drop_content(s);
}

bool stream_replay_is_possible(const struct stream *s)
{
	return s->head && (!s->is_content_sent || s->is_content_kept);
}

void stream_replay_send(struct stream *s)
{
	if (s->content)
		upstream_data(s->up, buf_slice(s->content));
	if (s->is_content_whole)
		upstream_end(s->up, NULL);
}

void stream_replay_drop(struct stream *s)
{
	buf_put(&s->w->loop.bufs, s->head);
	s->head = NULL;
	if (s->content)
		drop_content(s);
}
