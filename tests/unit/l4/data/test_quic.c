// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/quic.h"
#include "tests/support/guard.h"

#include <criterion/criterion.h>

#include <string.h>

// Headers and first octets of the packets of RFC 9001 appendix A and RFC 9369 appendix A, without
// most of the payload.
static const uint8_t v1_client_initial[] = {
	0xc0, 0x00, 0x00, 0x00, 0x01, 0x08, 0x83, 0x94, 0xc8, 0xf0, 0x3e,
	0x51, 0x57, 0x08, 0x00, 0x00, 0x44, 0x9e, 0x7b, 0x9a, 0xec, 0x34,
}; // RFC 9001, A.2
static const uint8_t v1_server_initial[] = {
	0xcf, 0x00, 0x00, 0x00, 0x01, 0x00, 0x08, 0xf0, 0x67, 0xa5, 0x50,
	0x2a, 0x42, 0x62, 0xb5, 0x00, 0x40, 0x75, 0xc0, 0xd9, 0x5a, 0x48,
}; // RFC 9001, A.3
static const uint8_t v1_retry[] = {
	0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x08, 0xf0, 0x67, 0xa5, 0x50, 0x2a,
	0x42, 0x62, 0xb5, 0x74, 0x6f, 0x6b, 0x65, 0x6e, 0x04, 0xa2, 0x65, 0xba,
	0x2e, 0xff, 0x4d, 0x82, 0x90, 0x58, 0xfb, 0x3f, 0x0f, 0x24, 0x96, 0xba,
}; // RFC 9001, A.4
static const uint8_t short_header[] = {
	0x4c, 0xfe, 0x41, 0x89, 0x65, 0x5e, 0x5c, 0xd5, 0x5c, 0x41, 0xf6,
	0x90, 0x80, 0x57, 0x5d, 0x79, 0x99, 0xc2, 0x5a, 0x5b, 0xfb,
}; // RFC 9001, A.5
static const uint8_t v2_client_initial[] = {
	0xd7, 0x6b, 0x33, 0x43, 0xcf, 0x08, 0x83, 0x94, 0xc8, 0xf0, 0x3e,
	0x51, 0x57, 0x08, 0x00, 0x00, 0x44, 0x9e, 0xa0, 0xc9, 0x5e, 0x82,
}; // RFC 9369, A.2
static const uint8_t v2_retry[] = {
	0xcf, 0x6b, 0x33, 0x43, 0xcf, 0x00, 0x08, 0xf0, 0x67, 0xa5, 0x50, 0x2a,
	0x42, 0x62, 0xb5, 0x74, 0x6f, 0x6b, 0x65, 0x6e, 0xc8, 0x64, 0x6c, 0xe8,
	0xbf, 0xe3, 0x39, 0x52, 0xd9, 0x55, 0x54, 0x36, 0x65, 0xdc, 0xc7, 0xb6,
}; // RFC 9369, A.4
// Version 0, DCID 2 octets, SCID 1 octet, then one supported version.
static const uint8_t version_negotiation[] = {
	0x80, 0x00, 0x00, 0x00, 0x00, 0x02, 0xd1, 0xd2, 0x01, 0x51, 0x00, 0x00, 0x00, 0x01,
};
// A version of which only the invariants are known.
static const uint8_t unknown_version[] = {
	0x8a, 0xfa, 0xce, 0xb0, 0x02, 0x01, 0xdd, 0x02, 0x55, 0x56, 0x77,
};

static const struct {
	const char *name;
	const uint8_t *packet;
	size_t len;
	enum quic_kind kind;
	uint32_t version;
	uint8_t dcid_len, scid_off, scid_len;
} samples[] = {
	{"RFC 9001 A.2", v1_client_initial, sizeof(v1_client_initial), QUIC_INITIAL, QUIC_V1, 8, 15,
         0},
	{"RFC 9001 A.3", v1_server_initial, sizeof(v1_server_initial), QUIC_INITIAL, QUIC_V1, 0, 7,
         8},
	{"RFC 9001 A.4", v1_retry, sizeof(v1_retry), QUIC_RETRY, QUIC_V1, 0, 7, 8},
	{"RFC 9369 A.2", v2_client_initial, sizeof(v2_client_initial), QUIC_INITIAL, QUIC_V2, 8, 15,
         0},
	{"RFC 9369 A.4", v2_retry, sizeof(v2_retry), QUIC_RETRY, QUIC_V2, 0, 7, 8},
	{"version negotiation", version_negotiation, sizeof(version_negotiation),
         QUIC_VERSION_NEGOTIATION, 0, 2, 9, 1},
	{"unknown version", unknown_version, sizeof(unknown_version), QUIC_UNKNOWN_VERSION,
         0xfaceb002, 1, 8, 2},
};

