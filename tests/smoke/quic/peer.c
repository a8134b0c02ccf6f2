// SPDX-License-Identifier: BSD-3-Clause
#include "tests/smoke/quic/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NEW_TOKEN = 0x07, // frame types, RFC 9000, 19
	NEW_CONNECTION_ID = 0x18,
	MAX_PACKET = 2048,
	BURST = 32, // packets written at once
};

// Whose packet ngtcp2 is writing: the encrypt callback is not told.
static const struct peer *writer;

static void hex(char *out, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
}

const char *peer_address_text(const struct peer_address *a)
{
	static char text[80];
	char ip[INET6_ADDRSTRLEN];

	if (a->sa.sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->sa.in.sin_addr, ip, sizeof(ip));
		snprintf(text, sizeof(text), "%s:%u", ip, ntohs(a->sa.in.sin_port));
	} else {
		inet_ntop(AF_INET6, &a->sa.in6.sin6_addr, ip, sizeof(ip));
		snprintf(text, sizeof(text), "[%s]:%u", ip, ntohs(a->sa.in6.sin6_port));
	}
	return text;
}

static void say_cid(const struct peer *p, const char *event, size_t seq)
{
	const struct peer_cid *c = &p->cids[seq];
	char text[2 * NGTCP2_MAX_CIDLEN + 1] = "";

	hex(text, c->cid.data, c->cid.datalen);
	fprintf(stderr, "%s %s id=%u seq=%zu config=%d cid=%s\n", p->server->site.name, event,
	        p->id, seq, c->cid.data[0] >> 5, text);
}

static void close_because(struct peer *p, const char *why)
{
	if (p->is_closed)
		return;
	p->is_closed = true;
	fprintf(stderr, "%s close id=%u sent=%llu why=\"%s\"\n", p->server->site.name, p->id,
	        (unsigned long long)p->h3.n_sent, why);
}

static bool issue_cid(struct peer *p)
{
	struct peer_cid *c = &p->cids[p->n_cids];

	if (p->n_cids == PEER_MAX_CIDS)
		return false;
	mint_cid(&p->server->mint, &c->cid);
	mint_random(c->reset_token, sizeof(c->reset_token));
	say_cid(p, "cid", p->n_cids++);
	return true;
}

// --- what ngtcp2 writes, changed (peer.h, "Rotation") ---

// NEW_CONNECTION_ID, from its fourth octet on: the CID's length, the CID, the reset token. Before it
// are type, sequence number and Retire Prior To; before a token, type and length. All one octet long.
static size_t frame_tail(const struct peer_cid *c, uint8_t *out)
{
	size_t len = c->cid.datalen;

	out[0] = (uint8_t)len;
	memcpy(out + 1, c->cid.data, len);
	memcpy(out + 1 + len, c->reset_token, sizeof(c->reset_token));
	return 1 + len + sizeof(c->reset_token);
}

static void amend_frames(const struct peer *p, uint8_t *plain, size_t len)
{
	uint8_t tail[1 + NGTCP2_MAX_CIDLEN + NGTCP2_STATELESS_RESET_TOKENLEN];

	for (size_t seq = 0; seq < p->n_cids; seq++) {
		size_t n = frame_tail(&p->cids[seq], tail);
		uint8_t *at = p->cids[seq].cid.datalen ? memmem(plain, len, tail, n) : NULL;

		if (!at || at - plain < 3)
			continue;
		if (at[-3] == NEW_TOKEN) {
			at[-3] = NEW_CONNECTION_ID;
			at[-2] = (uint8_t)seq;
		} else if (at[-3] == NEW_CONNECTION_ID && seq >= p->retire_prior_to) {
			at[-1] = (uint8_t)p->retire_prior_to;
		}
	}
}

static int on_encrypt(uint8_t *dest, const ngtcp2_crypto_aead *aead,
                      const ngtcp2_crypto_aead_ctx *ctx, const uint8_t *plain, size_t len,
                      const uint8_t *nonce, size_t nonce_len, const uint8_t *aad, size_t aad_len)
{
	uint8_t amended[MAX_PACKET];

	if (writer && writer->retire_prior_to > 0 && len <= sizeof(amended)) {
		memcpy(amended, plain, len);
		amend_frames(writer, amended, len);
		plain = amended;
	}
	return ngtcp2_crypto_encrypt_cb(dest, aead, ctx, plain, len, nonce, nonce_len, aad,
	                                aad_len);
}

