// SPDX-License-Identifier: BSD-3-Clause
// What a load balancer may know of a QUIC packet.
//
// quic_parse() reads the properties that hold for every version, today's and tomorrow's (RFC 8999):
// the header's form, the version, both connection IDs. Route by these and by nothing else.
// quic_kind() and quic_next() look deeper, into packets of QUIC v1 (RFC 9000) and v2 (RFC 9369);
// they are for counting only, since a middlebox that acts on more than the invariants ossifies them.
//
// All packets of a datagram belong to one connection (RFC 9000, 12.2), so the first one routes it.
// Pure functions: no state, any thread, nothing is read outside [p, p + len) and any bytes are fine.
#pragma once

#include "l4/base/be.h"
#include "l4/base/cc.h"

// What quic_parse() found. Everything but QUIC_OK is a packet without a usable connection ID.
enum quic_error {
	QUIC_OK,
	QUIC_EMPTY,         // no octet at all
	QUIC_SHORT_VERSION, // long header, ends inside the version
	QUIC_SHORT_DCID,    // long header, ends inside the destination connection ID or its length
	QUIC_SHORT_SCID,    // long header, ends inside the source connection ID or its length
	QUIC_ERROR_COUNT
};

// Packet types, for counters.
enum quic_kind {
	QUIC_KIND_NONE,
	QUIC_INITIAL,
	QUIC_0RTT,
	QUIC_HANDSHAKE,
	QUIC_RETRY,
	QUIC_SHORT,               // short header: 1-RTT in v1 and v2
	QUIC_VERSION_NEGOTIATION, // version 0; only servers send it
	QUIC_UNKNOWN_VERSION,     // long header of a version other than v1 and v2
	QUIC_KIND_COUNT
};

// Versions in host order.
#define QUIC_V1 UINT32_C(0x00000001) // RFC 9000, section 15
#define QUIC_V2 UINT32_C(0x6b3343cf) // RFC 9369, section 3.1

// A parsed header: offsets from the packet's first octet, so that it survives a copy of the packet.
struct quic_hdr {
	be32 version;  // long header only; short: 0
	uint8_t first; // the first octet; all but bit 7 mean what the version says
	bool is_long;  // bit 7 of the first octet
	// Octets. Long: exact, 0..255. Short: an upper bound, what the packet still holds, at most 255;
	// a short header does not tell, only whoever issued the connection ID knows.
	uint8_t dcid_len;
	uint8_t scid_len;  // octets, long header only; short: 0
	uint16_t dcid_off; // octets; long: 6, short: 1
	uint16_t scid_off; // octets, long header only; short: 0
};
static_assert(sizeof(struct quic_hdr) == 12, "travels in struct pkt");

// Reads the header of the packet at p (RFC 8999, sections 5.1 and 5.2), the first of len octets.
// The fixed bit (0x40) is not checked: it is no invariant, and RFC 9287 lets endpoints grease it.
// Returns QUIC_OK and fills *out, or says what is missing and leaves *out untouched.
// Nearly all packets have short headers, hence inline.
enum quic_error quic_parse_long(struct quic_hdr *out, const uint8_t *p, size_t len);
static MUST_INLINE enum quic_error quic_parse(struct quic_hdr *out, const uint8_t *p, size_t len)
{
	enum { LONG_FORM = 0x80, DCID_OFF_SHORT = 1 }; // RFC 8999, 5.1 and 5.2

	if (len == 0)
		return QUIC_EMPTY;
	if (p[0] & LONG_FORM)
		return quic_parse_long(out, p, len);
	len -= DCID_OFF_SHORT;
	*out = (struct quic_hdr){
		.first = p[0],
		.dcid_off = DCID_OFF_SHORT,
		.dcid_len = (uint8_t)(len < UINT8_MAX ? len : UINT8_MAX),
	};
	return QUIC_OK;
}

// The packet's type. Version 2 numbers the types differently from version 1 (RFC 9369, 3.2).
enum quic_kind quic_kind(const struct quic_hdr *h);

// Offset from p of the next packet coalesced into the datagram, where *h is what quic_parse() read
// from the same p and len; 0 if there is none or it cannot be found: what follows a short header,
// Retry, Version Negotiation or an unknown version has no boundary, a wrong length is no boundary,
// and a zero octet begins padding, not a packet. To visit all:
//	for (size_t step = 1; step && quic_parse(&h, p, len) == QUIC_OK; p += step, len -= step) {
//		count(quic_kind(&h));
//		step = quic_next(&h, p, len);
//	}
size_t quic_next(const struct quic_hdr *h, const uint8_t *p, size_t len);
