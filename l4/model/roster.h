// SPDX-License-Identifier: BSD-3-Clause
// The roster gives every service and backend a number that stays the same for as long as a flow, a
// counter or a snapshot may hold it. It is the control plane's memory between two snapshots:
//   - a service is (address, port, protocol); a backend is (pool, name, address, port);
//   - an id is retired when its owner leaves the configuration, and reused no earlier than
//     ROSTER_QUARANTINE_S later, and its counters are set to zero then;
//   - a retired backend keeps its next hop: removing a backend from the configuration ends no
//     connection for ROSTER_LINGER_S (nine hours), it only takes no new flows. After that its flows move
//     at their next packet or time out (at most 32767 s later), so that none is left at the reuse.
// Numbers are written to the names in the counter store (stats.h), so a restarted daemon finds them
// again and the counters go on.
// One thread (control). Snapshots copy what they need.
#pragma once

#include "l4/base/addr.h"
#include "l4/base/err.h"
#include "l4/model/conf.h"
#include "l4/model/health.h"
#include "l4/model/stats.h"

enum {
	ROSTER_LINGER_S = 32768,         // how long a removed backend's connections may go on
	ROSTER_QUARANTINE_S = 2 * 32768, // and after that every flow that named it has timed out
	ROSTER_SETTLE_S = 3,             // how long a new backend's next hop may take to be found
};

// How a frame reaches a backend: written by ctrl/neighbor.c, or from "mac" in the configuration.
struct next_hop {
	bool known;
	uint8_t port;   // index into conf.ports
	struct mac dst; // of the backend, or of the gateway before it
	struct mac src; // of our port
	char state
		[20]; // the kernel's word: "reachable", "stale", "failed", "configured", "no route"
};

struct roster_entry {
	bool used;
	bool live;           // in the configuration now
	uint64_t retired_ns; // monotonic; 0 while live
};

struct roster_service {
	struct roster_entry e;
	struct addr address;
	be16 port;
	uint8_t protocol; // enum conf_protocol
	uint8_t forward;  // enum conf_forward
	char name[CONF_NAME_MAX + 1];
	char pool[CONF_NAME_MAX + 1]; // "" = the L7 workers'
};

struct roster_backend {
	struct roster_entry e;
	struct addr address;
	be16 port;
	char pool[CONF_NAME_MAX + 1];
	char name[CONF_NAME_MAX + 1];
	uint8_t server_id_len; // QUIC-LB; 0 = none
	uint8_t server_id[CONF_SERVER_ID_MAX];
	uint8_t state;     // enum conf_state, by the configuration; as it was when it left
	uint16_t weight;   // likewise
	bool is_down;      // by the configuration; stays so when it leaves
	uint64_t added_ns; // monotonic; when its next hop began to be looked for
	struct next_hop hop;
	struct health_record health;
};

struct roster {
	struct roster_service *services; // [STATS_SERVICES]; [0] is never given out; owned
	struct roster_backend *backends; // [STATS_BACKENDS]; likewise
	uint16_t n_services;             // highest id in use + 1
	uint16_t n_backends;
	uint16_t *service_index; // hash of what a service is -> id, open addressing; owned
	uint16_t *backend_index; // likewise
};

// 0 or -ENOMEM.
NODISCARD int roster_init(struct roster *r);
void roster_fini(struct roster *r);

// Takes over ids (as retired at now_ns) from the counter store of an earlier run. Entries that make
// no sense are left out. Call it before the first roster_update().
void roster_adopt(struct roster *r, const struct stats *stats, uint64_t now_ns);

// Gives an id to all that is new in `conf` and retires what left. All or nothing: -ENOSPC if ids
// ran out (too many changes within the quarantine) or -ENOMEM, with *err; then nothing changed.
// What comes back while its id is in quarantine gets the same id, next hop and health again.
NODISCARD int roster_update(struct roster *r, const struct conf *conf, uint64_t now_ns,
                            struct err *err);

// Writes names to the counter store, zeroes the counters of ids that the store knows under another
// owner. Before a snapshot with new ids is published: no lane may write to them yet.
void roster_publish(const struct roster *r, struct stats *stats);

// Makes the hashes anew; roster_adopt() and roster_update() have done so.
void roster_index(struct roster *r);

// 0 = unknown. The first is for a service of the configuration, live or not.
uint16_t roster_service_id(const struct roster *r, const struct conf_service *service);
uint16_t roster_backend_id(const struct roster *r, const char *pool, const struct conf_backend *b);
