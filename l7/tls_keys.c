// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls_keys.h"

#include "l4/base/be.h"
#include "l7/tls_context.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include <errno.h>

enum { EXPLICIT = 8, MAX_KEY = 32 }; // bytes

bool tls_keys_suite_of(struct tls_keys_suite *out, const SSL *ssl)
{
	const SSL_CIPHER *suite = SSL_get_current_cipher(ssl);
	int version = SSL_version(ssl), nid = suite ? SSL_CIPHER_get_cipher_nid(suite) : NID_undef;

	if (version != TLS1_2_VERSION && version != TLS1_3_VERSION)
		return false;
	*out = (struct tls_keys_suite){.is_1_3 = version == TLS1_3_VERSION};
	if (nid == NID_aes_128_gcm)
		out->cipher = EVP_aes_128_gcm();
	else if (nid == NID_aes_256_gcm)
		out->cipher = EVP_aes_256_gcm();
	else if (nid == NID_chacha20_poly1305)
		out->cipher = EVP_chacha20_poly1305();
	else
		return false;
	out->has_nonce = !out->is_1_3 && nid != NID_chacha20_poly1305;
	out->key_len = (uint8_t)EVP_CIPHER_get_key_length(out->cipher);
	out->digest = SSL_CIPHER_get_handshake_digest(suite);
	if (!out->digest || EVP_MD_get_size(out->digest) > TLS_KEYS_MAX_SECRET)
		return false;
	out->secret_len = (uint8_t)EVP_MD_get_size(out->digest);
	return true;
}

// HKDF-Expand-Label (RFC 8446 section 7.1) with an empty context; one block of the digest is enough for all we ask for.
static int expand_label(uint8_t *out, size_t len, const uint8_t *secret,
                        const struct tls_keys_suite *suite, const char *label)
{
	uint8_t info[32], block[EVP_MAX_MD_SIZE];
	size_t label_len = strlen(label), n = 0;
	unsigned int block_len;

	info[n++] = 0;
	info[n++] = (uint8_t)len;
	info[n++] = (uint8_t)(6 + label_len);
	memcpy(info + n, "tls13 ", 6);
	memcpy(info + n + 6, label, label_len);
	n += 6 + label_len;
	info[n++] = 0; // the context
	info[n++] = 1; // HKDF-Expand's first block
	if (!HMAC(suite->digest, secret, suite->secret_len, info, n, block, &block_len) ||
	    len > block_len) {
		OPENSSL_cleanse(block, sizeof(block));
		return -ENOMEM;
	}
	memcpy(out, block, len);
	OPENSSL_cleanse(block, sizeof(block));
	return 0;
}

static int set_key(struct tls_keys *k, const struct tls_keys_suite *suite, const uint8_t *key,
                   bool is_seal)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (!ctx || !EVP_CipherInit_ex(ctx, suite->cipher, NULL, key, NULL, is_seal)) {
		EVP_CIPHER_CTX_free(ctx);
		tls_context_drain();
		return -ENOMEM;
	}
	EVP_CIPHER_CTX_free(k->ctx);
	k->ctx = ctx;
	return 0;
}

int tls_keys_start(struct tls_keys *k, const struct tls_keys_suite *suite, bool is_seal)
{
	uint8_t key[MAX_KEY], iv[TLS_KEYS_NONCE];
	int rc = expand_label(key, suite->key_len, k->secret, suite, "key");

	if (!rc)
		rc = expand_label(iv, sizeof(iv), k->secret, suite, "iv");
	if (!rc)
		rc = set_key(k, suite, key, is_seal);
	if (!rc)
		memcpy(k->iv, iv, sizeof(iv));
	else
		tls_context_drain();
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(iv, sizeof(iv));
	return rc;
}

