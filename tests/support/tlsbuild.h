// SPDX-License-Identifier: BSD-3-Clause
// TLS over memory: certificates made on the spot (nothing in the tree expires), a configuration that uses them, and pairs of
// connections whose ciphertext goes from one to the other by hand. Whatever goes wrong in here aborts.
//
//	tlsbuild_begin();                                     a new folder, a CA
//	tlsbuild_leaf("api", "DNS:api.example.com", 0, 30);   api.pem, api.key
//	conf = tlsbuild_conf("...");                          a file in that folder, ' for "
//	tls_accept(&a.tls, server, tlsbuild_emit, &a); tls_connect(&b.tls, client, name, tlsbuild_emit, &b);
//	tlsbuild_shake(&b, &a, 0);
//	tlsbuild_end();
#pragma once

#include "l4/model/conf.h"
#include "l7/tls.h"

#include <openssl/ssl.h>

struct tlsbuild_side {
	struct tls *tls;
	uint8_t *out; // emitted and not yet delivered; owned
	size_t len, room;
	size_t n_emits;
	bool has_failed; // tls_read() said -EPROTO
	bool has_ended;  // tls_read() said 0
};

void tlsbuild_begin(void);
void tlsbuild_end(void); // removes the folder
const char *tlsbuild_folder(void);

// A certificate for `names` ("DNS:a.example,IP:192.0.2.1"; NULL: none but the CN, which is `stem`), valid from and until so many
// days from now, by our CA; RSA if the stem begins with "rsa".
void tlsbuild_leaf(const char *stem, const char *names, int first_day, int last_day);
void tlsbuild_file(const char *name, const char *text);
struct conf *tlsbuild_conf(const char *text); // conf_free() it

// All contexts of a configuration: a server for each of its first n_l7 entries of "l7", a client for each of its first n_pools pools.
struct tlsbuild_site {
	struct conf *conf;
	struct tls_tickets *tickets;
	struct tls_server *servers[8];
	struct tls_client *clients[8];
};

void tlsbuild_site_open(struct tlsbuild_site *site, const char *text, const char *const *alpn,
                        uint16_t n_l7, uint16_t n_pools);
void tlsbuild_site_close(struct tlsbuild_site *site); // and tlsbuild_end()

void tlsbuild_emit(void *owner, struct slice ciphertext);
void tlsbuild_free(struct tlsbuild_side *side); // the connection too

// Delivers what `from` has emitted, in pieces of `step` bytes (0: at once). Plaintext goes to `text`, at most `size` bytes; returns
// how many there were.
size_t tlsbuild_deliver(struct tlsbuild_side *from, struct tlsbuild_side *to, size_t step,
                        void *text, size_t size);

// Delivers both ways until nobody has anything to say. Plaintext is an error.
void tlsbuild_shake(struct tlsbuild_side *client, struct tlsbuild_side *server, size_t step);

// A peer that is OpenSSL alone, for what ours never does: consumes ssl, whose state (connect or accept) is set.
struct tlsbuild_raw {
	SSL *ssl;
	BIO *in, *out; // the ssl's
	int error;     // of the last handshake step, SSL_get_error()
};

void tlsbuild_raw_init(struct tlsbuild_raw *raw, SSL *ssl);
void tlsbuild_raw_name(struct tlsbuild_raw *raw, const char *name); // SNI
void tlsbuild_raw_free(struct tlsbuild_raw *raw);
// Moves what both have to say until they are silent; what the raw side reads goes nowhere. Returns the bytes of plaintext that ours
// read into text[size].
size_t tlsbuild_raw_run(struct tlsbuild_raw *raw, struct tlsbuild_side *ours, void *text,
                        size_t size);
