// SPDX-License-Identifier: BSD-3-Clause
// QUIC-LB decoding over vectors of one or two AES blocks: one text for two instruction sets, included
// by quic_lb_aesni.c and quic_lb_vaes.c only. The includer defines before:
//	VEC                 the functions' target attribute
//	vec, VEC_BLOCKS     the vector, and how many AES blocks (so CIDs) it holds
//	vec_all(octets)     16 octets, in each block
//	vec_load(p, off, len)   block i = len octets (4, 8 or 16) at p[i] + off, then zeros
//	vec_store(sids, v)  block i to sids[i]
//	vec_shuffle(v, s)   pshufb in each block
//	vec_aesenc, vec_aesenclast, vec_aesdec, vec_aesdeclast (v, key)
// Eight vectors are worked on at once: an AES instruction takes four cycles but two can start in each
// (Zen 3; Ice Lake is alike), so fewer would leave the unit idle, and more do not fit 16 registers.
#pragma once

#include "l4/data/quic_lb.h"

enum {
	N_VEC = 8,
	AT_ONCE = N_VEC * VEC_BLOCKS, // CIDs
	N_ROUNDS = 10,                // of AES-128
};

// The two halves of AT_ONCE blocks, each beginning at octet 0 of its own.
struct halves {
	vec left[N_VEC];
	vec right[N_VEC];
};

// The round keys stay in memory: the registers hold the blocks.
static VEC MUST_INLINE void quic_lb_kernel_encrypt(const struct quic_lb_config *c, vec b[N_VEC])
{
	for (size_t r = 1; r < N_ROUNDS; r++) {
		vec key = vec_all(c->round_key[r]);
#pragma GCC unroll 8
		for (size_t i = 0; i < N_VEC; i++)
			b[i] = vec_aesenc(b[i], key);
	}
	vec last = vec_all(c->round_key[N_ROUNDS]);
#pragma GCC unroll 8
	for (size_t i = 0; i < N_VEC; i++)
		b[i] = vec_aesenclast(b[i], last);
}

static VEC MUST_INLINE void quic_lb_kernel_decrypt(const struct quic_lb_config *c, vec b[N_VEC])
{
	for (size_t r = 1; r < N_ROUNDS; r++) {
		vec key = vec_all(c->round_key[r]);
#pragma GCC unroll 8
		for (size_t i = 0; i < N_VEC; i++)
			b[i] = vec_aesdec(b[i], key);
	}
	vec last = vec_all(c->round_key[N_ROUNDS]);
#pragma GCC unroll 8
	for (size_t i = 0; i < N_VEC; i++)
		b[i] = vec_aesdeclast(b[i], last);
}

// `len` is c->load_len, as a constant for the compiler.
static VEC MUST_INLINE void quic_lb_kernel_split_by(const struct quic_lb_config *c,
                                                    const uint8_t *const *cids, struct halves *h,
                                                    size_t len)
{
	vec left_mask = vec_all(c->left_mask);
	vec right_mask = vec_all(c->right_mask);
	vec shuffle = vec_all(c->right_shuffle);
	size_t end_load = c->cid_len - len;

#pragma GCC unroll 8
	for (size_t i = 0; i < N_VEC; i++) {
		const uint8_t *const *from = cids + i * VEC_BLOCKS;

		h->left[i] = vec_load(from, 1, len) & left_mask;
		h->right[i] = vec_shuffle(vec_load(from, end_load, len), shuffle) & right_mask;
	}
}

static VEC MUST_INLINE void quic_lb_kernel_split(const struct quic_lb_config *c,
                                                 const uint8_t *const *cids, struct halves *h)
{
	switch (c->load_len) {
	case 4:
		quic_lb_kernel_split_by(c, cids, h, 4);
		return;
	case 8:
		quic_lb_kernel_split_by(c, cids, h, 8);
		return;
	default:
		quic_lb_kernel_split_by(c, cids, h, 16);
	}
}

static VEC MUST_INLINE void quic_lb_kernel_merge(const struct quic_lb_config *c,
                                                 const struct halves *h, struct quic_lb_sid *sids)
{
	vec shuffle = vec_all(c->merge_shuffle);
	vec mask = vec_all(c->server_id_mask);

#pragma GCC unroll 8
	for (size_t i = 0; i < N_VEC; i++)
		vec_store(sids + i * VEC_BLOCKS,
		          (h->left[i] | vec_shuffle(h->right[i], shuffle)) & mask);
}

