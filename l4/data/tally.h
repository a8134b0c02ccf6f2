// SPDX-License-Identifier: BSD-3-Clause
// What a burst's forwarded packets of clients add to the counters. Forward adds each to its backend's at once, while it has the
// packet and the backend at hand, and gathers here what packets in a row have in common: their lane's and service's share.
// lane_count() adds that to shared memory when the burst is sent, once for a row; so nobody walks over packets just to count them.
// A nanosecond a packet here would be 4 % of its way through the stages.
//
// The lane's thread only.
#pragma once

#include <immintrin.h>

#include "l4/data/lane.h"
#include "l4/data/pkt.h"

// Packets and bytes, in two words of 64 bits, which one instruction adds: two additions to memory take a third of a nanosecond more.
typedef __m128i tally_pair;
static_assert(offsetof(struct backend_counters, bytes) ==
                              offsetof(struct backend_counters, packets) + sizeof(uint64_t) &&
                      offsetof(struct backend_counters, packets) % sizeof(tally_pair) == 0,
              "packets and bytes are a pair");

static MUST_INLINE void tally_begin(struct tally *t)
{
	t->n_rows = 0;
}

// In the tally is what was forwarded for clients and opened no flow.
static MUST_INLINE bool tally_has(const struct pkt *p)
{
	return p->role == ROLE_CLIENT && p->verdict == VERDICT_FORWARD && !p->is_new;
}

// Adds the packet to the pair of its backend, and to that of its row, which it returns.
static MUST_INLINE tally_pair tally_backend(struct backend_counters *b, const struct pkt *p,
                                            tally_pair row)
{
	// {1, len}: the length goes to the lowest 16 bits of the upper word, straight from memory.
	tally_pair one = _mm_insert_epi16(_mm_set_epi64x(0, 1), p->len, 4);
	__m128i *pair = (__m128i *)(void *)&b->packets;

	_mm_store_si128(pair, _mm_add_epi64(_mm_load_si128(pair), one));
	return _mm_add_epi64(row, one);
}

// 1 to PKT_BURST packets in a row of one service.
static MUST_INLINE void tally_row(struct tally *t, uint16_t service, tally_pair row)
{
	HOT_ASSERT(t->n_rows < PKT_BURST);
	t->row[t->n_rows++] = (struct tally_row){
		.service = service,
		.packets = (uint16_t)_mm_cvtsi128_si32(row),
		.bytes = (uint32_t)_mm_extract_epi32(row, 2),
	};
}
