// SPDX-License-Identifier: BSD-3-Clause
// What every context of ours has in common, and OpenSSL's queue of errors; for l7/tls*.c only.
//
// The queue belongs to the thread and confuses whoever finds an old error in it, so each function of l7/tls*.c leaves it
// empty: whatever fails ends with tls_context_reason() or tls_context_drain().
#pragma once

#include "l4/base/err.h"
#include "l4/model/conf.h"

#include <openssl/ssl.h>

// A context with our versions, suites, groups and modes; `least` is an enum conf_tls_min. NULL: no memory.
SSL_CTX *tls_context_new(const SSL_METHOD *method, uint8_t least);

// The oldest error's short text ("no shared cipher"), never NULL, static; the queue is empty then.
const char *tls_context_reason(void);
void tls_context_drain(void);

// `file` as seen from the configuration's folder, free() it; NULL: no memory.
char *tls_context_path(const struct conf *conf, const char *file);