// One pass of the Feistel network: changes `to` by `from`.
static VEC MUST_INLINE void quic_lb_kernel_pass(const struct quic_lb_config *c, size_t pass,
                                                const vec *from, vec *to, const uint8_t *to_mask)
{
	vec first = vec_all(c->first_key[pass - 1]);
	vec shuffle = vec_all(c->expand_shuffle);
	vec mask = vec_all(to_mask);
	vec b[N_VEC];

#pragma GCC unroll 8
	for (size_t i = 0; i < N_VEC; i++)
		b[i] = vec_shuffle(from[i], shuffle) ^ first;
	quic_lb_kernel_encrypt(c, b);
#pragma GCC unroll 8
	for (size_t i = 0; i < N_VEC; i++)
		to[i] ^= b[i] & mask;
}

// --- AT_ONCE CIDs ---

static VEC void quic_lb_kernel_plaintext(const struct quic_lb_config *c, const uint8_t *const *cids,
                                         struct quic_lb_sid *sids)
{
	struct halves h;

	quic_lb_kernel_split(c, cids, &h);
	quic_lb_kernel_merge(c, &h, sids);
}

static VEC void quic_lb_kernel_single(const struct quic_lb_config *c, const uint8_t *const *cids,
                                      struct quic_lb_sid *sids)
{
	vec first = vec_all(c->round_key[0]);
	vec mask = vec_all(c->server_id_mask);
	vec b[N_VEC];

#pragma GCC unroll 8
	for (size_t i = 0; i < N_VEC; i++)
		b[i] = vec_load(cids + i * VEC_BLOCKS, 1, QUIC_LB_AES_BLOCK) ^ first;
	quic_lb_kernel_decrypt(c, b);
#pragma GCC unroll 8
	for (size_t i = 0; i < N_VEC; i++)
		vec_store(sids + i * VEC_BLOCKS, b[i] & mask);
}

static VEC void quic_lb_kernel_four(const struct quic_lb_config *c, const uint8_t *const *cids,
                                    struct quic_lb_sid *sids)
{
	struct halves h;

	quic_lb_kernel_split(c, cids, &h);
	quic_lb_kernel_pass(c, 4, h.right, h.left, c->left_mask);
	quic_lb_kernel_pass(c, 3, h.left, h.right, c->right_mask);
	quic_lb_kernel_pass(c, 2, h.right, h.left, c->left_mask);
	if (c->last_pass == 1)
		quic_lb_kernel_pass(c, 1, h.left, h.right, c->right_mask);
	quic_lb_kernel_merge(c, &h, sids);
}

static VEC void quic_lb_kernel_some(const struct quic_lb_config *c, const uint8_t *const *cids,
                                    struct quic_lb_sid *sids)
{
	switch ((enum quic_lb_mode)c->mode) {
	case QUIC_LB_PLAINTEXT:
		quic_lb_kernel_plaintext(c, cids, sids);
		return;
	case QUIC_LB_SINGLE_PASS:
		quic_lb_kernel_single(c, cids, sids);
		return;
	case QUIC_LB_FOUR_PASS:
		quic_lb_kernel_four(c, cids, sids);
		return;
	case QUIC_LB_NONE:
	case QUIC_LB_MODE_COUNT:
		HOT_ASSERT(!"compiled by quic_lb_config_init()");
	}
}

// A remainder is filled up with copies of its first CID: AT_ONCE take hardly longer than one.
static VEC MUST_INLINE void quic_lb_kernel_decode(const struct quic_lb_config *c,
                                                  const uint8_t *const *cids, size_t n,
                                                  struct quic_lb_sid *sids)
{
	const uint8_t *padded[AT_ONCE];
	struct quic_lb_sid decoded[AT_ONCE];
	size_t done = 0;

	for (; n - done >= AT_ONCE; done += AT_ONCE)
		quic_lb_kernel_some(c, cids + done, sids + done);
	if (done == n)
		return;
	for (size_t i = 0; i < AT_ONCE; i++)
		padded[i] = cids[done + (i < n - done ? i : 0)];
	quic_lb_kernel_some(c, padded, decoded);
	memcpy(sids + done, decoded, (n - done) * sizeof(*sids));
}
