// SPDX-License-Identifier: BSD-3-Clause
// Inside of a connection; for l7/tls*.c only. OpenSSL's callbacks get from an SSL to it through its BIO, which costs
// nothing where ex_data would cost a table per connection.
#pragma once

#include "l7/tls.h"

#include <openssl/ssl.h>

enum { TLS_CONN_ALPN_MAX = 15 }; // bytes of a protocol's name; ours are "http/1.1" and "h2"

struct tls {
	SSL *ssl;                  // NULL when the record layer of our own has taken over
	struct tls_record *record; // of tls_record.c; owned
	struct slice in;           // ciphertext handed over and not yet taken
	tls_emit emit;             // of
	void *owner;               // this one
	struct tls_server *server; // one of the two, with a reference; none when ssl is NULL
	struct tls_client *client;
	char *name; // server: what the client asked for; client: what we connect to; owned, may be NULL
	const char *reason;           // of a failure; static
	const char *version, *cipher; // static, from the end of the handshake on, as the next two
	char alpn[TLS_CONN_ALPN_MAX];
	uint8_t alpn_len;
	bool is_resumed;
	uint16_t host;     // server: index of the certificate that serves
	bool is_gathering; // the handshake: what it writes is emitted in one piece
	bool is_open;      // the handshake is over
	bool is_closed;    // close_notify was sent
	bool has_ended;    // close_notify was received
	bool has_failed;
};

static inline struct tls *tls_conn_of(const SSL *ssl)
{
	return BIO_get_data(SSL_get_rbio(ssl));
}
