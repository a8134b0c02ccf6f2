// SPDX-License-Identifier: BSD-3-Clause
// A client's connection to 127.0.0.1, clear or over TLS 1.3, for the loads of l7_load. Blocking, with a
// time-out: what does not answer in WIRE_TIMEOUT_S has failed. Certificates are not verified: the cost
// of the server is measured, not that of the client. Each connection belongs to one thread.
#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include "l4/base/cc.h"

enum { WIRE_TIMEOUT_S = 10 };

struct load_wire {
	int fd;
	SSL *ssl; // NULL = clear
};

// A context for connections that never resume: every handshake is a full one. Exits if OpenSSL has none.
SSL_CTX *load_wire_context(void);

// Connects from 127.0.0.`host` (1..254; more hosts have more local ports) to 127.0.0.1:port; with `tls`
// the handshake is done too. 0 or -errno, -EPROTO for TLS. On failure there is nothing to close.
NODISCARD int load_wire_open(struct load_wire *w, SSL_CTX *tls, uint16_t port, uint8_t host);

// Bytes read, 0 at the end, -errno (-EAGAIN after the time-out).
NODISCARD ssize_t load_wire_read(struct load_wire *w, void *to, size_t size);
// All of it: 0 or -errno.
NODISCARD int load_wire_write(struct load_wire *w, const void *from, size_t len);

// Reads until `text` (of at most size - 1 bytes) ends with "\r\n\r\n" and ends it with a NUL. Whoever asks may
// not expect more bytes than the head to be there. 0, -EPROTO if the end came first or the head is too long.
NODISCARD int load_wire_read_head(struct load_wire *w, char *text, size_t size);

void load_wire_close(struct load_wire *w);
