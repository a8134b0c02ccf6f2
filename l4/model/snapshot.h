// SPDX-License-Identifier: BSD-3-Clause
// A snapshot: everything the packet path reads, compiled from configuration, roster, neighbours and
// health; immutable once built. Life of one:
//   1. control: snapshot_build();
//   2. control: publishes the pointer to all lanes (data/lane.h);
//   3. lanes: read it between two quiescent points;
//   4. control: snapshot_free() of the old one after every lane has announced the new generation.
// Lookups allocate nothing and never fail.
#pragma once

#include <string.h>

#include "l4/base/addr.h"
#include "l4/base/arena.h"
#include "l4/base/hash.h"
#include "l4/model/conf.h"
#include "l4/model/maglev.h"
#include "l4/model/roster.h"

// IP protocol numbers (IANA), the only ones a service can have.
enum { IPPROTO_NUM_ICMP = 1, IPPROTO_NUM_TCP = 6, IPPROTO_NUM_UDP = 17, IPPROTO_NUM_ICMP6 = 58 };

// What a destination means to us.
enum endpoint_kind {
	ENDPOINT_NONE,    // not ours
	ENDPOINT_SERVICE, // (address, port, IP protocol) of a service
	ENDPOINT_VIP,     // address of at least one service; port and protocol zero
	ENDPOINT_SNAT,    // our address towards nat backends; port and protocol zero
};

// One slot of the endpoint hash: 32 bytes, so that two share a cache line.
struct endpoint {
	uint32_t addr[4]; // as in struct addr.word, network order; IPv4 in [0], the rest zero
	be16 port;
	uint8_t proto;  // IP protocol number
	uint8_t family; // enum addr_family
	uint8_t kind;   // enum endpoint_kind; ENDPOINT_NONE = free slot
	uint16_t index; // SERVICE: snapshot.services[]; SNAT: snat[]; VIP: 0
	uint8_t pad[8];
};
static_assert(sizeof(struct endpoint) == 32, "two endpoints to a cache line");

// The states of a flow, in order of how well they resist eviction. Timeouts are by state.
enum flow_state {
	FLOW_NONE,
	FLOW_CLOSING, // FIN seen
	FLOW_RESET,   // RST seen; any later packet shows that it was not meant, or forged
	FLOW_OPENING, // nat: no answer seen yet, UDP too; dsr: first segment seen, nothing after it
	FLOW_ANSWERED,    // nat, TCP: the server answered, the client has not gone on yet
	FLOW_UDP,         // nat: the server answered
	FLOW_ESTABLISHED, // TCP; nat: both sides were seen
	FLOW_STATE_COUNT,
};

struct quic_route;     // l4/data/quic_route.h
struct quic_lb_config; // l4/data/quic_lb.h

struct snap_service {
	uint16_t id;                   // roster
	uint8_t forward;               // enum conf_forward
	uint8_t ip_proto;              // IP protocol number
	uint8_t protocol;              // enum conf_protocol
	uint8_t punt_reason;           // enum reason, 0 = not punted
	bool flow_table;               // false: hash alone
	const struct maglev *maglev;   // of its pool; borrowed from the snapshot; NULL if punted
	const struct quic_route *quic; // quic_route_build(); NULL if it has no "quic_lb"
	be16 port;
	uint16_t pool; // index into conf.pools, 0xffff if none
	struct addr address;
	const char *name; // borrowed from the snapshot
} CACHE_ALIGNED;          // a power of two, so that an index is a shift

enum snap_backend_flag {
	BACKEND_NEW = 1, // may take new flows
	BACKEND_OLD = 2, // living flows may stay: up, draining or retired, not down
	// Not unhealthy, or its pool has failed open: flows without a connection (UDP, half-open TCP)
	// may stay too.
	BACKEND_STEADY = 4,
	BACKEND_HOP = 8, // next hop is known
};

// Indexed by roster id. Hot fields first; one cache line.
struct snap_backend {
	uint8_t flags; // enum snap_backend_flag; 0 = no such id
	uint8_t port;  // out port, index into conf.ports
	struct mac dst;
	struct mac src;
	be16 l4_port;
	struct addr address;
	uint8_t state;  // enum conf_state
	uint8_t health; // enum health; unhealthy and BACKEND_NEW: its pool has failed open
	uint16_t pool;  // index into conf.pools, 0xffff if retired
	uint16_t weight;
	const char *name;   // borrowed from the snapshot
	uint32_t server;    // hash of address and port: backends of several pools may be one server
	uint16_t next_same; // id of another backend with the same address and port (pools may
			    // share a server), 0 = none
};
static_assert(sizeof(struct snap_backend) <= 64, "one cache line");