void peer_rotate(struct peer *p)
{
	uint8_t token[1 + 1 + NGTCP2_MAX_CIDLEN + NGTCP2_STATELESS_RESET_TOKENLEN];
	size_t last = p->n_cids - 1;

	if (p->is_closed || !ngtcp2_conn_get_handshake_completed(p->conn))
		return;
	token[0] = (uint8_t)last;
	if (ngtcp2_conn_submit_new_token(p->conn, token, 1 + frame_tail(&p->cids[last], token + 1)))
		return;
	p->retire_prior_to = p->n_cids;
	fprintf(stderr, "%s rotate id=%u seq=%zu\n", p->server->site.name, p->id, last);
	peer_write(p);
}

// --- what ngtcp2 calls ---

static void on_rand(uint8_t *dest, size_t len, const ngtcp2_rand_ctx *ctx)
{
	mint_random(dest, len);
}

static int on_new_cid(ngtcp2_conn *conn, ngtcp2_cid *cid, uint8_t *token, size_t len, void *user)
{
	struct peer *p = user;

	if (!issue_cid(p))
		return NGTCP2_ERR_CALLBACK_FAILURE;
	*cid = p->cids[p->n_cids - 1].cid;
	memcpy(token, p->cids[p->n_cids - 1].reset_token, NGTCP2_STATELESS_RESET_TOKENLEN);
	return 0;
}

static int on_cid_retired(ngtcp2_conn *conn, const ngtcp2_cid *cid, void *user)
{
	struct peer *p = user;

	for (size_t seq = 0; seq < p->n_cids; seq++)
		if (ngtcp2_cid_eq(&p->cids[seq].cid, cid))
			p->cids[seq].cid.datalen = 0;
	return 0;
}

