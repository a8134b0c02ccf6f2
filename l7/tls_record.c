// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls_record.h"

#include "l7/tls_context.h"
#include "l7/tls_keys.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdlib.h>

enum {
	MAX_EXPANSION_1_3 = 256,  // RFC 8446 section 5.2
	MAX_EXPANSION_1_2 = 2048, // RFC 5246 section 6.2.3
	KEY_UPDATE = 24,          // RFC 8446 section 4
	WARNING = 1,
	FATAL = 2,
	BATCH = 4, // records that one emit() gets at most
	WITHOUT_DATA_MOST = 32,
};

// Records under one AES-GCM key, with a margin to the 2^24.5 of RFC 8446 section 5.5.
static const uint64_t max_records = UINT64_C(1) << 24;

struct tls_record {
	struct tls_keys_suite suite;
	struct tls_keys in, out;
	bool has_in, has_out; // 1.3: the secrets are known
	uint16_t max_plain;   // bytes of a record that we send; the client may have asked for less
	// A record that has come in part; its header goes first, as nobody knows how long it will be.
	uint8_t header[TLS_KEYS_HEADER];
	uint16_t n_held; // bytes of it that are here
	uint8_t *held;   // the whole of it; NULL until the header is complete; owned
	// Plaintext that a reader had no room for.
	uint8_t *plain; // owned, NULL if there is none
	uint16_t plain_at, plain_len;
	uint8_t n_without_data; // records in a row
};

// Ciphertext on its way to emit(). One per thread is enough, as emit() comes back before another connection's turn.
static _Thread_local uint8_t sealed[BATCH * (TLS_KEYS_MAX_PLAIN + TLS_KEYS_MAX_OVERHEAD)];

// --- the handshake's end ---

