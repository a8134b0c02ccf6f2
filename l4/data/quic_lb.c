// SPDX-License-Identifier: BSD-3-Clause
// OpenSSL's low-level AES is deprecated in favour of EVP, but its key is a plain constant structure:
// many threads can use it at once and nothing is allocated. An EVP context offers neither.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "l4/data/quic_lb.h"

#include "l4/data/quic_lb_aesni.h"
#include "l4/data/quic_lb_vaes.h"

#include <openssl/aes.h>
#include <openssl/crypto.h>

#include <errno.h>

enum {
	NO_OCTET = 0x80,  // in a shuffle: pshufb writes a zero
	MIXED_GROUP = 32, // CIDs of one configuration that quic_lb_decode_mixed() collects
};

static_assert(sizeof(AES_KEY) == sizeof(((struct quic_lb_config *)0)->encrypt_key),
              "AES_KEY: 60 words of key schedule and the number of rounds");

static const AES_KEY *encrypt_key(const struct quic_lb_config *c)
{
	return (const AES_KEY *)c->encrypt_key;
}

static const AES_KEY *decrypt_key(const struct quic_lb_config *c)
{
	return (const AES_KEY *)c->decrypt_key;
}

// --- compiling a configuration ---

static int check_range(struct err *err, const char *name, unsigned int value, unsigned int least,
                       unsigned int most)
{
	if (value >= least && value <= most)
		return 0;
	return err_set(err, -EINVAL, "%s: %u is not in %u..%u", name, value, least, most);
}

static int check(const struct conf_quic_lb *conf, struct err *err)
{
	unsigned int sum = conf->server_id_length + conf->nonce_length;
	int rc = check_range(err, "config_id", conf->config_id, 0, QUIC_LB_MAX_CONFIGS - 1);

	if (!rc)
		rc = check_range(err, "server_id_length", conf->server_id_length, 1,
		                 QUIC_LB_MAX_SERVER_ID);
	if (!rc)
		rc = check_range(err, "nonce_length", conf->nonce_length, QUIC_LB_MIN_NONCE,
		                 QUIC_LB_MAX_NONCE);
	if (!rc && sum > QUIC_LB_MAX_BLOCK)
		rc = err_set(err, -EINVAL, "server_id_length + nonce_length: %u is more than %d",
		             sum, QUIC_LB_MAX_BLOCK);
	if (!rc && conf->draft != 18 && conf->draft != 19)
		rc = err_set(err, -EINVAL, "draft: %u is neither 18 nor 19", conf->draft);
	return rc;
}

static void set_masks(struct quic_lb_config *c)
{
	memset(c->left_mask, 0xff, c->half_len);
	memset(c->right_mask, 0xff, c->half_len);
	memset(c->server_id_mask, 0xff, c->server_id_len);
	if (c->block_len % 2) { // the halves share the middle octet
		c->left_mask[c->half_len - 1] = 0xf0;
		c->right_mask[0] = 0x0f;
	}
}

static void set_shuffles(struct quic_lb_config *c)
{
	uint8_t right_off = c->block_len - c->half_len;    // in the block
	uint8_t right_in_load = c->load_len - c->half_len; // in the load up to the block's end
	uint8_t expand_off = c->draft == 18 ? 2 : 0;       // in the round function's input

	memset(c->right_shuffle, NO_OCTET, QUIC_LB_AES_BLOCK);
	memset(c->merge_shuffle, NO_OCTET, QUIC_LB_AES_BLOCK);
	memset(c->expand_shuffle, NO_OCTET, QUIC_LB_AES_BLOCK);
	for (uint8_t i = 0; i < c->half_len; i++) {
		c->right_shuffle[i] = right_in_load + i;
		c->expand_shuffle[expand_off + i] = i;
		if (right_off + i < QUIC_LB_AES_BLOCK)
			c->merge_shuffle[right_off + i] = i;
	}
}

// What expand() adds to a half (section 5.4.2.2): behind it, until -18 before it.
static void expand_constant(const struct quic_lb_config *c, uint8_t pass, uint8_t out[16])
{
	memset(out, 0, QUIC_LB_AES_BLOCK);
	out[c->draft == 18 ? 0 : 14] = c->block_len;
	out[c->draft == 18 ? 1 : 15] = pass;
}

static uint8_t load_len_for(uint8_t block_len)
{
	if (block_len < 8)
		return 4;
	return block_len <= 16 ? 8 : 16;
}

static void set_key(struct quic_lb_config *c, const uint8_t key[16])
{
	AES_KEY schedule;

	AES_set_encrypt_key(key, 128, &schedule); // fails for no other reason than a wrong size
	memcpy(c->encrypt_key, &schedule, sizeof(schedule));
	AES_set_decrypt_key(key, 128, &schedule);
	memcpy(c->decrypt_key, &schedule, sizeof(schedule));
	OPENSSL_cleanse(&schedule, sizeof(schedule));
	for (uint8_t pass = 1; pass <= 4; pass++)
		expand_constant(c, pass, c->first_key[pass - 1]);
	if (quic_lb_aesni_usable())
		quic_lb_aesni_set_key(c, key);
}

