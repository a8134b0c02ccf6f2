// SPDX-License-Identifier: BSD-3-Clause
#include "tests/smoke/quic/h3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 16384 }; // bytes that one call hands to nghttp3 at most

struct h3_answer {
	struct h3_answer *next;
	int64_t stream_id;
	uint64_t size, n_sent; // bytes of the body
	uint64_t started_ns;
	bool is_found;
};

uint64_t h3_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

// The body from `offset` on: the name and a newline, again and again.
static const uint8_t *body_at(const struct h3_site *site, uint64_t offset)
{
	static uint8_t text[CHUNK + 256];
	size_t len = strlen(site->name) + 1;

	if (text[0] == 0)
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = i % len == len - 1 ? '\n' : (uint8_t)site->name[i % len];
	return text + offset % len;
}

static uint64_t bytes_allowed(const struct h3_site *site, const struct h3_answer *a)
{
	uint64_t elapsed_us = (h3_now() - a->started_ns) / 1000;

	return site->bytes_per_s == 0 ? UINT64_MAX : elapsed_us * site->bytes_per_s / 1000000;
}

static nghttp3_ssize on_read_data(nghttp3_conn *conn, int64_t stream_id, nghttp3_vec *vec,
                                  size_t n_vecs, uint32_t *flags, void *user, void *stream_user)
{
	struct h3 *h = user;
	struct h3_answer *a = stream_user;
	uint64_t allowed = bytes_allowed(h->site, a);
	uint64_t left = a->size - a->n_sent;
	uint64_t n = allowed - a->n_sent;

	if (allowed <= a->n_sent && left > 0)
		return NGHTTP3_ERR_WOULDBLOCK;
	n = n > left ? left : n;
	n = n > CHUNK ? CHUNK : n;
	// nghttp3 takes the pointer for writable, but only reads.
	vec->base = (uint8_t *)(uintptr_t)body_at(h->site, a->n_sent);
	vec->len = n;
	a->n_sent += n;
	h->n_sent += n;
	if (a->n_sent == a->size)
		*flags |= NGHTTP3_DATA_FLAG_EOF;
	return 1;
}

static int on_begin_headers(nghttp3_conn *conn, int64_t stream_id, void *user, void *stream_user)
{
	struct h3 *h = user;
	struct h3_answer *a = calloc(1, sizeof(*a));

	if (!a)
		return NGHTTP3_ERR_CALLBACK_FAILURE;
	a->stream_id = stream_id;
	a->next = h->answers;
	h->answers = a;
	return nghttp3_conn_set_stream_user_data(conn, stream_id, a);
}

static int on_header(nghttp3_conn *conn, int64_t stream_id, int32_t token, nghttp3_rcbuf *name,
                     nghttp3_rcbuf *value, uint8_t flags, void *user, void *stream_user)
{
	struct h3_answer *a = stream_user;
	nghttp3_vec text = nghttp3_rcbuf_get_buf(value);
	unsigned long long size;
	char path[64];

	if (token != NGHTTP3_QPACK_TOKEN__PATH)
		return 0;
	snprintf(path, sizeof(path), "%.*s", (int)text.len, (const char *)text.base);
	if (sscanf(path, "/size/%llu", &size) == 1) {
		a->is_found = true;
		a->size = size;
	}
	return 0;
}

static nghttp3_nv header(const char *name, const char *value)
{
	return (nghttp3_nv){.name = (uint8_t *)(uintptr_t)name,
	                    .value = (uint8_t *)(uintptr_t)value,
	                    .namelen = strlen(name),
	                    .valuelen = strlen(value)};
}

static int on_end_headers(nghttp3_conn *conn, int64_t stream_id, int is_fin, void *user,
                          void *stream_user)
{
	static const nghttp3_data_reader reader = {.read_data = on_read_data};
	const struct h3 *h = user;
	struct h3_answer *a = stream_user;
	nghttp3_nv headers[] = {header(":status", a->is_found ? "200" : "404"),
	                        header("server", h->site->name)};

	a->started_ns = h3_now();
	return nghttp3_conn_submit_response(conn, stream_id, headers, ARRAY_LEN(headers), &reader);
}

