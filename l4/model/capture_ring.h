// SPDX-License-Identifier: BSD-3-Clause
// What lb4d's lanes tell one lbctl about packets: shared memory with a ring of records for each lane. lb4d makes
// it (a sealed memfd) and passes the descriptor over the control socket, so that neither its control thread nor a
// system call stands between a lane and who reads; a reader that is slow loses packets and stops nobody.
//
//	struct capture_shared | struct capture_lane [n_lanes] | ring of lane 0 | ring of lane 1 | ...
//
// Each ring has one writer, a lane, and one reader. Records are whole, aligned to 8 bytes, and lie in one piece.
// The reader's process may write anywhere in the memory, so a lane reads nothing of it but `tail`, and believes of
// that only what can be.
#pragma once

#include "l4/base/be.h"
#include "l4/model/conf.h"

enum {
	CAPTURE_MAGIC = 0x4c344332, // "L4C2"; another layout has another number
	CAPTURE_SNAP_MAX = 16384,   // bytes kept of a packet; longer than any frame of a port
	CAPTURE_RING_MIN = 1 << 20, // bytes of a lane's ring
	CAPTURE_RING_MAX = 4 << 20, // ditto
	CAPTURE_RINGS_SUM =
		64 << 20, // of all lanes' together, unless that is less than the least for each
	CAPTURE_RATE_MAX = 10 * 1000 * 1000, // packets a second
	CAPTURE_RATE_DEFAULT = 10 * 1000,
	CAPTURE_NAME = CONF_NAME_MAX + 1,
};

// Why lb4d ended a capture by itself.
enum capture_end { CAPTURE_GOES_ON, CAPTURE_SERVICE_GONE, CAPTURE_STOPPED, CAPTURE_END_COUNT };

struct capture_shared {
	uint32_t magic;
	uint32_t n_lanes;
	uint32_t ring_size; // bytes of each lane's, a power of two
	uint32_t end;       // atomic; enum capture_end; written by lb4d's control thread
} CACHE_ALIGNED;

// Identity, while nothing is being written: seen = filtered + limited + lost + kept.
struct capture_counts {
	uint64_t seen;     // packets of the service
	uint64_t filtered; // of these: the filter did not want them
	uint64_t limited;  // beyond the rate
	uint64_t lost;     // the ring was full
	uint64_t kept;     // in the ring
};

// The first group is written by the lane, the second by the reader.
struct capture_lane {
	uint64_t head;                               // atomic; bytes ever written
	struct capture_counts count[CONF_MAX_PORTS]; // atomic, each; by the port of entry

	CACHE_ALIGNED uint64_t tail; // atomic; bytes ever read
} CACHE_ALIGNED;
static_assert(sizeof(struct capture_shared) == 64 && sizeof(struct capture_lane) == 768, "shared");

enum capture_kind { CAPTURE_PAD, CAPTURE_PACKET };

// What is known of the packet's flow.
enum capture_flow { CAPTURE_FLOW_NONE, CAPTURE_FLOW_NEW, CAPTURE_FLOW_KNOWN, CAPTURE_FLOW_COUNT };

// What chose its backend.
enum capture_by {
	CAPTURE_BY_NONE, // there is none
	CAPTURE_BY_TABLE,
	CAPTURE_BY_HASH,
	CAPTURE_BY_CID,     // QUIC-LB connection ID
	CAPTURE_BY_LEARNED, // a connection ID learned from the server
	CAPTURE_BY_COUNT
};

// One packet. Behind it lie its bytes as received and, at the next multiple of 8, as sent.
struct capture_record {
	uint32_t size;    // bytes of the record, all included; a multiple of 8
	uint32_t kind;    // enum capture_kind; of CAPTURE_PAD nothing but these two is there
	uint64_t time_ns; // CLOCK_MONOTONIC, of the end of its burst
	uint64_t missed;  // packets of this lane and port that were beyond the rate or lost, so far
	uint16_t len;     // as received
	uint16_t captured;      // of these: bytes here
	uint16_t sent_len;      // as sent; 0 = it was not sent
	uint16_t sent_captured; // 0 also if nobody asked for it
	uint8_t lane;
	uint8_t port;     // received on, index into conf.ports
	uint8_t out_port; // if sent_len
	uint8_t verdict;  // enum verdict
	uint8_t reason;   // enum reason
	uint8_t flow;     // enum capture_flow
	uint8_t by;       // enum capture_by
	uint8_t proto; // IP protocol number; this and the five from src on are 0 where there are no ports
	uint32_t src[4]; // the client's, network order, IPv4 in [0]
	uint32_t dst[4];
	be16 sport;
	be16 dport;
	uint8_t family; // enum addr_family
	bool is_reply;  // from a backend on its way back
	uint8_t unused[2];
	char service[CAPTURE_NAME]; // "" = none
	char backend[CAPTURE_NAME];
	uint8_t bytes[];
};
static_assert(sizeof(struct capture_record) == 208, "shared");

static inline size_t capture_ring_padded(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

static inline const uint8_t *capture_ring_sent(const struct capture_record *r)
{
	return r->bytes + capture_ring_padded(r->captured);
}

// Bytes of a ring for so many lanes.
uint32_t capture_ring_size(uint32_t n_lanes);

// Bytes of the whole memory.
size_t capture_ring_total(uint32_t n_lanes, uint32_t ring_size);

// Parts of the memory; `lane` is below n_lanes, `ring_size` what lb4d made it.
struct capture_lane *capture_ring_lane(void *memory, uint32_t lane);
uint8_t *capture_ring_bytes(void *memory, uint32_t n_lanes, uint32_t ring_size, uint32_t lane);

// --- the lane ---

struct capture_writer {
	struct capture_lane *lane; // borrowed, like bytes
	uint8_t *bytes;            // [size]
	uint32_t size;
	uint64_t head; // the lane's own; what is shared is a copy
};

void capture_ring_writer(struct capture_writer *w, void *memory, uint32_t n_lanes, uint32_t index);

// Room for a record of `size` bytes, a multiple of 8, in one piece. NULL if the ring is too full.
void *capture_ring_reserve(struct capture_writer *w, uint32_t size);
// Shows the record to the reader.
void capture_ring_commit(struct capture_writer *w, uint32_t size);
// Shows the counts of a port, which the lane keeps for itself. port < CONF_MAX_PORTS.
void capture_ring_count(struct capture_writer *w, uint8_t port, const struct capture_counts *count);

// --- the reader ---

struct capture_reader {
	struct capture_lane *lane; // borrowed, like bytes
	const uint8_t *bytes;
	uint32_t size;
	uint64_t tail;
};

void capture_ring_reader(struct capture_reader *r, void *memory, uint32_t index);

// The oldest record, borrowed until capture_ring_next(); *out = NULL if there is none. 0, or -EPROTO if what lies
// there is no record.
NODISCARD int capture_ring_peek(struct capture_reader *r, const struct capture_record **out);
void capture_ring_next(struct capture_reader *r, const struct capture_record *record);

// Adds the lane's counts, of all ports or of one < CONF_MAX_PORTS, to *sum.
void capture_ring_sum(const struct capture_reader *r, struct capture_counts *sum);
void capture_ring_sum_port(const struct capture_reader *r, uint8_t port,
                           struct capture_counts *sum);

// Whether the memory of this size is what this file describes.
bool capture_ring_is_sound(const void *memory, size_t size);