static struct tls_record *record_of(struct tls *t)
{
	if (!t->record)
		t->record = calloc(1, sizeof(*t->record));
	return t->record;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The last word of an NSS key log's line.
static bool read_secret(uint8_t secret[TLS_KEYS_MAX_SECRET], const char *line)
{
	const char *word = strrchr(line, ' ');
	size_t len = word ? strlen(++word) : 0;

	if (len == 0 || len % 2 != 0 || len > 2 * (size_t)TLS_KEYS_MAX_SECRET)
		return false;
	for (size_t i = 0; i < len / 2; i++) {
		int high = hex(word[2 * i]), low = hex(word[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		secret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

// Called when OpenSSL begins to use a key.
static void on_secret(const SSL *ssl, const char *line)
{
	static const char in[] = "CLIENT_TRAFFIC_SECRET_0 ", out[] = "SERVER_TRAFFIC_SECRET_0 ";
	bool is_in = strncmp(line, in, sizeof(in) - 1) == 0;
	struct tls_record *r;

	if (!is_in && strncmp(line, out, sizeof(out) - 1) != 0)
		return;
	r = record_of(tls_conn_of(ssl));
	if (!r)
		return;
	if (is_in) {
		r->has_in = read_secret(r->in.secret, line);
	} else {
		r->has_out = read_secret(r->out.secret, line);
		r->out.n_records = 0;
	}
}

// NOLINTNEXTLINE(readability-function-size): OpenSSL's callback has seven parameters
static void on_message(int is_out, int version, int type, const void *bytes, size_t len, SSL *ssl,
                       void *arg)
{
	struct tls_record *r = tls_conn_of(ssl)->record;

	if (r && type == SSL3_RT_HEADER && is_out && r->has_out)
		r->out.n_records++;
	else if (r && type == SSL3_RT_HEADER && !is_out && r->has_in)
		r->in.n_records++;
}

void tls_record_watch(SSL_CTX *ctx)
{
	SSL_CTX_set_keylog_callback(ctx, on_secret);
	SSL_CTX_set_msg_callback(ctx, on_message);
}

// RFC 6066 section 4.
static uint16_t max_plain_of(const SSL *ssl)
{
	uint8_t code = SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl));

	return code >= TLSEXT_max_fragment_length_512 && code <= TLSEXT_max_fragment_length_4096
	               ? (uint16_t)(256U << code)
	               : TLS_KEYS_MAX_PLAIN;
}

static bool start(struct tls_record *r, const SSL *ssl)
{
	if (!tls_keys_suite_of(&r->suite, ssl))
		return false;
	r->max_plain = max_plain_of(ssl);
	if (!r->suite.is_1_3)
		return tls_keys_start_1_2(&r->in, &r->out, &r->suite, ssl) == 0;
	return r->has_in && r->has_out && tls_keys_start(&r->in, &r->suite, false) == 0 &&
	       tls_keys_start(&r->out, &r->suite, true) == 0;
}

bool tls_record_take(struct tls *t)
{
	struct tls_record *r = record_of(t);

	if (r && !SSL_has_pending(t->ssl) && start(r, t->ssl))
		return true;
	tls_record_free(r);
	t->record = NULL;
	return false;
}

void tls_record_free(struct tls_record *r)
{
	if (!r)
		return;
	tls_keys_fini(&r->in);
	tls_keys_fini(&r->out);
	free(r->held);
	if (r->plain)
		OPENSSL_cleanse(r->plain, r->plain_len);
	free(r->plain);
	free(r);
}

// --- to the peer ---

static int lose(struct tls *t, const char *reason)
{
	tls_context_drain();
	t->has_failed = true;
	t->reason = reason;
	return -EPROTO;
}

static int send_one(struct tls *t, enum tls_keys_type type, struct slice plain)
{
	struct tls_record *r = t->record;
	size_t len = tls_keys_seal(&r->out, &r->suite, type, plain, sealed);

	if (len == 0)
		return lose(t, "a record could not be sealed");
	t->emit(t->owner, slice_of(sealed, len));
	return 0;
}

static int send_alert(struct tls *t, uint8_t level, uint8_t alert)
{
	uint8_t bytes[] = {level, alert};

	return send_one(t, TLS_KEYS_ALERT, slice_of(bytes, sizeof(bytes)));
}

// Tells the peer, if it has not told us, and ends.
static int refuse(struct tls *t, uint8_t alert, const char *reason)
{
	tls_context_drain();
	if (!t->is_closed)
		(void)send_alert(t, FATAL, alert);
	return lose(t, reason);
}

static int update_out(struct tls *t)
{
	struct tls_record *r = t->record;
	static const uint8_t message[] = {KEY_UPDATE, 0, 0, 1, 0}; // update_not_requested
	int rc = send_one(t, TLS_KEYS_HANDSHAKE, slice_of(message, sizeof(message)));

	if (!rc && tls_keys_next(&r->out, &r->suite, true))
		return lose(t, "no memory for the next key");
	return rc;
}

int tls_record_write(struct tls *t, struct slice plaintext)
{
	struct tls_record *r = t->record;
	size_t n_sealed = 0, len;

	while (plaintext.len > 0) {
		struct slice piece = plaintext;

		if (r->suite.is_1_3 && n_sealed == 0 && r->out.n_records >= max_records &&
		    update_out(t))
			return -EPROTO;
		if (piece.len > r->max_plain)
			piece.len = r->max_plain;
		len = tls_keys_seal(&r->out, &r->suite, TLS_KEYS_DATA, piece, sealed + n_sealed);
		if (len == 0)
			return lose(t, "a record could not be sealed");
		n_sealed += len;
		plaintext.ptr += piece.len;
		plaintext.len -= piece.len;
		if (plaintext.len == 0 ||
		    sizeof(sealed) - n_sealed < TLS_KEYS_MAX_PLAIN + TLS_KEYS_MAX_OVERHEAD) {
			t->emit(t->owner, slice_of(sealed, n_sealed));
			n_sealed = 0;
		}
	}
	return 0;
}

void tls_record_close(struct tls *t)
{
	(void)send_alert(t, WARNING, SSL_AD_CLOSE_NOTIFY);
}

// --- from the peer ---

static size_t length_in(const uint8_t *header)
{
	return TLS_KEYS_HEADER + ((size_t)header[3] << 8 | header[4]);
}

// Moves what is needed to have `want` bytes of the held record; true if they are here.
static bool hold(struct tls *t, uint8_t *to, size_t want)
{
	struct tls_record *r = t->record;
	size_t n = want - r->n_held;

	if (n > t->in.len)
		n = t->in.len;
	if (n == 0)
		return r->n_held == want;
	memcpy(to + r->n_held, t->in.ptr, n);
	t->in.ptr += n;
	t->in.len -= n;
	r->n_held += (uint16_t)n;
	return r->n_held == want;
}

// Before anything is waited for that it promises.
static int check_header(struct tls *t, const uint8_t *header)
{
	size_t expansion = t->record->suite.is_1_3 ? MAX_EXPANSION_1_3 : MAX_EXPANSION_1_2;

	if (header[0] < TLS_KEYS_CHANGE_CIPHER_SPEC || header[0] > TLS_KEYS_DATA)
		return refuse(t, SSL_AD_UNEXPECTED_MESSAGE, "an unexpected record");
	if (header[1] != 3 || header[2] != 3)
		return refuse(t, SSL_AD_PROTOCOL_VERSION, "wrong version number");
	if (length_in(header) > TLS_KEYS_HEADER + TLS_KEYS_MAX_PLAIN + expansion)
		return refuse(t, SSL_AD_RECORD_OVERFLOW, "a record is too long");
	return 0;
}

// The next whole record, from the ciphertext as it lies there if it is whole, else collected. 0, -EAGAIN, -EPROTO.
static int next_record(struct tls *t, struct slice *out)
{
	struct tls_record *r = t->record;
	bool is_fresh = r->n_held == 0 && t->in.len >= TLS_KEYS_HEADER;
	const uint8_t *header = is_fresh ? t->in.ptr : r->held ? r->held : r->header;

	if (!is_fresh && !r->held && !hold(t, r->header, TLS_KEYS_HEADER))
		return -EAGAIN;
	if (check_header(t, header))
		return -EPROTO;
	out->len = length_in(header);
	if (is_fresh && t->in.len >= out->len) {
		out->ptr = t->in.ptr;
		t->in.ptr += out->len;
		t->in.len -= out->len;
		return 0;
	}
	if (!r->held) {
		r->held = malloc(out->len);
		if (!r->held)
			return refuse(t, SSL_AD_INTERNAL_ERROR, "no memory for a record");
		memcpy(r->held, header, is_fresh ? 0 : TLS_KEYS_HEADER);
	}
	out->ptr = r->held;
	return hold(t, r->held, out->len) ? 0 : -EAGAIN;
}

static void drop_held(struct tls_record *r)
{
	free(r->held);
	r->held = NULL;
	r->n_held = 0;
}

static int take_alert(struct tls *t, struct slice alert)
{
	if (alert.len != 2)
		return refuse(t, SSL_AD_DECODE_ERROR, "a broken alert");
	if (alert.ptr[1] == SSL_AD_CLOSE_NOTIFY) {
		t->has_ended = true;
		return 0;
	}
	// 1.3 has no warnings but this (RFC 8446 section 6.1); in 1.2 they do not end a connection.
	if (alert.ptr[1] == SSL_AD_USER_CANCELLED ||
	    (!t->record->suite.is_1_3 && alert.ptr[0] == WARNING))
		return -EAGAIN;
	return lose(t, SSL_alert_desc_string_long(alert.ptr[1]));
}

static int take_handshake(struct tls *t, struct slice message)
{
	struct tls_record *r = t->record;

	if (!r->suite.is_1_3)
		return send_alert(t, WARNING, SSL_AD_NO_RENEGOTIATION) ? -EPROTO : -EAGAIN;
	// RFC 8446 section 4.6.3: one byte, update_not_requested or update_requested, the last with its key.
	if (message.len != 5 || memcmp(message.ptr, "\x18\0\0\1", 4) != 0 || message.ptr[4] > 1)
		return refuse(t, SSL_AD_UNEXPECTED_MESSAGE, "an unexpected message");
	if (tls_keys_next(&r->in, &r->suite, false))
		return refuse(t, SSL_AD_INTERNAL_ERROR, "no memory for the next key");
	if (message.ptr[4] == 1 && !t->is_closed && update_out(t))
		return -EPROTO;
	return -EAGAIN;
}

// What came in a record: the bytes of data, -EAGAIN if none and the next one may have some, 0 at the end, -EPROTO.
static ssize_t take(struct tls *t, uint8_t type, struct slice content)
{
	if (content.len > TLS_KEYS_MAX_PLAIN)
		return refuse(t, SSL_AD_RECORD_OVERFLOW, "a record is too long");
	switch (type) {
	case TLS_KEYS_DATA:
		return content.len > 0 ? (ssize_t)content.len : -EAGAIN;
	case TLS_KEYS_ALERT:
		return take_alert(t, content);
	case TLS_KEYS_HANDSHAKE:
		return take_handshake(t, content);
	default:
		return refuse(t, SSL_AD_UNEXPECTED_MESSAGE, "an unexpected record");
	}
}

// Records without data cost us more than the peer: a key, an answer. OpenSSL, too, ends it at 32 in a row.
static ssize_t take_counted(struct tls *t, uint8_t type, struct slice content)
{
	ssize_t n = take(t, type, content);

	if (n > 0)
		t->record->n_without_data = 0;
	else if (n == -EAGAIN && ++t->record->n_without_data > WITHOUT_DATA_MOST)
		return refuse(t, SSL_AD_UNEXPECTED_MESSAGE, "too many records without data");
	return n;
}

// Opens `record` into out[size] or, if it may not fit, into r->plain.
static ssize_t open_record(struct tls *t, struct slice record, uint8_t *out, size_t size)
{
	struct tls_record *r = t->record;
	ssize_t most = tls_keys_content(&r->suite, record), len = -1;
	uint8_t type = TLS_KEYS_NONE;

	if (r->suite.is_1_3 && record.ptr[0] != TLS_KEYS_DATA)
		return refuse(t, SSL_AD_UNEXPECTED_MESSAGE, "a record in clear");
	if (most >= 0 && (size_t)most > size) {
		r->plain = malloc((size_t)most);
		if (!r->plain)
			return refuse(t, SSL_AD_INTERNAL_ERROR, "no memory for a record");
		out = r->plain;
	}
	if (most >= 0)
		len = tls_keys_open(&r->in, &r->suite, record, out, &type);
	len = len < 0 ? refuse(t, SSL_AD_BAD_RECORD_MAC, "decryption failed or bad record mac")
	              : take_counted(t, type, slice_of(out, (size_t)len));
	if (r->plain && len <= 0) {
		OPENSSL_cleanse(r->plain, (size_t)most);
		free(r->plain);
		r->plain = NULL;
	}
	r->plain_at = 0;
	r->plain_len = r->plain ? (uint16_t)len : 0;
	return len;
}

static ssize_t take_plain(struct tls_record *r, void *out, size_t size)
{
	size_t n = r->plain_len - r->plain_at;

	if (n > size)
		n = size;
	memcpy(out, r->plain + r->plain_at, n);
	r->plain_at += (uint16_t)n;
	if (r->plain_at == r->plain_len) {
		OPENSSL_cleanse(r->plain, r->plain_len);
		free(r->plain);
		r->plain = NULL;
	}
	return (ssize_t)n;
}

ssize_t tls_record_read(struct tls *t, void *out, size_t size)
{
	struct tls_record *r = t->record;
	struct slice record;
	ssize_t n;

	if (r->plain)
		return take_plain(r, out, size);
	do {
		n = next_record(t, &record);
		if (n)
			return n;
		n = open_record(t, record, out, size);
		drop_held(r);
	} while (n == -EAGAIN);
	return r->plain ? take_plain(r, out, size) : n;
}
