// SPDX-License-Identifier: BSD-3-Clause
// Hashes and randomness that protocols ask for, from OpenSSL.
#pragma once

#include "l4/base/slice.h"

// SHA-1 of the bytes; for Sec-WebSocket-Accept (RFC 6455 section 4.2.2) only. Any thread.
void tls_digest_sha1(uint8_t out[20], struct slice bytes);

// Bytes nobody can guess. Any thread.
void tls_digest_random(void *out, size_t len);
