// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/quic.h"

#include <string.h>

enum {
	VERSION_END = 5,   // first octet, four of version
	DCID_OFF_LONG = 6, // and one of DCID length
};

// Long packet types, bits 4 and 5 of the first octet.
static const uint8_t kinds_v1[4] = {QUIC_INITIAL, QUIC_0RTT, QUIC_HANDSHAKE, QUIC_RETRY};
static const uint8_t kinds_v2[4] = {QUIC_RETRY, QUIC_INITIAL, QUIC_0RTT, QUIC_HANDSHAKE};

// Reads a variable-length integer (RFC 9000, section 16) at p + *off and moves *off behind it.
// False if it does not end before len.
static bool take_varint(uint64_t *out, const uint8_t *p, size_t len, size_t *off)
{
	if (*off >= len)
		return false;
	size_t size = (size_t)1 << (p[*off] >> 6);
	if (size > len - *off)
		return false;
	uint64_t v = p[*off] & 0x3f;
	for (size_t i = 1; i < size; i++)
		v = v << 8 | p[*off + i];
	*off += size;
	*out = v;
	return true;
}

// Moves *off over `n` octets unless fewer are left.
static bool skip(uint64_t n, size_t len, size_t *off)
{
	if (n > len - *off)
		return false;
	*off += n;
	return true;
}

enum quic_error quic_parse_long(struct quic_hdr *out, const uint8_t *p, size_t len)
{
	struct quic_hdr h = {.first = p[0], .is_long = true, .dcid_off = DCID_OFF_LONG};

	if (len < VERSION_END)
		return QUIC_SHORT_VERSION;
	memcpy(&h.version, p + 1, sizeof(h.version));
	if (len < DCID_OFF_LONG)
		return QUIC_SHORT_DCID;
	h.dcid_len = p[VERSION_END];
	if (h.dcid_len > len - DCID_OFF_LONG)
		return QUIC_SHORT_DCID;
	h.scid_off = (uint16_t)(DCID_OFF_LONG + h.dcid_len + 1);
	if (h.scid_off > len)
		return QUIC_SHORT_SCID;
	h.scid_len = p[h.scid_off - 1];
	if (h.scid_len > len - h.scid_off)
		return QUIC_SHORT_SCID;
	*out = h;
	return QUIC_OK;
}

enum quic_kind quic_kind(const struct quic_hdr *h)
{
	if (!h->is_long)
		return QUIC_SHORT;
	switch (be32_to(h->version)) {
	case 0: // RFC 8999, section 6
		return QUIC_VERSION_NEGOTIATION;
	case QUIC_V1:
		return (enum quic_kind)kinds_v1[h->first >> 4 & 3];
	case QUIC_V2:
		return (enum quic_kind)kinds_v2[h->first >> 4 & 3];
	default:
		return QUIC_UNKNOWN_VERSION;
	}
}

size_t quic_next(const struct quic_hdr *h, const uint8_t *p, size_t len)
{
	enum quic_kind kind = quic_kind(h);
	size_t off = (size_t)h->scid_off + h->scid_len;
	uint64_t n;

	if (kind != QUIC_INITIAL && kind != QUIC_0RTT && kind != QUIC_HANDSHAKE)
		return 0;
	// RFC 9000, 17.2.2: only an Initial carries a token.
	if (kind == QUIC_INITIAL && (!take_varint(&n, p, len, &off) || !skip(n, len, &off)))
		return 0;
	if (!take_varint(&n, p, len, &off) || !skip(n, len, &off))
		return 0;
	return off < len && p[off] != 0 ? off : 0;
}
