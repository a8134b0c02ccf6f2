// SPDX-License-Identifier: BSD-3-Clause A packet on its way through the corridor. l4/dpdk wraps
// mbufs in it; lbreplay, unit tests, fuzzers and benchmarks wrap plain buffers. Fields are grouped
// by the stage that writes them; a stage reads what earlier ones wrote and nothing else.
#pragma once

#include <string.h>

#include "l4/base/be.h"
#include "l4/model/counters.h"

enum {
	PKT_BURST = 32,     // packets in a burst, at most
	PKT_HEADROOM = 128, // bytes before data that a wrapper guarantees to be writable
};

// Layer 4 as far as the corridor cares.
enum pkt_kind {
	PKT_NOT_IP,
	PKT_OTHER,    // IP, but no protocol of ours
	PKT_FRAGMENT, // IP fragment, first or later
	PKT_TCP,
	PKT_UDP,
	PKT_ICMP_ECHO,  // request
	PKT_ICMP_ERROR, // carries the start of a packet: `key` is that packet's, turned around
	PKT_ICMP_OTHER,
	PKT_KIND_COUNT,
};

// Role of the packet, found by classify.
enum pkt_role {
	ROLE_NONE,
	ROLE_CLIENT, // towards a service
	ROLE_REPLY,  // nat: from a backend to one of our snat addresses
	ROLE_VIP,    // to a service address itself: ping
};

// Who talks to whom, always seen from the client: for an ICMP error about a packet that a server
// sent, the fields are swapped so that they name the flow. IPv4 in word [0], the rest zero.
struct pkt_key {
	uint32_t src[4]; // network order
	uint32_t dst[4];
	be16 dport;
	uint8_t proto;  // IP protocol number of the flow
	uint8_t family; // enum addr_family; these three lie as in struct endpoint: one comparison
	be16 sport;
};

// What told select the backend.
enum pkt_by {
	BY_TABLE, // or nothing yet
	BY_HASH,
	BY_CID,     // a routable QUIC-LB connection ID: no table may contradict
	BY_LEARNED, // a connection ID that the server was seen to use
};

struct flow;

struct pkt_nat {
	be16 snat_port;       // ours towards the backend; 0 if the packet belongs to no nat flow
	be16 client_port;     // ROLE_REPLY only
	uint16_t return_path; // number for return_path_at()
	uint8_t snat;         // number of our address within its family
	uint32_t client[4];   // client's address, network order, IPv4 in [0]; ROLE_REPLY only
};

// Two cache lines: what the wrapper and parse write, and the rest.
struct pkt {
	// the wrapper: worker, lbreplay, tests
	uint8_t *data; // Ethernet header; moves when headers are added
	void *buf;     // what the wrapper wants back, e.g. the mbuf
	uint16_t len;  // bytes from data to the end of the frame, without FCS
	uint8_t port;  // received on, index into conf.ports
	uint8_t hops;  // lanes that have already had this packet (handover)

	// every stage: 0 until the packet's fate is known; then the later stages leave it alone
	uint8_t verdict; // enum verdict
	uint8_t reason;  // enum reason

	// parse
	uint8_t kind;      // enum pkt_kind
	uint8_t tcp_flags; // as on the wire
	uint16_t inner;    // ICMP error: offset of the embedded IP header, otherwise 0
	uint16_t inner_l4; // ICMP error: offset of the embedded TCP or UDP header, otherwise 0
	uint16_t l3;       // offset of the IP header from data
	uint16_t l4;       // offset of the TCP, UDP or ICMP header
	struct pkt_key key;
	uint16_t end; // offset behind the last byte of the IP packet (frames may be padded)

	// classify
	uint8_t role;     // enum pkt_role
	bool is_new;      // select: the packet opened its flow; here for forward: one comparison
	uint16_t service; // index into snapshot.services, PKT_NO_SERVICE if none

	// select
	uint16_t
		backend; // roster id, 0 = none; select_quic may know it before the tables are asked
	uint16_t to_lane;   // lane that owns the flow, PKT_THIS_LANE if it is ours
	uint8_t by;         // enum pkt_by
	bool is_quic_short; // QUIC, short header: its connection may be known to another lane
	uint8_t snat;       // classify: ROLE_REPLY: index into snapshot.snat

	// forward
	uint8_t out_port; // for VERDICT_FORWARD and VERDICT_ANSWER

	// select
	struct flow *flow;  // used by select alone: a later packet of the burst may evict the entry
	struct pkt_nat nat; // what forward needs of a nat flow, copied for the same reason
} CACHE_ALIGNED;
static_assert(sizeof(struct pkt) == 128, "two cache lines; an index into a burst is a shift");

#define PKT_NO_SERVICE UINT16_MAX
#define PKT_THIS_LANE UINT16_MAX

// Ends the packet's way.
static MUST_INLINE void pkt_end(struct pkt *p, enum verdict verdict, enum reason reason)
{
	p->verdict = (uint8_t)verdict;
	p->reason = (uint8_t)reason;
}

static MUST_INLINE void pkt_drop(struct pkt *p, enum reason reason)
{
	pkt_end(p, VERDICT_DROP, reason);
}

static MUST_INLINE bool pkt_is_ended(const struct pkt *p)
{
	return p->verdict != VERDICT_NONE;
}

// Sets what the wrapper owns and clears what later stages read without having written it: neighbours
// together, by a few wide stores. gcc clears the whole struct by `rep stos`, which costs 10 ns here.
static MUST_INLINE void pkt_init(struct pkt *p, uint8_t *data, uint16_t len, uint8_t port,
                                 void *buf)
{
	static const struct pkt blank = {.service = PKT_NO_SERVICE, .to_lane = PKT_THIS_LANE};

	p->data = data;
	p->buf = buf;
	p->len = len;
	p->port = port;
	memset(&p->hops, 0, offsetof(struct pkt, l3) - offsetof(struct pkt, hops));
	memset(&p->key.dport, 0, sizeof(p->key) - offsetof(struct pkt_key, dport));
	memcpy(&p->role, &blank.role, offsetof(struct pkt, nat) - offsetof(struct pkt, role));
	p->nat.snat_port = be16_from(0);
}
