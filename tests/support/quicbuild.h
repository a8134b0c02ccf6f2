// SPDX-License-Identifier: BSD-3-Clause
// QUIC packets, connection IDs and services for tests of a lane (lanebuild.h):
//
//	struct quicbuild_cid cid;
//
//	lanebuild_open(&l, quicbuild_edge);
//	cid = quicbuild_cid(&l.s, 1, "h3-2", 7);                    // configuration 1, nonce of sevens
//	p = quicbuild_send(&l, &(struct quicbuild){.dcid = cid});   // short header to 203.0.113.10:443
//	p = quicbuild_send(&l, &(struct quicbuild){.first = QUICBUILD_INITIAL, .dcid = ..., .scid = ...});
#pragma once

#include "l4/base/slice.h"
#include "tests/support/lanebuild.h"

// Services of protocol quic on 203.0.113.10 and 2001:db8::10, pools of three backends each:
//   443 h3   dsr, quic_lb 0 (plaintext), 1 (four passes), 2 (single pass), 3 (four passes, draft 18)
//   444 n3   nat, the same             445 raw   nat without quic_lb
//   446 old  dsr without quic_lb       and, with a 6 behind the name, on IPv6
// Server ids: backend N of a pool has 0a0b0N. udp 47 (nat, echo) is no quic service. Configurations 4..6
// do not exist.
extern const char quicbuild_edge[];
// The same with four lanes.
extern const char quicbuild_edge4[];

enum {
	QUICBUILD_SHORT = 0x40, // first octets, QUIC v1
	QUICBUILD_INITIAL = 0xc0,
	QUICBUILD_0RTT = 0xd0,
	QUICBUILD_HANDSHAKE = 0xe0,
	QUICBUILD_RETRY = 0xf0,
	QUICBUILD_NEGOTIATION = 0x80, // with version 0

	QUICBUILD_CID_MAX = 255,
};

struct quicbuild_cid {
	uint8_t octet[QUICBUILD_CID_MAX];
	uint8_t len;
};

// Everything left out has the default in its comment.
struct quicbuild {
	const char *src, *dst; // "198.51.100.7" "203.0.113.10"; for an IPv6 dst "2001:db8::7"
	const char *mac;       // source, "02:00:00:00:00:02"
	uint16_t sport, dport; // 40000, 443
	uint8_t first;         // short header
	uint32_t version;      // long headers: 1
	struct quicbuild_cid dcid, scid;
	const void *behind; // coalesced packets or payload; 20 octets of a5
	size_t behind_len;
	bool is_bare; // nothing behind
	bool is_raw;  // `behind` is the whole datagram
};

// A connection ID by configuration `id` of the snapshot's first service with quic_lb, for a backend
// by name, nonce filled with `nonce`.
struct quicbuild_cid quicbuild_cid(const struct snapbuild *s, uint8_t id, const char *backend,
                                   uint8_t nonce);
// The same for any server id of 3 octets.
struct quicbuild_cid quicbuild_cid_of(const struct snapbuild *s, uint8_t id,
                                      const uint8_t server_id[3], uint8_t nonce);
// `len` octets: first, then `fill`.
struct quicbuild_cid quicbuild_any(uint8_t first, uint8_t fill, uint8_t len);

// The QUIC packet alone; returns its length, out[] has room for 1024.
size_t quicbuild_payload(uint8_t *out, const struct quicbuild *what);

// In Ethernet, IP and UDP.
void quicbuild_frame(struct pktbuild *b, const struct quicbuild *what);
struct pkt *quicbuild_send(struct lanebuild *l, const struct quicbuild *what);

// What the server says to `request`, which nat has just forwarded: `what` in UDP from the server to
// the port of ours that it saw.
void quicbuild_answer_frame(struct pktbuild *b, const struct pkt *request,
                            const struct quicbuild *what);
struct pkt *quicbuild_answer(struct lanebuild *l, const struct pkt *request,
                             const struct quicbuild *what);

// A router between us and the client refuses `what`, a packet of the server's; addresses and ports
// in `what` are the client's, as if it had sent it.
void quicbuild_error_frame(struct pktbuild *b, const struct quicbuild *what);
struct pkt *quicbuild_error(struct lanebuild *l, const struct quicbuild *what);
