// SPDX-License-Identifier: BSD-3-Clause
// What sparse reads in place of gcc's intrinsics, whose vector initialisers it cannot parse. Only
// declarations: sparse checks the byte order of our integers and needs no bodies. Code that uses one
// more intrinsic adds its line here.
#pragma once

typedef long long __m128i __attribute__((vector_size(16)));
typedef long long __m256i __attribute__((vector_size(32)));

// SSE2, SSSE3, SSE4
__m128i _mm_setzero_si128(void);
__m128i _mm_set1_epi8(char);
__m128i _mm_set1_epi16(short);
__m128i _mm_set1_epi32(int);
__m128i _mm_set1_epi64x(long long);
__m128i _mm_setr_epi8(char, char, char, char, char, char, char, char, char, char, char, char, char,
                      char, char, char);
__m128i _mm_set_epi32(int, int, int, int);
__m128i _mm_set_epi64x(long long, long long);
__m128i _mm_cvtsi32_si128(int);
__m128i _mm_cvtsi64_si128(long long);
long long _mm_cvtsi128_si64(__m128i);
int _mm_cvtsi128_si32(__m128i);
__m128i _mm_insert_epi16(__m128i, int, int);
int _mm_extract_epi16(__m128i, int);
int _mm_extract_epi32(__m128i, int);
long long _mm_extract_epi64(__m128i, int);
__m128i _mm_load_si128(const __m128i *);
__m128i _mm_loadu_si128(const __m128i *);
__m128i _mm_loadu_si16(const void *);
__m128i _mm_loadu_si32(const void *);
__m128i _mm_loadu_si64(const void *);
void _mm_storeu_si16(void *, __m128i);
void _mm_storeu_si32(void *, __m128i);
void _mm_storeu_si64(void *, __m128i);
__m128i _mm_loadl_epi64(const __m128i *);
void _mm_store_si128(__m128i *, __m128i);
void _mm_storeu_si128(__m128i *, __m128i);
void _mm_storel_epi64(__m128i *, __m128i);
__m128i _mm_cmpeq_epi8(__m128i, __m128i);
__m128i _mm_cmpgt_epi8(__m128i, __m128i);
__m128i _mm_min_epu8(__m128i, __m128i);
__m128i _mm_cmpeq_epi16(__m128i, __m128i);
__m128i _mm_cmpeq_epi32(__m128i, __m128i);
int _mm_movemask_epi8(__m128i);
int _mm_testz_si128(__m128i, __m128i);
__m128i _mm_and_si128(__m128i, __m128i);
__m128i _mm_andnot_si128(__m128i, __m128i);
__m128i _mm_or_si128(__m128i, __m128i);
__m128i _mm_xor_si128(__m128i, __m128i);
__m128i _mm_add_epi32(__m128i, __m128i);
__m128i _mm_add_epi64(__m128i, __m128i);
__m128i _mm_shuffle_epi8(__m128i, __m128i);
__m128i _mm_shuffle_epi32(__m128i, int);
__m128i _mm_packs_epi16(__m128i, __m128i);
__m128i _mm_unpacklo_epi64(__m128i, __m128i);
__m128i _mm_slli_si128(__m128i, int);
__m128i _mm_srli_si128(__m128i, int);
__m128i _mm_slli_epi64(__m128i, int);
__m128i _mm_srli_epi64(__m128i, int);
unsigned int _mm_crc32_u8(unsigned int, unsigned char);
unsigned int _mm_crc32_u16(unsigned int, unsigned short);
unsigned int _mm_crc32_u32(unsigned int, unsigned int);
unsigned long long _mm_crc32_u64(unsigned long long, unsigned long long);
// AES
__m128i _mm_aesenc_si128(__m128i, __m128i);
__m128i _mm_aesenclast_si128(__m128i, __m128i);
__m128i _mm_aesdec_si128(__m128i, __m128i);
__m128i _mm_aesdeclast_si128(__m128i, __m128i);
__m128i _mm_aesimc_si128(__m128i);
__m128i _mm_aeskeygenassist_si128(__m128i, int);
// AVX2
__m256i _mm256_set1_epi8(char);
__m256i _mm256_set1_epi16(short);
__m256i _mm256_loadu_si256(const __m256i *);
__m256i _mm256_load_si256(const __m256i *);
__m256i _mm256_cmpeq_epi8(__m256i, __m256i);
__m256i _mm256_cmpeq_epi16(__m256i, __m256i);
__m256i _mm256_cmpgt_epi8(__m256i, __m256i);
__m256i _mm256_min_epu8(__m256i, __m256i);
__m256i _mm256_and_si256(__m256i, __m256i);
__m256i _mm256_andnot_si256(__m256i, __m256i);
__m256i _mm256_or_si256(__m256i, __m256i);
__m256i _mm256_setzero_si256(void);
__m256i _mm256_srli_epi16(__m256i, int);
int _mm256_movemask_epi8(__m256i);
void _mm256_storeu_si256(__m256i *, __m256i);
__m256i _mm256_broadcastsi128_si256(__m128i);
__m256i _mm256_castsi128_si256(__m128i);
__m256i _mm256_inserti128_si256(__m256i, __m128i, int);
__m256i _mm256_shuffle_epi8(__m256i, __m256i);
// VAES
__m256i _mm256_aesenc_epi128(__m256i, __m256i);
__m256i _mm256_aesenclast_epi128(__m256i, __m256i);
__m256i _mm256_aesdec_epi128(__m256i, __m256i);
__m256i _mm256_aesdeclast_epi128(__m256i, __m256i);
// Others
#define __builtin_cpu_supports(feature) 1
void _mm_pause(void);
unsigned long long __rdtsc(void);
unsigned long long __rdtscp(unsigned int *);
