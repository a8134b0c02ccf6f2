// SPDX-License-Identifier: BSD-3-Clause
// A certificate with its chain and key, from PEM files; for l7/tls*.c only.
#pragma once

#include "l4/base/err.h"
#include "l4/model/conf.h"
#include "l4/model/conf_advice.h"

#include <openssl/ssl.h>

enum { TLS_CERTIFICATE_PLACE_SIZE = 32 };

// "l7[0].tls[1]" into out; returns it.
const char *tls_certificate_place(char out[TLS_CERTIFICATE_PLACE_SIZE], uint16_t l7, uint16_t i);

// Reads files->certificate (leaf first, then its chain) and files->key into `ctx`. `place` of the two is "l7[0].tls[1]"; *err begins
// with "l7[0].tls[1].key: FILE: ". 0, -ENOMEM, -EINVAL or what open(2) said.
NODISCARD int tls_certificate_load(SSL_CTX *ctx, const struct conf *conf,
                                   const struct conf_tls *files, const char *place,
                                   struct err *err);

struct tls_certificate_advice {
	const char *place; // as above
	conf_advice_say say;
	void *data; // for say
};

// What clients will not like of the certificates in `ctx`, which came from `file`, and what is used all the same: dates, a chain that
// is none. Each is a sentence: "l7[0].tls[1].certificate: FILE: certificate 2 has expired, on 2026-11-21T12:00:00Z".
void tls_certificate_advise(SSL_CTX *ctx, const char *file,
                            const struct tls_certificate_advice *advice);

// Calls `add` for each DNS name of the certificate (SAN, else CN), in lower case; stops when it fails.
NODISCARD int tls_certificate_names(const X509 *leaf, int (*add)(void *to, const char *name),
                                    void *to);
