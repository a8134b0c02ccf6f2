// SPDX-License-Identifier: BSD-3-Clause
// The server's side behind tls_server_new/free of tls.h; for l7/tls*.c only.
#pragma once

#include "l7/tls.h"

#include <openssl/ssl.h>

struct tls_server *tls_server_get(struct tls_server *s); // one more reference
void tls_server_put(struct tls_server *s);

// The context that connections begin with, borrowed; the ClientHello may move them to another one.
SSL_CTX *tls_server_context(const struct tls_server *s);