// A request's body is thrown away; its sender may go on.
static int on_data(nghttp3_conn *conn, int64_t stream_id, const uint8_t *data, size_t len,
                   void *user, void *stream_user)
{
	const struct h3 *h = user;

	ngtcp2_conn_extend_max_stream_offset(h->quic, stream_id, len);
	ngtcp2_conn_extend_max_offset(h->quic, len);
	return 0;
}

static int on_deferred_consume(nghttp3_conn *conn, int64_t stream_id, size_t len, void *user,
                               void *stream_user)
{
	return on_data(conn, stream_id, NULL, len, user, stream_user);
}

static int on_stream_close(nghttp3_conn *conn, int64_t stream_id, uint64_t code, void *user,
                           void *stream_user)
{
	struct h3 *h = user;

	for (struct h3_answer **a = &h->answers; *a; a = &(*a)->next) {
		if (*a == stream_user) {
			*a = (*a)->next;
			free(stream_user);
			return 0;
		}
	}
	return 0;
}

static int bind_streams(struct h3 *h)
{
	int64_t control, encoder, decoder;

	if (ngtcp2_conn_open_uni_stream(h->quic, &control, NULL) ||
	    ngtcp2_conn_open_uni_stream(h->quic, &encoder, NULL) ||
	    ngtcp2_conn_open_uni_stream(h->quic, &decoder, NULL))
		return -1;
	if (nghttp3_conn_bind_control_stream(h->conn, control) ||
	    nghttp3_conn_bind_qpack_streams(h->conn, encoder, decoder))
		return -1;
	return 0;
}

int h3_open(struct h3 *h, ngtcp2_conn *quic, const struct h3_site *site)
{
	static const nghttp3_callbacks callbacks = {
		.begin_headers = on_begin_headers,
		.recv_header = on_header,
		.end_headers = on_end_headers,
		.recv_data = on_data,
		.deferred_consume = on_deferred_consume,
		.stream_close = on_stream_close,
	};
	nghttp3_settings settings;

	nghttp3_settings_default(&settings);
	*h = (struct h3){.quic = quic, .site = site};
	if (nghttp3_conn_server_new(&h->conn, &callbacks, &settings, nghttp3_mem_default(), h))
		return -1;
	nghttp3_conn_set_max_client_streams_bidi(h->conn, 100);
	return bind_streams(h);
}

void h3_close(struct h3 *h)
{
	if (h->conn)
		nghttp3_conn_del(h->conn);
	h->conn = NULL;
	while (h->answers) {
		struct h3_answer *next = h->answers->next;

		free(h->answers);
		h->answers = next;
	}
}

int h3_read(struct h3 *h, int64_t stream_id, const uint8_t *data, size_t len, bool is_fin)
{
	nghttp3_ssize n = nghttp3_conn_read_stream(h->conn, stream_id, data, len, is_fin);

	if (n < 0)
		return -1;
	ngtcp2_conn_extend_max_stream_offset(h->quic, stream_id, (uint64_t)n);
	ngtcp2_conn_extend_max_offset(h->quic, (uint64_t)n);
	return 0;
}

void h3_stream_closed(struct h3 *h, int64_t stream_id, uint64_t code)
{
	nghttp3_conn_close_stream(h->conn, stream_id, code);
	if (ngtcp2_is_bidi_stream(stream_id))
		ngtcp2_conn_extend_max_streams_bidi(h->quic, 1);
}

bool h3_tick(struct h3 *h)
{
	for (struct h3_answer *a = h->answers; a; a = a->next)
		nghttp3_conn_resume_stream(h->conn, a->stream_id);
	return h->answers;
}