static int on_tx_key(ngtcp2_conn *conn, ngtcp2_crypto_level level, void *user)
{
	struct peer *p = user;

	if (level != NGTCP2_CRYPTO_LEVEL_APPLICATION)
		return 0;
	return h3_open(&p->h3, conn, &p->server->site) ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_stream_data(ngtcp2_conn *conn, uint32_t flags, int64_t stream_id, uint64_t offset,
                          const uint8_t *data, size_t len, void *user, void *stream_user)
{
	struct peer *p = user;
	bool is_fin = flags & NGTCP2_STREAM_DATA_FLAG_FIN;

	return h3_read(&p->h3, stream_id, data, len, is_fin) ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_stream_acked(ngtcp2_conn *conn, int64_t stream_id, uint64_t offset, uint64_t len,
                           void *user, void *stream_user)
{
	const struct peer *p = user;

	return nghttp3_conn_add_ack_offset(p->h3.conn, stream_id, len) ? NGTCP2_ERR_CALLBACK_FAILURE
	                                                               : 0;
}

static int on_stream_close(ngtcp2_conn *conn, uint32_t flags, int64_t stream_id, uint64_t code,
                           void *user, void *stream_user)
{
	struct peer *p = user;

	if (!(flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET))
		code = NGHTTP3_H3_NO_ERROR;
	h3_stream_closed(&p->h3, stream_id, code);
	return 0;
}

static int on_stream_window(ngtcp2_conn *conn, int64_t stream_id, uint64_t max, void *user,
                            void *stream_user)
{
	const struct peer *p = user;

	nghttp3_conn_unblock_stream(p->h3.conn, stream_id);
	return 0;
}

static const ngtcp2_callbacks callbacks = {
	.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
	.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
	.encrypt = on_encrypt,
	.decrypt = ngtcp2_crypto_decrypt_cb,
	.hp_mask = ngtcp2_crypto_hp_mask_cb,
	.recv_stream_data = on_stream_data,
	.acked_stream_data_offset = on_stream_acked,
	.stream_close = on_stream_close,
	.rand = on_rand,
	.get_new_connection_id = on_new_cid,
	.remove_connection_id = on_cid_retired,
	.update_key = ngtcp2_crypto_update_key_cb,
	.extend_max_stream_data = on_stream_window,
	.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
	.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
	.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
	.version_negotiation = ngtcp2_crypto_version_negotiation_cb,
	.recv_tx_key = on_tx_key,
};

// --- life ---

static ngtcp2_conn *conn_of(ngtcp2_crypto_conn_ref *ref)
{
	return ((struct peer *)ref->user_data)->conn;
}

static int start_tls(struct peer *p)
{
	static const char priority[] = "%DISABLE_TLS13_COMPAT_MODE:NORMAL:-VERS-ALL:+VERS-TLS1.3";
	static unsigned char h3[] = {'h', '3'};
	static const gnutls_datum_t alpn = {.data = h3, .size = sizeof(h3)};

	if (gnutls_init(&p->tls, GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET) ||
	    gnutls_priority_set_direct(p->tls, priority, NULL) ||
	    gnutls_credentials_set(p->tls, GNUTLS_CRD_CERTIFICATE, p->server->credentials) ||
	    gnutls_alpn_set_protocols(p->tls, &alpn, 1, GNUTLS_ALPN_MANDATORY) ||
	    ngtcp2_crypto_gnutls_configure_server_session(p->tls))
		return -1;
	p->ref = (ngtcp2_crypto_conn_ref){.get_conn = conn_of, .user_data = p};
	gnutls_session_set_ptr(p->tls, &p->ref);
	ngtcp2_conn_set_tls_native_handle(p->conn, p->tls);
	return 0;
}

static ngtcp2_path path_of(const struct peer_address *local, const struct peer_address *remote)
{
	// ngtcp2 takes pointers that are not const and only reads.
	return (ngtcp2_path){
		.local = {.addr = (ngtcp2_sockaddr *)(uintptr_t)&local->sa.sa,
	                  .addrlen = local->len},
		.remote = {.addr = (ngtcp2_sockaddr *)(uintptr_t)&remote->sa.sa,
	                   .addrlen = remote->len},
	};
}

static int start_quic(struct peer *p, const ngtcp2_pkt_hd *hd, const struct peer_address *local,
                      const struct peer_address *remote)
{
	ngtcp2_path path = path_of(local, remote);
	ngtcp2_transport_params params;
	ngtcp2_settings settings;

	ngtcp2_settings_default(&settings);
	settings.initial_ts = h3_now();
	ngtcp2_transport_params_default(&params);
	params.original_dcid = hd->dcid;
	params.initial_max_data = 1 << 20;
	params.initial_max_stream_data_bidi_remote = 1 << 18;
	params.initial_max_stream_data_uni = 1 << 18;
	params.initial_max_streams_bidi = 100;
	params.initial_max_streams_uni = 3;
	params.max_idle_timeout = 10 * NGTCP2_SECONDS;
	params.active_connection_id_limit = 7;
	return ngtcp2_conn_server_new(&p->conn, &hd->scid, &p->cids[0].cid, &path, hd->version,
	                              &callbacks, &settings, &params, NULL, p);
}

struct peer *peer_new(struct peer_server *server, int fd, const struct peer_address *local,
                      const struct peer_address *remote, const uint8_t *packet, size_t len)
{
	char text[2 * NGTCP2_MAX_CIDLEN + 1] = "";
	ngtcp2_pkt_hd hd;
	struct peer *p;

	if (ngtcp2_accept(&hd, packet, len))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->server = server;
	p->fd = fd;
	p->id = ++server->n_peers;
	p->remote = *remote;
	p->client_dcid = hd.dcid;
	hex(text, hd.dcid.data, hd.dcid.datalen);
	fprintf(stderr, "%s open id=%u remote=%s dcid=%s\n", server->site.name, p->id,
	        peer_address_text(remote), text);
	issue_cid(p);
	if (start_quic(p, &hd, local, remote) || start_tls(p)) {
		peer_free(p);
		return NULL;
	}
	return p;
}

void peer_free(struct peer *p)
{
	h3_close(&p->h3);
	if (p->conn)
		ngtcp2_conn_del(p->conn);
	if (p->tls)
		gnutls_deinit(p->tls);
	free(p);
}

bool peer_owns(const struct peer *p, const uint8_t *dcid, size_t len)
{
	const ngtcp2_cid *c = &p->client_dcid;

	if (len == c->datalen && memcmp(dcid, c->data, len) == 0)
		return true;
	for (size_t seq = 0; seq < p->n_cids; seq++) {
		c = &p->cids[seq].cid;
		if (c->datalen > 0 && c->datalen == len && memcmp(dcid, c->data, len) == 0)
			return true;
	}
	return false;
}

// --- packets ---

static void note_cid(struct peer *p, const uint8_t *packet, size_t len)
{
	size_t cid_len = p->cids[p->n_cids - 1].cid.datalen;

	if (packet[0] & 0x80 || len <= cid_len)
		return;
	for (size_t seq = 0; seq < p->n_cids; seq++) {
		const struct peer_cid *c = &p->cids[seq];

		if (seq == p->used || c->cid.datalen != cid_len ||
		    memcmp(packet + 1, c->cid.data, cid_len) != 0)
			continue;
		p->used = seq;
		say_cid(p, "use", seq);
	}
}

static void note_path(struct peer *p)
{
	const ngtcp2_path *path = ngtcp2_conn_get_path(p->conn);

	if (path->remote.addrlen == p->remote.len &&
	    memcmp(path->remote.addr, &p->remote.sa, p->remote.len) == 0)
		return;
	p->remote.len = path->remote.addrlen;
	memcpy(&p->remote.sa, path->remote.addr, path->remote.addrlen);
	fprintf(stderr, "%s path id=%u remote=%s\n", p->server->site.name, p->id,
	        peer_address_text(&p->remote));
}

void peer_read(struct peer *p, const struct peer_address *local, const struct peer_address *remote,
               const uint8_t *packet, size_t len)
{
	ngtcp2_path path = path_of(local, remote);
	ngtcp2_pkt_info info = {0};
	int rc;

	note_cid(p, packet, len);
	rc = ngtcp2_conn_read_pkt(p->conn, &path, &info, packet, len, h3_now());
	if (rc)
		close_because(p, ngtcp2_strerror(rc));
	else
		note_path(p);
}

// What ngtcp2 could not take from a stream. False: a real error.
static bool stream_waits(struct peer *p, ngtcp2_ssize rc, int64_t stream_id, ngtcp2_ssize n_taken)
{
	switch (rc) {
	case NGTCP2_ERR_STREAM_DATA_BLOCKED:
		nghttp3_conn_block_stream(p->h3.conn, stream_id);
		return true;
	case NGTCP2_ERR_STREAM_SHUT_WR:
		nghttp3_conn_shutdown_stream_write(p->h3.conn, stream_id);
		return true;
	case NGTCP2_ERR_WRITE_MORE:
		nghttp3_conn_add_write_offset(p->h3.conn, stream_id, (size_t)n_taken);
		return true;
	default:
		return false;
	}
}

// Writes one packet. Returns its length, 0 if there is none to write, -1 if the connection is over.
static ngtcp2_ssize write_packet(struct peer *p, ngtcp2_path_storage *to, uint8_t *packet)
{
	for (;;) {
		uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_MORE;
		int64_t stream_id = -1;
		int is_fin = 0;
		nghttp3_vec vec[8];
		nghttp3_ssize n_vecs = 0;
		ngtcp2_ssize n_taken = -1, n;

		if (p->h3.conn && ngtcp2_conn_get_max_data_left(p->conn) > 0)
			n_vecs = nghttp3_conn_writev_stream(p->h3.conn, &stream_id, &is_fin, vec,
			                                    ARRAY_LEN(vec));
		if (n_vecs < 0)
			return -1;
		if (is_fin)
			flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
		n = ngtcp2_conn_writev_stream(p->conn, &to->path, NULL, packet, MAX_PACKET,
		                              &n_taken, flags, stream_id, (const ngtcp2_vec *)vec,
		                              (size_t)n_vecs, h3_now());
		if (n < 0 && stream_waits(p, n, stream_id, n_taken))
			continue;
		if (n >= 0 && n_taken >= 0)
			nghttp3_conn_add_write_offset(p->h3.conn, stream_id, (size_t)n_taken);
		if (n < 0)
			close_because(p, ngtcp2_strerror((int)n));
		return n < 0 ? -1 : n;
	}
}

void peer_write(struct peer *p)
{
	uint8_t packet[MAX_PACKET];
	ngtcp2_path_storage to;

	writer = p;
	for (int i = 0; i < BURST && !p->is_closed; i++) {
		ngtcp2_ssize len;

		ngtcp2_path_storage_zero(&to);
		len = write_packet(p, &to, packet);
		if (len <= 0)
			break;
		// A full socket buffer is a lost packet, which QUIC repairs.
		sendto(p->fd, packet, (size_t)len, 0, to.path.remote.addr, to.path.remote.addrlen);
	}
	if (!p->is_closed)
		ngtcp2_conn_update_pkt_tx_time(p->conn, h3_now());
	writer = NULL;
}

void peer_tick(struct peer *p)
{
	uint64_t now = h3_now();
	int rc = 0;

	if (ngtcp2_conn_get_expiry(p->conn) <= now)
		rc = ngtcp2_conn_handle_expiry(p->conn, now);
	if (rc) {
		close_because(p, ngtcp2_strerror(rc));
		return;
	}
	if (p->h3.conn)
		h3_tick(&p->h3);
	peer_write(p);
}
