// SPDX-License-Identifier: BSD-3-Clause
#include "l7/stream_websocket.h"

#include "l7/stream.h"
#include "l7/stream_count.h"
#include "l7/tunnel.h"
#include "l7/worker_state.h"

static struct slice key_of(const struct stream *s)
{
	return slice_of(s->websocket_key, strlen(s->websocket_key));
}

void stream_websocket_key(struct stream *s, struct request *r)
{
	const struct field *key = message_field(&r->fields, HEADER_SEC_WEBSOCKET_KEY);

	if (!s->is_websocket)
		return;
	if (key && key->value.len < sizeof(s->websocket_key)) {
		memcpy(s->websocket_key, key->value.ptr, key->value.len);
		return;
	}
	s->is_key_ours = true;
	websocket_make_key(s->websocket_key);
	if (!message_add(&r->fields, HEADER_SEC_WEBSOCKET_KEY, slice_of("Sec-WebSocket-Key", 17),
	                 key_of(s)))
		return; // nor is there room for what rewriting adds: it refuses the request
}

bool stream_websocket_begin(struct stream *s, const struct response *r)
{
	if (!s->is_websocket || (!s->up->is_http2 && !websocket_check_response(r, key_of(s))))
		return false;
	s->tunnel = tunnel_new(s);
	if (!s->tunnel)
		return false;
	stream_count_kind(s);
	return true;
}

void stream_websocket_answer(struct stream *s, struct response *r,
                             char accept[WEBSOCKET_ACCEPT_SIZE])
{
	if (!s->up->is_http2 && !s->is_key_ours)
		return;
	for (uint16_t i = 0; i < r->fields.n; i++)
		if (r->fields.at[i].id == HEADER_SEC_WEBSOCKET_ACCEPT)
			r->fields.at[i].is_dropped = true;
	if (s->is_key_ours)
		return;
	websocket_accept(accept, key_of(s));
	if (!message_add(&r->fields, HEADER_SEC_WEBSOCKET_ACCEPT,
	                 slice_of("Sec-WebSocket-Accept", 20),
	                 slice_of(accept, WEBSOCKET_ACCEPT_SIZE - 1)))
		return; // nor is there room for what rewriting adds: it refuses the answer
}
