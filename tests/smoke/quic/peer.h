// SPDX-License-Identifier: BSD-3-Clause
// One QUIC connection of the test server, by ngtcp2. Names its CIDs by mint.h, follows the client to
// other addresses, and says on stderr, one line an event:
//
//	NAME open id=1 remote=ADDRESS dcid=HEX
//	NAME cid id=1 seq=0 config=0 cid=HEX     a CID was issued (7 = under no configuration)
//	NAME use id=1 seq=2 config=1 cid=HEX     the client begins to use this CID
//	NAME path id=1 remote=ADDRESS            the client has another address now
//	NAME rotate id=1 seq=7                   CIDs up to this one are to be retired
//	NAME close id=1 sent=BYTES why="..."
//
// Rotation. A server that has got a new configuration issues new CIDs and makes the client retire the
// old ones by the field Retire Prior To. ngtcp2 0.12 always leaves that field 0, and issues a CID only
// when the client has retired one. Hence two changes to what it writes, in the encrypt callback, just
// before the packet is protected:
//   1. peer_rotate() has ngtcp2 send a NEW_TOKEN frame whose token is the tail of a NEW_CONNECTION_ID
//      frame, namely that of the youngest CID once more, with Retire Prior To = its own number. Type
//      and token length become type and sequence number. The client retires all but that CID, and
//      ngtcp2 issues as many new ones.
//   2. The NEW_CONNECTION_ID frames of those get their Retire Prior To: the first of them.
#pragma once

#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include "tests/smoke/quic/h3.h"
#include "tests/smoke/quic/mint.h"

enum {
	PEER_MAX_CIDS = 64
}; // sequence numbers of one connection; also those that fit into one octet

struct peer_cid {
	ngtcp2_cid cid; // length 0: retired
	uint8_t reset_token[NGTCP2_STATELESS_RESET_TOKENLEN];
};

struct peer_address {
	ngtcp2_sockaddr_union sa;
	socklen_t len;
};

// What all connections of a server share.
struct peer_server {
	struct mint mint;
	struct h3_site site;
	gnutls_certificate_credentials_t credentials;
	unsigned n_peers; // ever
};

struct peer {
	struct peer *next;
	struct peer_server *server;
	ngtcp2_crypto_conn_ref ref;
	ngtcp2_conn *conn;
	gnutls_session_t tls;
	struct h3 h3;
	int fd; // the socket it came in by, which it is bound to
	unsigned id;
	ngtcp2_cid client_dcid;              // chosen by the client for its first packets
	struct peer_cid cids[PEER_MAX_CIDS]; // by sequence number
	size_t n_cids;
	size_t retire_prior_to; // what NEW_CONNECTION_ID frames say
	size_t used;            // sequence number of the CID that the client used last
	struct peer_address remote;
	bool is_closed;
};

// A connection for a client's first packet. NULL if that is none.
struct peer *peer_new(struct peer_server *server, int fd, const struct peer_address *local,
                      const struct peer_address *remote, const uint8_t *packet, size_t len);
void peer_free(struct peer *p);

// Whether packets to this CID are this connection's.
bool peer_owns(const struct peer *p, const uint8_t *dcid, size_t len);

// A packet came in, the clock moved, or there is something to say. is_closed afterwards: free it.
void peer_read(struct peer *p, const struct peer_address *local, const struct peer_address *remote,
               const uint8_t *packet, size_t len);
void peer_write(struct peer *p);
void peer_tick(struct peer *p);

// Issues CIDs under the mint's present configuration and has the client retire the others.
void peer_rotate(struct peer *p);

// "198.51.100.7:4433" or "[2001:db8::7]:4433"; a static buffer.
const char *peer_address_text(const struct peer_address *a);