Test(quic, long_headers_of_every_version_have_their_ids_where_rfc_8999_says)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct quic_hdr h;

		cr_assert_eq(quic_parse(&h, samples[i].packet, samples[i].len), QUIC_OK);
		cr_expect(h.is_long, "%s", samples[i].name);
		cr_expect_eq(be32_to(h.version), samples[i].version, "%s", samples[i].name);
		cr_expect_eq(h.first, samples[i].packet[0], "%s", samples[i].name);
		cr_expect_eq(h.dcid_off, 6, "%s", samples[i].name);
		cr_expect_eq(h.dcid_len, samples[i].dcid_len, "%s", samples[i].name);
		cr_expect_eq(h.scid_off, samples[i].scid_off, "%s", samples[i].name);
		cr_expect_eq(h.scid_len, samples[i].scid_len, "%s", samples[i].name);
		cr_expect_eq(quic_kind(&h), samples[i].kind, "%s", samples[i].name);
	}
}

Test(quic, a_short_header_offers_what_the_packet_holds_as_dcid)
{
	struct quic_hdr h;

	cr_assert_eq(quic_parse(&h, short_header, sizeof(short_header)), QUIC_OK);
	cr_expect_not(h.is_long);
	cr_expect_eq(h.dcid_off, 1);
	cr_expect_eq(h.dcid_len, sizeof(short_header) - 1);
	cr_expect_eq(h.scid_len, 0);
	cr_expect_eq(quic_kind(&h), QUIC_SHORT);
	cr_expect_eq(quic_next(&h, short_header, sizeof(short_header)), 0);
}

Test(quic, a_short_header_in_a_large_packet_offers_255_octets)
{
	static const uint8_t packet[1500] = {0x40};
	struct quic_hdr h;

	cr_assert_eq(quic_parse(&h, packet, 256), QUIC_OK);
	cr_expect_eq(h.dcid_len, 255);
	cr_assert_eq(quic_parse(&h, packet, sizeof(packet)), QUIC_OK);
	cr_expect_eq(h.dcid_len, 255);
	cr_assert_eq(quic_parse(&h, packet, 1), QUIC_OK);
	cr_expect_eq(h.dcid_len, 0);
}

Test(quic, the_fixed_bit_does_not_matter)
{
	static const uint8_t greased[] = {0x80, 0, 0, 0, 1, 1, 0xd1, 1, 0x51};
	static const uint8_t greased_short[] = {0x00, 0xd1};
	struct quic_hdr h;

	cr_expect_eq(quic_parse(&h, greased, sizeof(greased)), QUIC_OK);
	cr_expect_eq(quic_parse(&h, greased_short, sizeof(greased_short)), QUIC_OK);
	cr_expect_eq(quic_kind(&h), QUIC_SHORT);
}

// The four values of the type bits (RFC 9000, table 5; RFC 9369, 3.2).
Test(quic, version_2_permutes_the_types)
{
	static const enum quic_kind v1[] = {QUIC_INITIAL, QUIC_0RTT, QUIC_HANDSHAKE, QUIC_RETRY};
	static const enum quic_kind v2[] = {QUIC_RETRY, QUIC_INITIAL, QUIC_0RTT, QUIC_HANDSHAKE};

	for (uint8_t type = 0; type < 4; type++) {
		struct quic_hdr h = {.is_long = true, .first = (uint8_t)(0xc0 | type << 4)};

		h.version = be32_from(QUIC_V1);
		cr_expect_eq(quic_kind(&h), v1[type], "version 1, type %d", type);
		h.version = be32_from(QUIC_V2);
		cr_expect_eq(quic_kind(&h), v2[type], "version 2, type %d", type);
	}
}

Test(quic, what_is_missing_is_named)
{
	static const struct {
		size_t len;
		enum quic_error want;
	} cases[] = {
		{0, QUIC_EMPTY},       {1, QUIC_SHORT_VERSION}, {4, QUIC_SHORT_VERSION},
		{5, QUIC_SHORT_DCID},  {6, QUIC_SHORT_DCID},    {13, QUIC_SHORT_DCID},
		{14, QUIC_SHORT_SCID}, {15, QUIC_OK},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t *p = guard_alloc(cases[i].len);
		struct quic_hdr h = {.dcid_off = 99};

		memcpy(p, v1_client_initial, cases[i].len);
		cr_expect_eq(quic_parse(&h, p, cases[i].len), cases[i].want, "%zu octets",
		             cases[i].len);
		cr_expect_eq(h.dcid_off == 99, cases[i].want != QUIC_OK, "%zu octets",
		             cases[i].len);
		guard_free(p, cases[i].len);
	}
}

