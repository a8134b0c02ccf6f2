// SPDX-License-Identifier: BSD-3-Clause
#include "tests/smoke/quic/mint.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

// Reads hex digits; returns how many octets, 0 if they are none or too many.
static size_t read_hex(uint8_t *out, size_t room, const char *text)
{
	gnutls_datum_t hex = {.data = (unsigned char *)(uintptr_t)text, .size = strlen(text)};

	return gnutls_hex_decode(&hex, out, &room) == 0 ? room : 0;
}

static int read_fields(struct mint_config *c, char *field[5], size_t n, struct err *err)
{
	struct conf_quic_lb conf = {
		.config_id = (uint8_t)atoi(field[0]),
		.server_id_length = (uint8_t)read_hex(c->server_id, sizeof(c->server_id), field[1]),
		.nonce_length = (uint8_t)atoi(field[2]),
		.draft = n > 4 ? (uint8_t)atoi(field[4]) : 19,
		.has_key = n > 3 && strcmp(field[3], "-") != 0,
	};

	if (conf.has_key && read_hex(conf.key, sizeof(conf.key), field[3]) != sizeof(conf.key))
		return err_set(err, -EINVAL, "key: not %zu octets in hex", sizeof(conf.key));
	return quic_lb_config_init(&c->lb, &conf, err);
}

int mint_add(struct mint *m, const char *text, struct err *err)
{
	char copy[256], *rest = copy, *field[5];
	struct mint_config *c = &m->config[m->n_configs];
	size_t n = 0;

	if (m->n_configs == ARRAY_LEN(m->config) || strlen(text) >= sizeof(copy))
		return err_set(err, -EINVAL, "too much");
	strcpy(copy, text);
	while (rest && n < ARRAY_LEN(field))
		field[n++] = strsep(&rest, ",");
	if (n < 3)
		return err_set(err, -EINVAL, "CONFIG_ID,SERVER_ID,NONCE_LENGTH[,KEY[,DRAFT]]");
	if (read_fields(c, field, n, err))
		return err->code;
	m->n_configs++;
	if (c->lb.cid_len > m->cid_len)
		m->cid_len = c->lb.cid_len;
	return 0;
}

void mint_random(void *out, size_t n)
{
	if (getrandom(out, n, 0) != (ssize_t)n)
		abort();
}

void mint_cid(const struct mint *m, ngtcp2_cid *cid)
{
	const struct mint_config *c = &m->config[m->current];
	uint8_t random[1 + QUIC_LB_MAX_NONCE], low_bits;

	cid->datalen = m->n_configs > 0 ? m->cid_len : MINT_OPAQUE_CID;
	mint_random(cid->data, sizeof(cid->data));
	if (m->n_configs == 0) {
		cid->data[0] = (uint8_t)(7 << 5 | (MINT_OPAQUE_CID - 1)); // section 3.2
		return;
	}
	mint_random(random, sizeof(random));
	low_bits = quic_lb_length_bits(&c->lb, (uint8_t)(m->cid_len - c->lb.cid_len));
	if (m->has_random_bits)
		low_bits = random[0] & 31;
	// Directly into the CID: quic_lb_encode() wants room for the longest, which ngtcp2 gives.
	static_assert(sizeof(cid->data) >= QUIC_LB_MAX_CID, "quic_lb_encode()'s contract");
	quic_lb_encode(&c->lb, low_bits, c->server_id, random + 1, cid->data);
}

void mint_rotate(struct mint *m)
{
	if (m->n_configs > 0)
		m->current = (m->current + 1) % m->n_configs;
}