static bool has_engine(enum quic_lb_engine engine)
{
	switch (engine) {
	case QUIC_LB_PORTABLE:
		return true;
	case QUIC_LB_AESNI:
		return quic_lb_aesni_usable();
	case QUIC_LB_VAES:
		return quic_lb_vaes_usable();
	case QUIC_LB_ENGINE_COUNT:
		break;
	}
	return false;
}

static enum quic_lb_engine best_engine(void)
{
	enum quic_lb_engine best = QUIC_LB_VAES;

	while (!has_engine(best))
		best--;
	return best;
}

static enum quic_lb_mode mode_of(const struct conf_quic_lb *conf)
{
	if (!conf->has_key)
		return QUIC_LB_PLAINTEXT;
	return conf->server_id_length + conf->nonce_length == QUIC_LB_AES_BLOCK
	               ? QUIC_LB_SINGLE_PASS
	               : QUIC_LB_FOUR_PASS;
}

int quic_lb_config_init(struct quic_lb_config *c, const struct conf_quic_lb *conf, struct err *err)
{
	int rc = check(conf, err);

	if (rc)
		return rc;
	uint8_t block_len = conf->server_id_length + conf->nonce_length;
	*c = (struct quic_lb_config){
		.config_id = conf->config_id,
		.mode = mode_of(conf),
		.server_id_len = conf->server_id_length,
		.nonce_len = conf->nonce_length,
		.block_len = block_len,
		.half_len = (block_len + 1) / 2,
		.cid_len = 1 + block_len,
		.load_len = load_len_for(block_len),
		.last_pass = conf->server_id_length <= conf->nonce_length ? 2 : 1,
		.draft = conf->draft,
		.engine = best_engine(),
	};
	set_masks(c);
	set_shuffles(c);
	if (conf->has_key)
		set_key(c, conf->key);
	return 0;
}

void quic_lb_config_fini(struct quic_lb_config *c)
{
	OPENSSL_cleanse(c, sizeof(*c));
}

bool quic_lb_config_use(struct quic_lb_config *c, enum quic_lb_engine engine)
{
	if (!has_engine(engine))
		return false;
	c->engine = engine;
	return true;
}

// --- the portable codec ---

// The two halves of a block, each in its first half_len octets.
struct halves {
	uint8_t left[QUIC_LB_AES_BLOCK];
	uint8_t right[QUIC_LB_AES_BLOCK];
};

static void split(const struct quic_lb_config *c, const uint8_t *block, struct halves *h)
{
	for (size_t i = 0; i < c->half_len; i++) {
		h->left[i] = block[i] & c->left_mask[i];
		h->right[i] = block[c->block_len - c->half_len + i] & c->right_mask[i];
	}
}

static void merge(const struct quic_lb_config *c, const struct halves *h, uint8_t *block)
{
	memset(block, 0, c->block_len);
	memcpy(block, h->left, c->half_len);
	for (size_t i = 0; i < c->half_len; i++)
		block[c->block_len - c->half_len + i] |= h->right[i];
}

// Odd passes change the right half by the left one, even passes the left half by the right one.
// Each is its own inverse.
static void feistel_pass(const struct quic_lb_config *c, uint8_t pass, struct halves *h)
{
	const uint8_t *from = pass % 2 ? h->left : h->right;
	const uint8_t *mask = pass % 2 ? c->right_mask : c->left_mask;
	uint8_t *to = pass % 2 ? h->right : h->left;
	uint8_t block[QUIC_LB_AES_BLOCK];

	expand_constant(c, pass, block);
	memcpy(block + (c->draft == 18 ? 2 : 0), from, c->half_len);
	AES_encrypt(block, block, encrypt_key(c));
	for (size_t i = 0; i < c->half_len; i++)
		to[i] ^= block[i] & mask[i];
}

// Decodes the block_len octets at `block` into `plain`; four-pass blocks back to `last_pass`.
static void open_block(const struct quic_lb_config *c, const uint8_t *block, uint8_t *plain,
                       uint8_t last_pass)
{
	struct halves h;

	if (c->mode == QUIC_LB_PLAINTEXT) {
		memcpy(plain, block, c->block_len);
	} else if (c->mode == QUIC_LB_SINGLE_PASS) {
		AES_decrypt(block, plain, decrypt_key(c));
	} else {
		split(c, block, &h);
		for (uint8_t pass = 4; pass >= last_pass; pass--)
			feistel_pass(c, pass, &h);
		merge(c, &h, plain);
	}
}

