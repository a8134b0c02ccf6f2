// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls.h"

#include "l7/tls_client.h"
#include "l7/tls_conn.h"
#include "l7/tls_context.h"
#include "l7/tls_record.h"
#include "l7/tls_server.h"

#include <openssl/x509.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum { MAX_RECORD = 16384 }; // plaintext of one record (RFC 8446 section 5.1)

// What the running handshake has to say, emitted in one piece when OpenSSL returns: a certificate chain outgrows OpenSSL's
// own buffer. One per thread is enough, as emit() comes back before another connection's turn.
static _Thread_local struct {
	size_t len;
	uint8_t bytes[MAX_RECORD];
} flight;

// --- OpenSSL's end: bytes in, bytes out, no socket ---

static BIO_METHOD *method; // NULL: no memory

static int on_bio_read(BIO *bio, char *out, size_t size, size_t *done)
{
	struct tls *t = BIO_get_data(bio);
	size_t n = size < t->in.len ? size : t->in.len;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	memcpy(out, t->in.ptr, n);
	t->in.ptr += n;
	t->in.len -= n;
	*done = n;
	return 1;
}

static void emit_flight(struct tls *t)
{
	size_t len = flight.len;

	flight.len = 0;
	if (len > 0)
		t->emit(t->owner, slice_of(flight.bytes, len));
}

static int on_bio_write(BIO *bio, const char *bytes, size_t len, size_t *done)
{
	struct tls *t = BIO_get_data(bio);

	if (t->is_gathering && len > sizeof(flight.bytes) - flight.len)
		emit_flight(t);
	if (t->is_gathering && len <= sizeof(flight.bytes)) {
		memcpy(flight.bytes + flight.len, bytes, len);
		flight.len += len;
	} else {
		t->emit(t->owner, slice_of(bytes, len));
	}
	*done = len;
	return 1;
}

static long on_bio_ctrl(BIO *bio, int cmd, long number, void *pointer)
{
	return cmd == BIO_CTRL_FLUSH;
}

static int on_bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static void make_method(void)
{
	method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "lb47");
	if (!method)
		return;
	BIO_meth_set_read_ex(method, on_bio_read);
	BIO_meth_set_write_ex(method, on_bio_write);
	BIO_meth_set_ctrl(method, on_bio_ctrl);
	BIO_meth_set_create(method, on_bio_create);
}

// --- begin and end ---

// Consumes ssl.
static struct tls *new_connection(SSL *ssl, tls_emit emit, void *owner)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct tls *t = calloc(1, sizeof(*t));
	BIO *bio;

	pthread_once(&once, make_method);
	bio = method ? BIO_new(method) : NULL;
	if (!t || !bio || !ssl) {
		BIO_free(bio);
		SSL_free(ssl);
		free(t);
		tls_context_drain();
		return NULL;
	}
	BIO_set_data(bio, t);
	SSL_set_bio(ssl, bio, bio);
	t->ssl = ssl;
	t->emit = emit;
	t->owner = owner;
	return t;
}

int tls_accept(struct tls **out, struct tls_server *s, tls_emit emit, void *owner)
{
	struct tls *t = new_connection(SSL_new(tls_server_context(s)), emit, owner);

	if (!t)
		return -ENOMEM;
	SSL_set_accept_state(t->ssl);
	t->server = tls_server_get(s);
	*out = t;
	return 0;
}

int tls_offer(struct tls *t, const char *const *alpn)
{
	uint8_t wire[64]; // length, name, ... (RFC 7301 section 3.1)
	size_t n = 0;

	for (; *alpn; alpn++) {
		size_t len = strlen(*alpn);

		assert(len > 0 && len <= TLS_CONN_ALPN_MAX && len < sizeof(wire) - n);
		wire[n++] = (uint8_t)len;
		memcpy(wire + n, *alpn, len);
		n += len;
	}
	// This one returns 0 if it worked.
	return SSL_set_alpn_protos(t->ssl, wire, (unsigned int)n) ? -ENOMEM : 0;
}

int tls_connect(struct tls **out, struct tls_client *c, const char *server_name, tls_emit emit,
                void *owner)
{
	char *name = server_name ? strdup(server_name) : NULL;
	struct tls *t;

	if (!server_name && tls_client_verifies(c))
		return -EINVAL;
	if (server_name && !name)
		return -ENOMEM;
	t = new_connection(tls_client_ssl(c, name), emit, owner);
	if (!t) {
		free(name);
		return -ENOMEM;
	}
	SSL_set_connect_state(t->ssl);
	t->client = tls_client_get(c);
	t->name = name;
	*out = t;
	return 0;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	// Else OpenSSL takes a connection that just ends for an attack, and its session is lost.
	if (t->ssl && t->is_open && !t->has_failed)
		SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(t->ssl);
	tls_record_free(t->record);
	tls_server_put(t->server);
	tls_client_put(t->client);
	free(t->name);
	free(t);
}

