// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls_context.h"

#include <openssl/err.h>

#include <stdio.h>
#include <stdlib.h>

// Mozilla's "intermediate" without what is not ECDHE with an AEAD (RFC 9325 sections 4.1 and 4.2).
#define SUITES_1_2                                                   \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:" \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define SUITES_1_3 "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"

// SSL_OP_ALL are workarounds that cost nothing. ChaCha20 goes first for a client that puts it first: it has no AES.
static const uint64_t options = SSL_OP_ALL | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;

SSL_CTX *tls_context_new(const SSL_METHOD *method, uint8_t least)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	char groups[] = "X25519:P-256"; // not const to OpenSSL
	int version = least == TLS_MIN_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, version) ||
	    !SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_cipher_list(ctx, SUITES_1_2) ||
	    !SSL_CTX_set_ciphersuites(ctx, SUITES_1_3) || !SSL_CTX_set1_groups_list(ctx, groups)) {
		SSL_CTX_free(ctx);
		tls_context_drain();
		return NULL;
	}
	SSL_CTX_set_options(ctx, options);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

const char *tls_context_reason(void)
{
	unsigned long error = ERR_peek_error();
	const char *text = ERR_reason_error_string(error);

	ERR_clear_error();
	if (text)
		return text;
	return error ? "failure of the system" : "unknown failure";
}

void tls_context_drain(void)
{
	ERR_clear_error();
}

char *tls_context_path(const struct conf *conf, const char *file)
{
	const char *slash = conf->file ? strrchr(conf->file, '/') : NULL;
	int folder = slash && file[0] != '/' ? (int)(slash - conf->file) + 1 : 0;
	char *path;

	return asprintf(&path, "%.*s%s", folder, folder ? conf->file : "", file) < 0 ? NULL : path;
}
