// SPDX-License-Identifier: BSD-3-Clause
// Where a lane tells captures about its packets. A lane that nobody captures has no taps, and pays a branch where
// the pipeline runs and one where the burst is counted.
//
// A tap is one capture's place on one lane. Around forward, which is the only stage that changes packets, it copies
// what the filter wants, as received and as sent; when the burst is counted, and every verdict is final, the copies go
// into the capture's ring (l4/model/capture_ring.h). Packets that leave for another lane are told by that one.
//
// Life: control makes taps, capture_tap_init(), puts them into a set that never changes, lane_tap()s it, and frees the
// set that it replaces when lane_taps() says that the lane uses the new one.
#pragma once

#include "l4/data/capture_filter.h"
#include "l4/data/pkt.h"
#include "l4/model/capture_ring.h"

enum {
	CAPTURE_TAP_MAX = 4,         // captures at a time
	CAPTURE_TAP_ALL = 0,         // for `service`: all packets
	CAPTURE_TAP_NOBODY = 0xffff, // ditto: none, as its service is gone
};

struct lane;

// What a tap knows of a packet of the present burst.
struct capture_note {
	uint8_t wanted; // enum in capture_tap.c
	bool is_copied;
	uint16_t len, captured;
	uint16_t sent_len, sent_captured;
};

struct capture_tap {
	// control's; set once, but for `service`
	const struct capture_filter *filter; // NULL = everything; borrowed
	uint32_t snap;                       // bytes kept of a packet, 0 = none
	bool wants_sent;                     // also as it leaves
	uint16_t service;                    // atomic; roster id, or one of the above

	// the lane's
	struct capture_writer ring;
	struct capture_counts count[CONF_MAX_PORTS]; // by the port of entry
	uint64_t due_ns;   // when the next packet may be kept, of those that come evenly
	uint64_t every_ns; // from one to the next; control's
	uint8_t *copies;   // [PKT_BURST][2][room]; owned
	uint32_t room;
	struct capture_note note[PKT_BURST];
};

// The taps of one lane. Read-only once published.
struct capture_taps {
	uint32_t n;
	struct capture_tap *tap[CAPTURE_TAP_MAX]; // borrowed
};

struct capture_tap_setup {
	const struct capture_filter *filter;
	uint32_t snap; // 0..CAPTURE_SNAP_MAX
	uint32_t rate; // 1..CAPTURE_RATE_MAX
	bool wants_sent;
	uint16_t service;
	void *memory;           // borrowed: the capture's, see capture_ring.h
	uint32_t n_lanes, lane; // of the memory
};

// 0 or -ENOMEM.
NODISCARD int capture_tap_init(struct capture_tap *t, const struct capture_tap_setup *setup);
void capture_tap_fini(struct capture_tap *t);

// Control: follows a service to its new id.
void capture_tap_follow(struct capture_tap *t, uint16_t service);

// The lane, in this order, for a burst that has been given its services and backends, that has been through forward,
// and that has its final verdicts. Only if lane->taps.
void capture_tap_received(const struct lane *lane, const struct pkt *pkts, uint32_t n);
void capture_tap_sent(const struct lane *lane, const struct pkt *pkts, uint32_t n);
void capture_tap_ended(const struct lane *lane, const struct pkt *pkts, uint32_t n);