static void seal_block(const struct quic_lb_config *c, uint8_t *block)
{
	struct halves h;

	if (c->mode == QUIC_LB_SINGLE_PASS) {
		AES_encrypt(block, block, encrypt_key(c));
	} else if (c->mode == QUIC_LB_FOUR_PASS) {
		split(c, block, &h);
		for (uint8_t pass = 1; pass <= 4; pass++)
			feistel_pass(c, pass, &h);
		merge(c, &h, block);
	}
}

static void decode_portable(const struct quic_lb_config *c, const uint8_t *const *cids, size_t n,
                            struct quic_lb_sid *sids)
{
	uint8_t plain[QUIC_LB_MAX_BLOCK];

	for (size_t i = 0; i < n; i++) {
		open_block(c, cids[i] + 1, plain, c->last_pass);
		sids[i] = (struct quic_lb_sid){{0}};
		memcpy(&sids[i], plain, c->server_id_len);
	}
}

// --- bursts ---

void quic_lb_decode_burst(const struct quic_lb_config *c, const uint8_t *const *cids, size_t n,
                          struct quic_lb_sid *sids)
{
	if (c->engine == QUIC_LB_VAES)
		quic_lb_vaes_decode(c, cids, n, sids);
	else if (c->engine == QUIC_LB_AESNI)
		quic_lb_aesni_decode(c, cids, n, sids);
	else
		decode_portable(c, cids, n, sids);
}

// The CIDs of the group that have configuration c, as bits.
static uint32_t find_config(const struct quic_lb_config *const *configs, size_t n,
                            const struct quic_lb_config *c)
{
	uint32_t found = 0;

	for (size_t i = 0; i < n; i++)
		found |= (uint32_t)(configs[i] == c) << i;
	return found;
}

// Decodes the CIDs whose bits are set, at least one and all of configuration c.
static void decode_some(const struct quic_lb_config *c, const uint8_t *const *cids,
                        struct quic_lb_sid *sids, uint32_t bits)
{
	const uint8_t *gathered[MIXED_GROUP];
	struct quic_lb_sid decoded[MIXED_GROUP];
	uint32_t left = bits;
	size_t n = 0;

	do
		gathered[n++] = cids[__builtin_ctz(left)];
	while (left &= left - 1);
	quic_lb_decode_burst(c, gathered, n, decoded);
	n = 0;
	for (left = bits; left; left &= left - 1)
		sids[__builtin_ctz(left)] = decoded[n++];
}

// For n up to MIXED_GROUP.
static void decode_group(const struct quic_lb_config *const *configs, const uint8_t *const *cids,
                         size_t n, struct quic_lb_sid *sids)
{
	uint32_t todo = (uint32_t)((UINT64_C(1) << n) - 1) & ~find_config(configs, n, NULL);

	while (todo) {
		const struct quic_lb_config *c = configs[__builtin_ctz(todo)];
		uint32_t bits = find_config(configs, n, c);

		if (bits == (uint32_t)((UINT64_C(1) << n) - 1)) // one service, one configuration
			quic_lb_decode_burst(c, cids, n, sids);
		else
			decode_some(c, cids, sids, bits);
		todo &= ~bits;
	}
}

void quic_lb_decode_mixed(const struct quic_lb_config *const *configs, const uint8_t *const *cids,
                          size_t n, struct quic_lb_sid *sids)
{
	size_t at = 0;

	for (; n - at > MIXED_GROUP; at += MIXED_GROUP)
		decode_group(configs + at, cids + at, MIXED_GROUP, sids + at);
	if (n > at)
		decode_group(configs + at, cids + at, n - at, sids + at);
}

// --- one at a time, for tools and servers ---

int quic_lb_decode(const struct quic_lb_config *c, struct slice cid, uint8_t *server_id,
                   uint8_t *nonce, struct err *err)
{
	uint8_t plain[QUIC_LB_MAX_BLOCK];

	if (cid.len < c->cid_len)
		return err_set(err, -EINVAL, "cid: has %zu octets, the configuration needs %u",
		               cid.len, c->cid_len);
	if (cid.ptr[0] >> 5 != c->config_id)
		return err_set(err, -EINVAL, "cid: has config id %d, the configuration is %u",
		               cid.ptr[0] >> 5, c->config_id);
	open_block(c, cid.ptr + 1, plain, 1);
	memcpy(server_id, plain, c->server_id_len);
	memcpy(nonce, plain + c->server_id_len, c->nonce_len);
	return 0;
}

size_t quic_lb_encode(const struct quic_lb_config *c, uint8_t low_bits, const uint8_t *server_id,
                      const uint8_t *nonce, uint8_t *out)
{
	assert(low_bits < 32);
	out[0] = (uint8_t)(c->config_id << 5 | low_bits);
	memcpy(out + 1, server_id, c->server_id_len);
	memcpy(out + 1 + c->server_id_len, nonce, c->nonce_len);
	seal_block(c, out + 1);
	return c->cid_len;
}