int tls_keys_next(struct tls_keys *k, const struct tls_keys_suite *suite, bool is_seal)
{
	uint8_t secret[TLS_KEYS_MAX_SECRET];
	int rc = expand_label(secret, suite->secret_len, k->secret, suite, "traffic upd");

	if (!rc) {
		memcpy(k->secret, secret, suite->secret_len);
		rc = tls_keys_start(k, suite, is_seal);
	}
	// Never with the old key: a number used twice under one key gives it away.
	if (!rc)
		k->n_records = 0;
	OPENSSL_cleanse(secret, sizeof(secret));
	tls_context_drain();
	return rc;
}

void tls_keys_fini(struct tls_keys *k)
{
	EVP_CIPHER_CTX_free(k->ctx);
	OPENSSL_cleanse(k, sizeof(*k));
}

// --- TLS 1.2 ---

static int run_prf(uint8_t *out, size_t len, const OSSL_PARAM *params)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int rc = ctx && EVP_KDF_derive(ctx, out, len, params) == 1 ? 0 : -ENOMEM;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return rc;
}

// key_block = PRF(master_secret, "key expansion", server_random + client_random), RFC 5246 section 6.3.
static int expand_master(uint8_t *out, size_t len, const EVP_MD *digest, const SSL *ssl)
{
	uint8_t master[SSL_MAX_MASTER_KEY_LENGTH],
		seed[13 + 2 * SSL3_RANDOM_SIZE] = "key expansion";
	size_t master_len =
		SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof(master));
	char name[64] = "";
	int rc;

	OPENSSL_strlcpy(name, EVP_MD_get0_name(digest), sizeof(name));
	SSL_get_server_random(ssl, seed + 13, SSL3_RANDOM_SIZE);
	SSL_get_client_random(ssl, seed + 13 + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
	rc = run_prf(
		out, len,
		(OSSL_PARAM[]){
			OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0),
			OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master,
	                                                  master_len),
			OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
			OSSL_PARAM_construct_end(),
		});
	OPENSSL_cleanse(master, sizeof(master));
	return rc;
}

int tls_keys_start_1_2(struct tls_keys *in, struct tls_keys *out,
                       const struct tls_keys_suite *suite, const SSL *ssl)
{
	uint8_t block[2 * (MAX_KEY + TLS_KEYS_NONCE)];
	size_t iv_len = suite->has_nonce ? TLS_KEYS_NONCE - EXPLICIT : TLS_KEYS_NONCE;
	const uint8_t *ivs = block + 2 * (size_t)suite->key_len;
	int rc = expand_master(block, 2 * (suite->key_len + iv_len), suite->digest, ssl);

	if (!rc)
		rc = set_key(in, suite, block, false);
	if (!rc)
		rc = set_key(out, suite, block + suite->key_len, true);
	if (!rc) {
		memcpy(in->iv, ivs, iv_len);
		memcpy(out->iv, ivs + iv_len, iv_len);
		in->n_records = out->n_records = 1;
	}
	OPENSSL_cleanse(block, sizeof(block));
	tls_context_drain();
	return rc;
}

// --- records ---

// What an AEAD wants besides key and text.
struct extra {
	uint8_t nonce[TLS_KEYS_NONCE];
	uint8_t aad[13];
	int aad_len;
};

// `header` is the record's, `explicit` the 8 bytes after it if suite->has_nonce, `len` of the plaintext.
static void prepare(struct extra *x, const struct tls_keys *k, const struct tls_keys_suite *suite,
                    const uint8_t *header, size_t len)
{
	be64 number = be64_from(k->n_records);
	uint8_t bytes[8];

	memcpy(bytes, &number, sizeof(bytes));
	memcpy(x->nonce, k->iv, sizeof(x->nonce));
	if (suite->has_nonce)
		memcpy(x->nonce + 4, header + TLS_KEYS_HEADER, EXPLICIT);
	else
		for (size_t i = 0; i < sizeof(bytes); i++)
			x->nonce[4 + i] ^= bytes[i];
	if (suite->is_1_3) { // the header as it is
		memcpy(x->aad, header, TLS_KEYS_HEADER);
		x->aad_len = TLS_KEYS_HEADER;
		return;
	}
	memcpy(x->aad, bytes, sizeof(bytes));
	memcpy(x->aad + 8, header, 3);
	x->aad[11] = (uint8_t)(len >> 8);
	x->aad[12] = (uint8_t)len;
	x->aad_len = 13;
}

