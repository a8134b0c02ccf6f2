// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tunnel.h"

#include <stdlib.h>

#include "l7/stream.h"
#include "l7/tls_digest.h"
#include "l7/websocket.h"

struct tunnel {
	struct stream *stream;
	struct websocket client, backend; // what each has sent
	bool is_broken;                   // one of them sends no frames
};

struct tunnel *tunnel_new(struct stream *s)
{
	struct tunnel *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->stream = s;
	t->client.is_client = true;
	return t;
}

void tunnel_free(struct tunnel *t)
{
	free(t);
}

void tunnel_from_client(struct tunnel *t, struct slice bytes)
{
	if (!t->is_broken && websocket_track(&t->client, bytes))
		t->is_broken = true;
}

void tunnel_from_backend(struct tunnel *t, struct slice bytes)
{
	if (!t->is_broken && websocket_track(&t->backend, bytes))
		t->is_broken = true;
}

bool tunnel_is_closed(const struct tunnel *t)
{
	return t->client.is_closed && t->backend.is_closed;
}

bool tunnel_is_closing(const struct tunnel *t)
{
	return t->client.is_closed;
}

uint64_t tunnel_messages(const struct tunnel *t, bool of_client)
{
	return of_client ? t->client.n_messages : t->backend.n_messages;
}

static void to_client(struct tunnel *t, const uint8_t *frame, size_t len)
{
	const struct stream_client *from = t->stream->from;

	if (websocket_is_between(&t->backend) && !t->backend.is_closed) {
		from->ops->data(from->client, slice_of(frame, len));
		from->ops->pending(from->client); // the frame's memory is the caller's
	}
}

void tunnel_ping(struct tunnel *t)
{
	uint8_t frame[WEBSOCKET_FRAME_MAX];

	if (!t->is_broken)
		to_client(t, frame,
		          websocket_write(frame, WEBSOCKET_PING, slice_of("lb47", 4), NULL));
}

static void to_backend(struct tunnel *t, const uint8_t *frame, size_t len)
{
	struct upstream *up = t->stream->up;

	if (up && websocket_is_between(&t->client) && !t->client.is_closed) {
		upstream_data(up, slice_of(frame, len));
		upstream_flush(up);
	}
}

void tunnel_go_away(struct tunnel *t)
{
	uint8_t frame[WEBSOCKET_FRAME_MAX], mask[4];

	if (t->is_broken)
		return;
	tls_digest_random(mask, sizeof(mask));
	to_client(t, frame, websocket_write_close(frame, 1001, NULL));
	to_backend(t, frame, websocket_write_close(frame, 1001, mask));
}
