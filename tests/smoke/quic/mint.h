// SPDX-License-Identifier: BSD-3-Clause
// Makes the test server's connection IDs: by one of several QUIC-LB configurations, each with the
// server ID that this server has under it; or such as nobody can decode, if there is none. All have
// the same length, as ngtcp2 wants it: shorter ones are filled up with random octets behind the
// block, which the draft allows (section 3.2).
#pragma once

#include <ngtcp2/ngtcp2.h>

#include "l4/data/quic_lb.h"

enum { MINT_OPAQUE_CID = 12 }; // octets of CIDs without configuration

struct mint_config {
	struct quic_lb_config lb;
	uint8_t server_id[QUIC_LB_MAX_SERVER_ID];
};

struct mint {
	struct mint_config config[QUIC_LB_MAX_CONFIGS];
	size_t n_configs;
	size_t current;       // config[] that new CIDs are made with
	size_t cid_len;       // octets, of every CID
	bool has_random_bits; // instead of the length, in the first octet
};

// Adds a configuration from "CONFIG_ID,SERVER_ID_HEX,NONCE_LENGTH[,KEY_HEX|-[,DRAFT]]". Returns 0 or
// -EINVAL with a sentence. Call before the first mint_cid().
NODISCARD int mint_add(struct mint *m, const char *text, struct err *err);

// Writes a new CID with a random nonce.
void mint_cid(const struct mint *m, ngtcp2_cid *cid);

// From now on the next configuration makes the CIDs; after the last comes the first.
void mint_rotate(struct mint *m);

// n random octets.
void mint_random(void *out, size_t n);
