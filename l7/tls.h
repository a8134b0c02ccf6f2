// SPDX-License-Identifier: BSD-3-Clause
// TLS 1.2 and 1.3 by OpenSSL, as a filter between bytes and bytes: it never touches a socket.
//
//   ciphertext from the peer -> tls_put(), then tls_read() until it returns <= 0 -> plaintext
//   plaintext -> tls_write() -> emit(ciphertext)          handshake and alerts leave by emit() too
//
// One set of contexts for each worker: OpenSSL 3.0 contends on shared ones. A connection belongs to one thread;
// tls_tickets is shared by all of them. Between records an established connection owns no buffer. A server's has left
// OpenSSL's SSL behind as well (tls_record.h) and costs 3 KB; a client's, which waits for tickets, 14 KB and the certificates
// of its peer.
#pragma once

#include "l4/base/err.h"
#include "l4/base/slice.h"
#include "l4/model/conf.h"
#include "l4/model/conf_advice.h"

#include <sys/types.h>

struct tls_tickets; // keys of session tickets: all workers, all reloads of one process
struct tls_server;  // what an l7 entry shows its clients, for one worker
struct tls_client;  // how a pool's backends are spoken to, for one worker
struct tls;         // one connection

// Keys are random at start and replaced every `lifetime_s` / 2 by tls_tickets_rotate(); a ticket is good for between
// half of and the whole lifetime_s. A key is derived for each virtual host (certificate) of each l7 entry, so that a ticket of
// one opens no session of another.
NODISCARD int tls_tickets_new(struct tls_tickets **out, uint32_t lifetime_s);
void tls_tickets_free(struct tls_tickets *t);
// Call it about once a minute from one thread; the others may run.
void tls_tickets_rotate(struct tls_tickets *t, uint64_t now_ns);

// Loads certificates and keys (files relative to the folder of conf->file). Errors name the place and file:
// "l7[0].tls[1].key: api.key: does not belong to api.pem". Names are the certificate's DNS names (SAN, else CN), exact before
// wildcard (one label); the first entry serves clients without or with an unknown name. ALPN: what `alpn` lists, in
// our order ("http/1.1" now), NULL at its end; a client that offers only others is refused. `tickets` is borrowed and outlives
// the server and its connections.
NODISCARD int tls_server_new(struct tls_server **out, const struct conf *conf, uint16_t l7,
                             const char *const *alpn, struct tls_tickets *tickets, struct err *err);
void tls_server_free(struct tls_server *s);
// Calls say() for each of its certificates that clients may refuse, though it is shown to them: out of date, or with a chain that
// is none. `conf` and `l7` as above; the sentence begins with the place and is borrowed for the call. Before the first tls_accept().
void tls_server_advise(const struct tls_server *s, const struct conf *conf, uint16_t l7,
                       conf_advice_say say, void *data);

// Towards the backends of conf->pools[pool]: verified as its "tls" says, not at all without one (probes of pools in clear).
// The newest session of each server name is resumed; the 64 names used last are kept.
NODISCARD int tls_client_new(struct tls_client **out, const struct conf *conf, uint16_t pool,
                             struct err *err);
void tls_client_free(struct tls_client *c);

// Ciphertext to be sent; borrowed until it returns; it takes all of it, and calls nothing of this file.
typedef void (*tls_emit)(void *owner, struct slice ciphertext);

// A new connection; a client's first message is emitted by the first tls_read(). `owner` is for emit. The contexts may be
// freed before their connections (both count references). 0 or -ENOMEM.
NODISCARD int tls_accept(struct tls **out, struct tls_server *s, tls_emit emit, void *owner);
// server_name: SNI and the name to verify; an IP address is verified as such and not sent. NULL: none; -EINVAL if the pool
// wants its backends verified.
NODISCARD int tls_connect(struct tls **out, struct tls_client *c, const char *server_name,
                          tls_emit emit, void *owner);
// Client, before its first tls_read(): the protocols to offer by ALPN, NULL at the end. 0 or -ENOMEM.
NODISCARD int tls_offer(struct tls *t, const char *const *alpn);
void tls_free(struct tls *t);

// Hands over ciphertext, borrowed until tls_read() has said -EAGAIN (then all of it was taken) or ended. Only when the
// last one was used up.
void tls_put(struct tls *t, struct slice ciphertext);

// > 0 bytes of plaintext; -EAGAIN: more ciphertext is needed; 0: the peer closed properly (close_notify);
// -EPROTO: broken or refused, tls_reason() says why, an alert was emitted. Drives the handshake as well.
NODISCARD ssize_t tls_read(struct tls *t, void *out, size_t size);

// Encrypts and emits all of it, in records of at most 16 KiB. 0, -EPROTO, -ENOTCONN before the handshake is over.
NODISCARD int tls_write(struct tls *t, struct slice plaintext);

// Emits close_notify. Once.
void tls_close(struct tls *t);

bool tls_is_open(const struct tls *t); // the handshake is over
bool tls_is_resumed(const struct tls *t);
const char *tls_version(const struct tls *t); // "TLSv1.3"; NULL before it is open, as the cipher
const char *tls_cipher(const struct tls *t);  // "TLS_AES_128_GCM_SHA256"
const char *tls_server_name(const struct tls *t); // what the client asked for; NULL = nothing
struct slice tls_alpn(const struct tls *t);       // agreed protocol, empty if none
const char *
tls_reason(const struct tls *t); // after -EPROTO: "certificate has expired", "no shared cipher"
