// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/quic_lb_vaes.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

// These functions may use the instructions whatever MARCH says; usable() asks before any runs.
#define VEC __attribute__((target("avx2,vaes")))

typedef __m256i vec;

enum {
	VEC_BLOCKS = 2,
	CPUID_FEATURES = 7, // leaf, subleaf 0; Intel SDM volume 2A, table 3-8
	CPUID_ECX_VAES = 1 << 9,
};

static VEC MUST_INLINE vec vec_all(const uint8_t octets[16])
{
	return _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)octets));
}

static VEC MUST_INLINE __m128i load(const uint8_t *p, size_t len)
{
	int four;

	if (len == 16)
		return _mm_loadu_si128((const __m128i *)p);
	if (len == 8)
		return _mm_loadl_epi64((const __m128i *)p);
	memcpy(&four, p, sizeof(four));
	return _mm_cvtsi32_si128(four);
}

static VEC MUST_INLINE vec vec_load(const uint8_t *const *p, size_t off, size_t len)
{
	vec low = _mm256_castsi128_si256(load(p[0] + off, len));

	return _mm256_inserti128_si256(low, load(p[1] + off, len), 1);
}

static VEC MUST_INLINE void vec_store(struct quic_lb_sid *sids, vec v)
{
	_mm256_storeu_si256((__m256i *)sids, v);
}

static VEC MUST_INLINE vec vec_shuffle(vec v, vec by)
{
	return _mm256_shuffle_epi8(v, by);
}

static VEC MUST_INLINE vec vec_aesenc(vec v, vec key)
{
	return _mm256_aesenc_epi128(v, key);
}

static VEC MUST_INLINE vec vec_aesenclast(vec v, vec key)
{
	return _mm256_aesenclast_epi128(v, key);
}

static VEC MUST_INLINE vec vec_aesdec(vec v, vec key)
{
	return _mm256_aesdec_epi128(v, key);
}

static VEC MUST_INLINE vec vec_aesdeclast(vec v, vec key)
{
	return _mm256_aesdeclast_epi128(v, key);
}

#include "l4/data/quic_lb_kernel.h"

// clang 14 has no __builtin_cpu_supports("vaes"). "avx2" includes that the kernel saves the registers.
bool quic_lb_vaes_usable(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("avx2") &&
	       __get_cpuid_count(CPUID_FEATURES, 0, &eax, &ebx, &ecx, &edx) &&
	       (ecx & CPUID_ECX_VAES);
}

VEC void quic_lb_vaes_decode(const struct quic_lb_config *c, const uint8_t *const *cids, size_t n,
                             struct quic_lb_sid *sids)
{
	quic_lb_kernel_decode(c, cids, n, sids);
}

#else // other architectures

bool quic_lb_vaes_usable(void)
{
	return false;
}

void quic_lb_vaes_decode(const struct quic_lb_config *c, const uint8_t *const *cids, size_t n,
                         struct quic_lb_sid *sids)
{
	assert(!"reachable");
}
#endif
