// SPDX-License-Identifier: BSD-3-Clause
// The Internet checksum (RFC 1071), its incremental update (RFC 1624), pseudo-headers.
//
// Sums are taken over words as they lie in memory: a one's complement sum does not care about the
// byte order as long as everybody keeps to it (RFC 1071 section 2 (B)). A sum in progress is a
// uint64_t `acc`, 0 at the start:
//   whole packet:  acc = csum_pseudo4(src, dst, proto, len); acc = csum_add(acc, l4, len);
//                  right if csum_fold(acc) == 0xffff; to fill one in, add with the field zeroed and
//                  store csum_finish(acc), or csum_finish_udp(acc)
//   a change:      diff = csum_diff4(0, old, new); diff = csum_diff2(diff, old_port, new_port);
//                  csum_apply(csum, diff) to every checksum that covers it
// All pointers may be unaligned.
#pragma once

#include <string.h>

#include "l4/base/be.h"

// Adds bytes to `acc`. Only the last of several pieces may have an odd length.
uint64_t csum_add(uint64_t acc, const void *bytes, size_t len);

static MUST_INLINE uint32_t csum_load4(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static MUST_INLINE uint64_t csum_load8(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

// One's complement addition: the carry comes back in at the low end. Modulo 2^64 - 1, of which
// 2^16 - 1 is a divisor, so nothing is lost for the 16 bits asked for in the end.
static MUST_INLINE uint64_t csum_add8(uint64_t acc, uint64_t v)
{
	acc += v;
	return acc + (acc < v);
}

// The 16-bit sum, not inverted, in memory order. 0 only if every byte was 0. Adding the halves to each
// other in both places leaves their sum, end-around carry included, in the upper one.
static MUST_INLINE uint16_t csum_fold(uint64_t acc)
{
	uint32_t sum = (uint32_t)((acc + (acc >> 32 | acc << 32)) >> 32);

	return (uint16_t)((sum + (sum >> 16 | sum << 16)) >> 16);
}

// What goes into the checksum field.
static MUST_INLINE be16 csum_finish(uint64_t acc)
{
	return be16_of_raw((uint16_t)~csum_fold(acc));
}

// UDP sends a computed 0 as 0xffff, as 0 says that there is no checksum (RFC 768).
static MUST_INLINE be16 csum_finish_udp(uint64_t acc)
{
	uint16_t sum = csum_fold(acc);

	return be16_of_raw(sum == 0xffff ? sum : (uint16_t)~sum);
}

// Is the checksum of an IPv4 header right? `header_len` in bytes, 20..60, all of them readable.
static MUST_INLINE bool csum_ip4_ok(const void *ip, size_t header_len)
{
	const uint8_t *p = ip;
	uint64_t acc = csum_add8(csum_load8(p), csum_load8(p + 8));

	acc = csum_add8(acc, csum_load4(p + 16));
	if (header_len > 20)
		acc = csum_add(acc, p + 20, header_len - 20);
	return csum_fold(acc) == 0xffff;
}

// Pseudo-headers: `len` is that of the L4 header and its payload in bytes (RFC 9293 section 3.1;
// RFC 8200 section 8.1). ICMP for IPv4 has none.
static MUST_INLINE uint64_t csum_pseudo4(be32 src, be32 dst, uint8_t proto, uint16_t len)
{
	return (uint64_t)be32_raw(src) + be32_raw(dst) + be16_raw(be16_from(proto)) +
	       be16_raw(be16_from(len));
}

static MUST_INLINE uint64_t csum_pseudo6(const void *src, const void *dst, uint8_t proto,
                                         uint32_t len)
{
	const uint8_t *s = src, *d = dst;
	uint64_t acc = (uint64_t)be32_raw(be32_from(len)) + be32_raw(be32_from(proto));

	acc = csum_add8(acc, csum_load8(s));
	acc = csum_add8(acc, csum_load8(s + 8));
	acc = csum_add8(acc, csum_load8(d));
	return csum_add8(acc, csum_load8(d + 8));
}

// ---- changes: HC' = ~(~HC + ~m + m'), RFC 1624 eqn. 3 ----

// Adds "old became new" to a difference, 0 at the start. Calculated once, applied to the IP and the
// L4 checksum and to every packet of a flow; up to 2^28 changes do not overflow.
static MUST_INLINE uint64_t csum_diff2(uint64_t diff, be16 old, be16 new)
{
	return diff + (uint16_t)~be16_raw(old) + be16_raw(new);
}

static MUST_INLINE uint64_t csum_diff4(uint64_t diff, be32 old, be32 new)
{
	return diff + (uint32_t)~be32_raw(old) + be32_raw(new);
}

// 16 bytes, an IPv6 address.
static MUST_INLINE uint64_t csum_diff16(uint64_t diff, const void *old, const void *new)
{
	const uint8_t *o = old, *n = new;

	for (size_t i = 0; i < 16; i += 4)
		diff += (uint64_t)(uint32_t)~csum_load4(o + i) + csum_load4(n + i);
	return diff;
}

// The checksum after the change. Folding first, csum_fold(diff), keeps it in 16 bits.
static MUST_INLINE be16 csum_apply(be16 csum, uint64_t diff)
{
	return csum_finish((uint16_t)~be16_raw(csum) + diff);
}

// UDP: no checksum stays none, a computed 0 becomes 0xffff.
static MUST_INLINE be16 csum_apply_udp(be16 csum, uint64_t diff)
{
	return be16_raw(csum) ? csum_finish_udp((uint16_t)~be16_raw(csum) + diff) : csum;
}

static MUST_INLINE be16 csum_replace2(be16 csum, be16 old, be16 new)
{
	return csum_apply(csum, csum_diff2(0, old, new));
}

static MUST_INLINE be16 csum_replace4(be16 csum, be32 old, be32 new)
{
	return csum_apply(csum, csum_diff4(0, old, new));
}

static MUST_INLINE be16 csum_replace16(be16 csum, const void *old, const void *new)
{
	return csum_apply(csum, csum_diff16(0, old, new));
}
