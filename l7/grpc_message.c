// SPDX-License-Identifier: BSD-3-Clause
#include "l7/grpc_message.h"

static uint32_t length_of(const uint8_t head[GRPC_MESSAGE_HEAD])
{
	return (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 8 | head[4];
}

// Collects the head, which may come in pieces. False: it is none.
static bool take_head(struct grpc_message *g, struct slice *in)
{
	size_t n = (size_t)(GRPC_MESSAGE_HEAD - g->head_len);

	n = n < in->len ? n : in->len;
	memcpy(g->head + g->head_len, in->ptr, n);
	g->head_len += (uint8_t)n;
	*in = slice_of(in->ptr + n, in->len - n);
	if (g->head[0] > 1)
		return false;
	if (g->head_len < GRPC_MESSAGE_HEAD)
		return true;
	g->head_len = 0;
	g->in_message = true;
	g->n_compressed += g->head[0];
	g->left = length_of(g->head);
	return true;
}

static void take_message(struct grpc_message *g, struct slice *in)
{
	size_t n = in->len < g->left ? in->len : g->left;

	g->left -= (uint32_t)n;
	g->n_bytes += n;
	*in = slice_of(in->ptr + n, in->len - n);
}

// As most are: it came in one piece.
static bool take_whole(struct grpc_message *g, struct slice *in)
{
	uint32_t len;

	if (g->in_message || g->head_len || in->len < GRPC_MESSAGE_HEAD || in->ptr[0] > 1)
		return false;
	len = length_of(in->ptr);
	if (len > in->len - GRPC_MESSAGE_HEAD)
		return false;
	g->n++;
	g->n_compressed += in->ptr[0];
	g->n_bytes += len;
	*in = slice_of(in->ptr + GRPC_MESSAGE_HEAD + len, in->len - GRPC_MESSAGE_HEAD - len);
	return true;
}

bool grpc_message_next(struct grpc_message *g, struct slice *bytes)
{
	if (!g->is_broken && take_whole(g, bytes))
		return true;
	while (bytes->len && !g->is_broken) {
		if (g->in_message)
			take_message(g, bytes);
		else
			g->is_broken = !take_head(g, bytes);
		if (g->in_message && !g->left) {
			g->in_message = false;
			g->n++;
			return true;
		}
	}
	return false;
}

uint64_t grpc_message_take(struct grpc_message *g, struct slice bytes)
{
	uint64_t before = g->n;

	while (grpc_message_next(g, &bytes))
		;
	return g->n - before;
}
