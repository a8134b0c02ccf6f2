// SPDX-License-Identifier: BSD-3-Clause
// Keys of session tickets, behind tls_tickets_new/free/rotate of tls.h; for l7/tls*.c only.
//
// Two random master keys live at a time: tickets are made with the newer one and opened with both. Each virtual host
// derives its own from them by HKDF-Expand (RFC 5869 section 2.3) with its identity as info, so that all workers and all
// reloads of a process agree on the keys, and no two hosts do.
#pragma once

#include "l7/tls.h"

#include <openssl/evp.h>

enum { TLS_TICKETS_ID_LEN = 32, TLS_TICKETS_NAME_LEN = 16, TLS_TICKETS_KEY_LEN = 32 };

struct tls_ticket_key {
	uint8_t name[TLS_TICKETS_NAME_LEN]; // in clear in the ticket
	uint8_t aes[TLS_TICKETS_KEY_LEN];   // AES-256-CBC
	uint8_t mac[TLS_TICKETS_KEY_LEN];   // HMAC-SHA256
};

// A virtual host's share; owned by one thread, all zero at first.
struct tls_tickets_of_host {
	uint8_t id[TLS_TICKETS_ID_LEN];
	uint64_t generation;          // that `key` was derived from, 0 = none
	struct tls_ticket_key key[2]; // the newer first
	uint8_t n_keys;
};

// The two halves of what SSL_CTX_set_tlsext_ticket_key_evp_cb wants, with its arguments. For a new ticket: fills name and iv.
// Returns 1, or -1 on failure.
int tls_tickets_seal(struct tls_tickets *t, struct tls_tickets_of_host *host, uint8_t *name,
                     uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);
// For one that came back: 1, 2 if it is to be replaced by a newer one, 0 if no key of ours has made it, -1 on failure.
int tls_tickets_open(struct tls_tickets *t, struct tls_tickets_of_host *host, const uint8_t *name,
                     const uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);

uint32_t tls_tickets_lifetime_s(const struct tls_tickets *t);