// --- bytes ---

void tls_put(struct tls *t, struct slice ciphertext)
{
	assert(t->in.len == 0 || t->has_failed || t->has_ended);
	t->in = ciphertext;
}

static int fail(struct tls *t)
{
	long verdict = SSL_get_verify_result(t->ssl);

	t->reason = tls_context_reason();
	if (t->client && tls_client_verifies(t->client) && !t->is_open && verdict != X509_V_OK)
		t->reason = X509_verify_cert_error_string(verdict);
	t->has_failed = true;
	return -EPROTO;
}

// What a call of OpenSSL that did not do its work means: -EAGAIN, 0 or -EPROTO.
static int judge(struct tls *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		t->has_ended = true;
		return 0;
	default:
		return fail(t);
	}
}

// What questions will be about is written down; a server's SSL goes, as OpenSSL has no way to shrink it.
static void settle(struct tls *t)
{
	const unsigned char *alpn;
	unsigned int alpn_len;

	t->is_open = true;
	t->version = SSL_get_version(t->ssl);
	t->cipher = SSL_get_cipher_name(t->ssl);
	t->is_resumed = SSL_session_reused(t->ssl);
	SSL_get0_alpn_selected(t->ssl, &alpn, &alpn_len);
	if (alpn_len <= sizeof(t->alpn)) {
		memcpy(t->alpn, alpn_len > 0 ? alpn : (const unsigned char *)"", alpn_len);
		t->alpn_len = (uint8_t)alpn_len;
	}
	if (t->client || !tls_record_take(t)) {
		SSL_set_read_ahead(t->ssl, 1);
		return;
	}
	SSL_free(t->ssl);
	t->ssl = NULL;
	tls_server_put(t->server);
	t->server = NULL;
}

// 0: the handshake is over.
static int shake_hands(struct tls *t)
{
	int result, rc = 0;

	t->is_gathering = true;
	result = SSL_do_handshake(t->ssl);
	t->is_gathering = false;
	if (result != 1)
		rc = judge(t, result);
	emit_flight(t);
	if (t->has_ended) {
		t->has_failed = true;
		t->reason = "closed during the handshake";
		return -EPROTO;
	}
	if (rc)
		return rc;
	tls_context_drain(); // what failed on the way, as tickets that nobody knows
	settle(t);
	return 0;
}

ssize_t tls_read(struct tls *t, void *out, size_t size)
{
	size_t n;
	int rc;

	assert(size > 0);
	if (t->has_failed)
		return -EPROTO;
	if (t->has_ended)
		return 0;
	if (!t->is_open) {
		rc = shake_hands(t);
		if (rc)
			return rc;
	}
	if (t->record)
		return tls_record_read(t, out, size);
	if (t->in.len == 0 && !SSL_has_pending(t->ssl))
		return -EAGAIN; // OpenSSL says the same, but takes a buffer first
	rc = SSL_read_ex(t->ssl, out, size, &n);
	return rc == 1 ? (ssize_t)n : judge(t, rc);
}

int tls_write(struct tls *t, struct slice plaintext)
{
	size_t n;

	if (t->has_failed || t->is_closed)
		return -EPROTO;
	if (!t->is_open)
		return -ENOTCONN;
	if (t->record)
		return tls_record_write(t, plaintext);
	while (plaintext.len > 0) {
		size_t len = plaintext.len < MAX_RECORD ? plaintext.len : MAX_RECORD;

		if (SSL_write_ex(t->ssl, plaintext.ptr, len, &n) != 1)
			return fail(t);
		plaintext.ptr += n;
		plaintext.len -= n;
	}
	return 0;
}

void tls_close(struct tls *t)
{
	if (!t->is_open || t->is_closed || t->has_failed)
		return;
	t->is_closed = true;
	if (t->record)
		tls_record_close(t);
	else if (SSL_shutdown(t->ssl) < 0)
		tls_context_drain();
}

// --- questions ---

bool tls_is_open(const struct tls *t)
{
	return t->is_open;
}

bool tls_is_resumed(const struct tls *t)
{
	return t->is_resumed;
}

const char *tls_version(const struct tls *t)
{
	return t->version;
}

const char *tls_cipher(const struct tls *t)
{
	return t->cipher;
}

const char *tls_server_name(const struct tls *t)
{
	return t->name;
}

struct slice tls_alpn(const struct tls *t)
{
	return slice_of(t->alpn, t->alpn_len);
}

const char *tls_reason(const struct tls *t)
{
	return t->reason;
}