Test(quic, no_truncation_is_read_beyond_its_end)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		for (size_t len = 0; len <= samples[i].len; len++) {
			uint8_t *p = guard_alloc(len);
			struct quic_hdr h;

			memcpy(p, samples[i].packet, len);
			if (quic_parse(&h, p, len) == QUIC_OK)
				cr_expect_eq(quic_next(&h, p, len), 0, "%s", samples[i].name);
			guard_free(p, len);
		}
}

// RFC 8999 allows 255 octets for each; QUIC v1 only 20.
Test(quic, ids_of_every_length_are_located)
{
	for (size_t dcid = 0; dcid <= 255; dcid++)
		for (size_t scid = 0; scid <= 255; scid += 15) {
			size_t len = 7 + dcid + scid;
			uint8_t *p = guard_alloc(len);
			struct quic_hdr h;

			p[0] = 0x80;
			p[1] = 0xfa;
			p[5] = (uint8_t)dcid;
			p[6 + dcid] = (uint8_t)scid;
			cr_assert_eq(quic_parse(&h, p, len), QUIC_OK);
			cr_expect_eq(h.dcid_len, dcid);
			cr_expect_eq(h.scid_off, 7 + dcid);
			cr_expect_eq(h.scid_len, scid);
			if (scid > 0)
				cr_expect_eq(quic_parse(&h, p, len - 1), QUIC_SHORT_SCID);
			guard_free(p, len);
		}
}

enum { MAX_WALK = 8 };

// An Initial with a token of 3 and 5 octets of payload, 0-RTT and Handshake with a length of two and
// of four octets, and a short header; IDs of one and no octets.
static const uint8_t coalesced[] = {
	0xc0, 0,    0, 0, 1, 1, 0xd1, 0, 3,    't', 'o', 'k', 5, 1, 2, 3, 4, 5, // 18 octets
	0xd0, 0,    0, 0, 1, 1, 0xd1, 0, 0x40, 2,   1,   2,                     // 12
	0xe0, 0,    0, 0, 1, 1, 0xd1, 0, 0x80, 0,   0,   3,   1, 2, 3,          // 15
	0x40, 0xd1, 9, 9, 9,                                                    // 5
};

static size_t walk(const uint8_t *p, size_t len, enum quic_kind kinds[MAX_WALK])
{
	struct quic_hdr h;
	size_t n = 0;

	for (size_t step = 1; step && quic_parse(&h, p, len) == QUIC_OK; p += step, len -= step) {
		kinds[n++ % MAX_WALK] = quic_kind(&h);
		step = quic_next(&h, p, len);
	}
	return n;
}

Test(quic, the_walker_visits_all_packets_of_a_datagram)
{
	static const enum quic_kind want[] = {QUIC_INITIAL, QUIC_0RTT, QUIC_HANDSHAKE, QUIC_SHORT};
	enum quic_kind kinds[MAX_WALK];

	cr_assert_eq(walk(coalesced, sizeof(coalesced), kinds), 4);
	cr_expect_arr_eq(kinds, want, sizeof(want));
}

Test(quic, the_walker_stops_at_padding)
{
	uint8_t padded[1200] = {0};
	enum quic_kind kinds[MAX_WALK];

	memcpy(padded, coalesced, 18);
	cr_expect_eq(walk(padded, sizeof(padded), kinds), 1);
}

Test(quic, the_walker_does_not_follow_a_length_out_of_the_datagram)
{
	for (size_t len = 0; len <= sizeof(coalesced); len++) {
		uint8_t *p = guard_alloc(len);
		enum quic_kind kinds[MAX_WALK];

		memcpy(p, coalesced, len);
		walk(p, len, kinds);
		guard_free(p, len);
	}
	// 2^62 - 1 octets, as token and as payload.
	uint8_t huge[32] = {0xc0, 0, 0, 0, 1, 0, 0};
	struct quic_hdr h;

	memset(huge + 7, 0xff, sizeof(huge) - 7);
	cr_assert_eq(quic_parse(&h, huge, sizeof(huge)), QUIC_OK);
	cr_expect_eq(quic_next(&h, huge, sizeof(huge)), 0);
	huge[0] = 0xe0;
	cr_assert_eq(quic_parse(&h, huge, sizeof(huge)), QUIC_OK);
	cr_expect_eq(quic_next(&h, huge, sizeof(huge)), 0);
}

// Version 2's Handshake has the type bits of version 1's Retry.
Test(quic, the_walker_follows_version_2)
{
	static const uint8_t two[] = {
		0xf0, 0x6b, 0x33, 0x43, 0xcf, 0, 0, 2, 1, 2, 0x40, 0xd1,
	};
	static const enum quic_kind want[] = {QUIC_HANDSHAKE, QUIC_SHORT};
	enum quic_kind kinds[MAX_WALK];

	cr_assert_eq(walk(two, sizeof(two), kinds), 2);
	cr_expect_arr_eq(kinds, want, sizeof(want));
}