size_t tls_keys_seal(struct tls_keys *k, const struct tls_keys_suite *suite,
                     enum tls_keys_type type, struct slice plain, uint8_t *out)
{
	size_t skip = suite->has_nonce ? EXPLICIT : 0;
	size_t len = skip + plain.len + suite->is_1_3 + TLS_KEYS_TAG;
	uint8_t inner = (uint8_t)type, *text = out + TLS_KEYS_HEADER + skip;
	be64 number = be64_from(k->n_records);
	struct extra x;
	int n, m = 0;

	out[0] = suite->is_1_3 ? TLS_KEYS_DATA : inner;
	out[1] = 3; // TLS 1.2, as 1.3 says too
	out[2] = 3;
	out[3] = (uint8_t)(len >> 8);
	out[4] = (uint8_t)len;
	memcpy(out + TLS_KEYS_HEADER, &number, skip);
	prepare(&x, k, suite, out, plain.len);
	if (!EVP_EncryptInit_ex(k->ctx, NULL, NULL, NULL, x.nonce) ||
	    !EVP_EncryptUpdate(k->ctx, NULL, &n, x.aad, x.aad_len) ||
	    !EVP_EncryptUpdate(k->ctx, text, &n, plain.ptr, (int)plain.len) ||
	    (suite->is_1_3 && !EVP_EncryptUpdate(k->ctx, text + n, &m, &inner, 1)) ||
	    !EVP_EncryptFinal_ex(k->ctx, text + n + m, &n) ||
	    !EVP_CIPHER_CTX_ctrl(k->ctx, EVP_CTRL_AEAD_GET_TAG, TLS_KEYS_TAG,
	                         text + plain.len + suite->is_1_3))
		return 0;
	k->n_records++;
	return TLS_KEYS_HEADER + len;
}

ssize_t tls_keys_content(const struct tls_keys_suite *suite, struct slice record)
{
	size_t least =
		TLS_KEYS_HEADER + (suite->has_nonce ? EXPLICIT : 0) + suite->is_1_3 + TLS_KEYS_TAG;

	return record.len < least ? -1 : (ssize_t)(record.len - least);
}

ssize_t tls_keys_open(struct tls_keys *k, const struct tls_keys_suite *suite, struct slice record,
                      uint8_t *out, uint8_t *type)
{
	const uint8_t *text = record.ptr + TLS_KEYS_HEADER + (suite->has_nonce ? EXPLICIT : 0);
	ssize_t len = tls_keys_content(suite, record);
	uint8_t tag[TLS_KEYS_TAG], inner = record.ptr[0];
	struct extra x;
	int n = 0;

	if (len < 0)
		return -1;
	prepare(&x, k, suite, record.ptr, (size_t)len);
	memcpy(tag, record.ptr + record.len - TLS_KEYS_TAG, TLS_KEYS_TAG); // not const to OpenSSL
	if (!EVP_DecryptInit_ex(k->ctx, NULL, NULL, NULL, x.nonce) ||
	    !EVP_CIPHER_CTX_ctrl(k->ctx, EVP_CTRL_AEAD_SET_TAG, TLS_KEYS_TAG, tag) ||
	    !EVP_DecryptUpdate(k->ctx, NULL, &n, x.aad, x.aad_len) ||
	    !EVP_DecryptUpdate(k->ctx, out, &n, text, (int)len) ||
	    (suite->is_1_3 && !EVP_DecryptUpdate(k->ctx, &inner, &n, text + len, 1)) ||
	    EVP_DecryptFinal_ex(k->ctx, out + len, &n) != 1)
		return -1;
	k->n_records++;
	// 1.3: the type stands behind the content, and zeros may stand behind the type.
	while (suite->is_1_3 && inner == TLS_KEYS_NONE && len > 0)
		inner = out[--len];
	*type = inner;
	return len;
}
