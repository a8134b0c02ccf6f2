// SPDX-License-Identifier: BSD-3-Clause
// The client's side behind tls_client_new/free of tls.h; for l7/tls*.c only.
#pragma once

#include "l7/tls.h"

#include <openssl/ssl.h>

struct tls_client *tls_client_get(struct tls_client *c); // one more reference
void tls_client_put(struct tls_client *c);

// A fresh SSL that knows what to send as SNI, what to verify and which session to resume; NULL: no memory. The name is copied;
// OpenSSL only does not promise not to write to it.
SSL *tls_client_ssl(struct tls_client *c, char *server_name);

// Whether a connection must know the name of its peer.
bool tls_client_verifies(const struct tls_client *c);
