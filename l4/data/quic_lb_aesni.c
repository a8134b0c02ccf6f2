// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/quic_lb_aesni.h"

#ifdef __x86_64__
#include <immintrin.h>

// These functions may use the instructions whatever MARCH says; usable() asks before any runs.
#define VEC __attribute__((target("aes,sse4.1")))

typedef __m128i vec;

enum { VEC_BLOCKS = 1 };

static VEC MUST_INLINE vec vec_all(const uint8_t octets[16])
{
	return _mm_load_si128((const __m128i *)octets);
}

static VEC MUST_INLINE vec vec_load(const uint8_t *const *p, size_t off, size_t len)
{
	int four;

	if (len == 16)
		return _mm_loadu_si128((const __m128i *)(p[0] + off));
	if (len == 8)
		return _mm_loadl_epi64((const __m128i *)(p[0] + off));
	memcpy(&four, p[0] + off, sizeof(four));
	return _mm_cvtsi32_si128(four);
}

static VEC MUST_INLINE void vec_store(struct quic_lb_sid *sids, vec v)
{
	_mm_store_si128((__m128i *)sids, v);
}

static VEC MUST_INLINE vec vec_shuffle(vec v, vec by)
{
	return _mm_shuffle_epi8(v, by);
}

static VEC MUST_INLINE vec vec_aesenc(vec v, vec key)
{
	return _mm_aesenc_si128(v, key);
}

static VEC MUST_INLINE vec vec_aesenclast(vec v, vec key)
{
	return _mm_aesenclast_si128(v, key);
}

static VEC MUST_INLINE vec vec_aesdec(vec v, vec key)
{
	return _mm_aesdec_si128(v, key);
}

static VEC MUST_INLINE vec vec_aesdeclast(vec v, vec key)
{
	return _mm_aesdeclast_si128(v, key);
}

#include "l4/data/quic_lb_kernel.h"

// One step of the key expansion (FIPS 197, 5.2), as in Gueron, "Intel AES New Instructions Set",
// 2010, figure 24: the four words of `key` are summed up, and the assist's last word is added.
static VEC MUST_INLINE __m128i next_key(__m128i key, __m128i assist)
{
	key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
	key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
	return _mm_xor_si128(key, _mm_shuffle_epi32(assist, 0xff));
}

// The instruction takes the round constant as an immediate, so this cannot be a loop.
static VEC void expand_key(__m128i k[N_ROUNDS + 1], const uint8_t key[16])
{
	k[0] = _mm_loadu_si128((const __m128i *)key);
	k[1] = next_key(k[0], _mm_aeskeygenassist_si128(k[0], 0x01));
	k[2] = next_key(k[1], _mm_aeskeygenassist_si128(k[1], 0x02));
	k[3] = next_key(k[2], _mm_aeskeygenassist_si128(k[2], 0x04));
	k[4] = next_key(k[3], _mm_aeskeygenassist_si128(k[3], 0x08));
	k[5] = next_key(k[4], _mm_aeskeygenassist_si128(k[4], 0x10));
	k[6] = next_key(k[5], _mm_aeskeygenassist_si128(k[5], 0x20));
	k[7] = next_key(k[6], _mm_aeskeygenassist_si128(k[6], 0x40));
	k[8] = next_key(k[7], _mm_aeskeygenassist_si128(k[7], 0x80));
	k[9] = next_key(k[8], _mm_aeskeygenassist_si128(k[8], 0x1b));
	k[10] = next_key(k[9], _mm_aeskeygenassist_si128(k[9], 0x36));
}

// The schedule of the equivalent inverse cipher (FIPS 197, 5.3.5), in place.
static VEC void invert_key(__m128i k[N_ROUNDS + 1])
{
	for (size_t i = 0; i < N_ROUNDS / 2; i++) {
		__m128i tmp = k[i];

		k[i] = k[N_ROUNDS - i];
		k[N_ROUNDS - i] = tmp;
	}
	for (size_t i = 1; i < N_ROUNDS; i++)
		k[i] = _mm_aesimc_si128(k[i]);
}

bool quic_lb_aesni_usable(void)
{
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");
}

VEC void quic_lb_aesni_set_key(struct quic_lb_config *c, const uint8_t key[16])
{
	__m128i k[N_ROUNDS + 1];

	expand_key(k, key);
	if (c->mode == QUIC_LB_SINGLE_PASS)
		invert_key(k);
	memcpy(c->round_key, k, sizeof(k));
	// AES begins by adding round key 0, which can as well add what expand() adds.
	for (size_t pass = 0; pass < ARRAY_LEN(c->first_key); pass++) {
		__m128i first = _mm_xor_si128(k[0], vec_all(c->first_key[pass]));

		_mm_store_si128((__m128i *)c->first_key[pass], first);
	}
	memset(k, 0, sizeof(k));
	__asm__ volatile("" : : "r"(k) : "memory"); // keeps the memset: this is the key
}

VEC void quic_lb_aesni_decode(const struct quic_lb_config *c, const uint8_t *const *cids, size_t n,
                              struct quic_lb_sid *sids)
{
	quic_lb_kernel_decode(c, cids, n, sids);
}

#else // other architectures: the portable code of quic_lb.c

bool quic_lb_aesni_usable(void)
{
	return false;
}

void quic_lb_aesni_set_key(struct quic_lb_config *c, const uint8_t key[16])
{
	assert(!"reachable");
}

void quic_lb_aesni_decode(const struct quic_lb_config *c, const uint8_t *const *cids, size_t n,
                          struct quic_lb_sid *sids)
{
	assert(!"reachable");
}
#endif
