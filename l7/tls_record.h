// SPDX-License-Identifier: BSD-3-Clause
// An open connection of a server, without OpenSSL's SSL: that has done its work when the handshake is over, and takes 14 KB for what is
// two keys and two numbers. Records are opened from the borrowed ciphertext straight into the reader's buffer, and sealed into a buffer
// of the thread. For l7/tls*.c only.
//   1. tls_record_watch() on each of a server's contexts;
//   2. tls_record_take() when the handshake is over: the SSL may go;
//   3. tls_record_read(), _write(), _close() with the meaning that tls.h gives them;
//   4. tls_record_free().
#pragma once

#include "l7/tls_conn.h"

// Notes the traffic secrets of TLS 1.3 and the records written with them: NewSessionTicket.
void tls_record_watch(SSL_CTX *ctx);

// Makes t->record ready. False: not possible (no memory, a suite that we do not know); the SSL goes on then.
bool tls_record_take(struct tls *t);

ssize_t tls_record_read(struct tls *t, void *out, size_t size);
int tls_record_write(struct tls *t, struct slice plaintext);
void tls_record_close(struct tls *t);
void tls_record_free(struct tls_record *r);
