// SPDX-License-Identifier: BSD-3-Clause
// A certificate with its chain and key, from PEM files; for l7/tls*.c only.
#pragma once

#include "l4/base/err.h"
#include "l4/model/conf.h"

#include <openssl/ssl.h>

// Reads files->certificate (leaf first, then its chain) and files->key into `ctx`. A certificate that is not valid today is used, and
// the log says so. `place` of the two is "l7[0].tls[1]"; *err begins with "l7[0].tls[1].key: FILE: ". 0, -ENOMEM, -EINVAL or what open(2)
// said.
NODISCARD int tls_certificate_load(SSL_CTX *ctx, const struct conf *conf,
                                   const struct conf_tls *files, const char *place,
                                   struct err *err);

// Calls `add` for each DNS name of the certificate (SAN, else CN), in lower case; stops when it fails.
NODISCARD int tls_certificate_names(const X509 *leaf, int (*add)(void *to, const char *name),
                                    void *to);
