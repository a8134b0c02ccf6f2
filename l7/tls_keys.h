// SPDX-License-Identifier: BSD-3-Clause
// The keys of one direction of an open connection, and records sealed and opened with them (RFC 8446 sections 5.2, 5.3, 7.2 and 7.3;
// RFC 5246 sections 6.2.3.3 and 6.3; RFC 5288; RFC 7905). For l7/tls*.c only.
#pragma once

#include "l4/base/slice.h"

#include <openssl/ssl.h>

#include <sys/types.h>

enum {
	TLS_KEYS_HEADER = 5,          // type, version, length
	TLS_KEYS_TAG = 16,            // of all our AEADs
	TLS_KEYS_MAX_PLAIN = 1 << 14, // RFC 8446 section 5.1
	TLS_KEYS_MAX_OVERHEAD = 5 + 8 + 16 + 1,
	TLS_KEYS_MAX_SECRET = 48, // SHA-384
	TLS_KEYS_NONCE = 12,
};

enum tls_keys_type { // of a record (RFC 8446 section 5.1)
	TLS_KEYS_NONE,
	TLS_KEYS_CHANGE_CIPHER_SPEC = 20,
	TLS_KEYS_ALERT,
	TLS_KEYS_HANDSHAKE,
	TLS_KEYS_DATA,
};

// A suite in a version: what both directions have in common.
struct tls_keys_suite {
	const EVP_CIPHER *cipher;
	const EVP_MD *digest;
	uint8_t key_len, secret_len; // bytes
	bool is_1_3;
	bool has_nonce; // each record carries 8 bytes of its nonce: AES-GCM in 1.2
};

struct tls_keys {
	EVP_CIPHER_CTX *ctx; // owned
	uint64_t n_records;  // sealed or opened so far: the next one's sequence number
	uint8_t iv[TLS_KEYS_NONCE];
	uint8_t secret[TLS_KEYS_MAX_SECRET]; // 1.3: that the next key is derived from
};

// The suite that an open `ssl` uses; false if there is one we do not know.
bool tls_keys_suite_of(struct tls_keys_suite *out, const SSL *ssl);

// 1.3: from k->secret. 0 or -ENOMEM; what was there is kept then.
NODISCARD int tls_keys_start(struct tls_keys *k, const struct tls_keys_suite *suite, bool is_seal);
// 1.2: both directions of the server from the master secret of an open `ssl`, one record (Finished) each after their start.
NODISCARD int tls_keys_start_1_2(struct tls_keys *in, struct tls_keys *out,
                                 const struct tls_keys_suite *suite, const SSL *ssl);
// 1.3: the next generation (KeyUpdate).
NODISCARD int tls_keys_next(struct tls_keys *k, const struct tls_keys_suite *suite, bool is_seal);
void tls_keys_fini(struct tls_keys *k); // and wipes it

// Writes a record of `type` with `plain`, at most TLS_KEYS_MAX_PLAIN bytes, to `out`, which has TLS_KEYS_MAX_OVERHEAD more. Returns
// its length, 0 on failure.
size_t tls_keys_seal(struct tls_keys *k, const struct tls_keys_suite *suite,
                     enum tls_keys_type type, struct slice plain, uint8_t *out);

// Most bytes of content that a whole record, header included, can hold; -1: it is too short to be one of the suite.
ssize_t tls_keys_content(const struct tls_keys_suite *suite, struct slice record);

// Opens a record into out, which has room for tls_keys_content() bytes. Returns the bytes of content, and their *type (TLS_KEYS_NONE if
// there was nothing but padding); -1: forged or broken.
ssize_t tls_keys_open(struct tls_keys *k, const struct tls_keys_suite *suite, struct slice record,
                      uint8_t *out, uint8_t *type);