struct snap_port {
	struct mac mac;
	uint16_t mtu;
};

struct snapshot {
	uint32_t generation;        // 1, 2, ...
	struct endpoint *endpoints; // [endpoint_mask + 1], open addressing, linear, half empty
	uint32_t endpoint_mask;
	uint16_t n_services;
	bool has_quic;                 // a service of protocol quic
	uint32_t n_backends;           // size of backends[]
	struct snap_service *services; // [n_services]
	uint16_t *service_by_id;       // [STATS_SERVICES], index into services, 0xffff = gone
	struct snap_backend *backends; // [n_backends], by roster id; [0] is no backend
	struct maglev *maglev;         // [n_pools], one per pool of the configuration
	uint16_t n_pools;
	uint16_t n_snat;
	struct addr *snat;   // [n_snat]
	uint16_t snat_first; // host order, first and last port of our range
	uint16_t snat_last;
	uint16_t timeout_s[FLOW_STATE_COUNT];
	uint8_t n_ports;
	struct snap_port ports[CONF_MAX_PORTS]; // mac filled by whoever opened the devices
	uint32_t *backend_index; // hash (address, port) -> backend id, for answers; see below
	uint32_t backend_index_mask;
	struct quic_lb_config **quic_config; // [n_services * 7], what quic_wipe() has to wipe
	void (*quic_wipe)(
		struct snapshot *s); // set by quic_route_build(), called by snapshot_free()
	struct arena arena;          // owns all of the above but the Maglev tables
};

// Ports' own MAC addresses, as the devices told: from l4/dpdk, or from "mac" in the configuration.
struct snapshot_input {
	const struct conf *conf;
	const struct roster *roster; // up to date for conf (roster_update)
	const struct mac *port_macs; // [conf->n_ports]
	uint32_t generation;
	uint64_t now_ns; // the roster's clock; 0 = time does not pass (tools, tests)
};

// Returns 0 and a new snapshot in *out, or -ENOMEM / -EINVAL with *err; *out untouched on failure.
NODISCARD int snapshot_build(struct snapshot **out, const struct snapshot_input *in,
                             struct err *err);
void snapshot_free(struct snapshot *s);

static MUST_INLINE uint32_t snapshot_hash(const uint32_t addr[4], uint32_t port_proto)
{
	uint64_t low = addr[0] | (uint64_t)addr[1] << 32;
	uint64_t high = addr[2] | (uint64_t)addr[3] << 32;

	return (uint32_t)hash_mix(low ^ port_proto, high, HASH_K0);
}

static MUST_INLINE uint32_t snapshot_port_proto(be16 port, uint8_t proto)
{
	return (uint32_t)be16_raw(port) | (uint32_t)proto << 16;
}

// The endpoint with exactly this address, port and protocol, or NULL. For VIP and SNAT ask with
// port and protocol zero. Any lane, no lock.
static inline const struct endpoint *snapshot_endpoint(const struct snapshot *s, uint8_t family,
                                                       const uint32_t addr[4], be16 port,
                                                       uint8_t proto)
{
	uint32_t i = snapshot_hash(addr, snapshot_port_proto(port, proto)) & s->endpoint_mask;

	for (;; i = (i + 1) & s->endpoint_mask) {
		const struct endpoint *e = &s->endpoints[i];

		if (e->kind == ENDPOINT_NONE)
			return NULL;
		if (e->port == port && e->proto == proto && e->family == family &&
		    memcmp(e->addr, addr, sizeof(e->addr)) == 0)
			return e;
	}
}

// First id of a backend with this address and port (follow next_same for more), 0 if none. Retired
// backends are found too: their connections live on.
uint16_t snapshot_backend_by_addr(const struct snapshot *s, const struct addr *a, be16 port);

// Share of new flows of a pool that a backend gets, in 1/65536, for lbctl.
uint32_t snapshot_backend_share(const struct snapshot *s, uint16_t pool, uint16_t id);
