// SPDX-License-Identifier: BSD-3-Clause
// A capture's way through one lane: the pipeline of the daemon without NIC, root or EAL. What a daemon
// learns from devices and the kernel is made up where the configuration does not say it, so that
// captures can be replayed with production configurations.
//   1. replay_open();
//   2. replay_add() until it says that the burst is over (or the capture is), then replay_run();
//   3. read pkts[0..n_pkts), then replay_clear(), and so on;
//   4. replay_counters(); replay_close().
// One thread.
#pragma once

#include "l4/data/lane.h"
#include "l4/data/trace.h"

struct replay {
	struct conf *conf; // borrowed
	struct roster roster;
	struct stats stats;
	struct snapshot *snap;
	struct lane *lane;
	struct trace trace; // of the last burst, if is_tracing
	bool is_tracing;    // bursts of one packet
	uint8_t port;       // on which packets come in, index into conf.ports
	uint64_t now_ns;    // the lane's clock
	uint64_t n_fed;     // packets that have been run
	uint32_t n_pkts;
	struct pkt pkts[PKT_BURST];  // pkts[i].buf: heap block that holds the frame
	uint64_t time_ns[PKT_BURST]; // as captured
	uint64_t burst_ns;           // of the burst's first packet, by the lane's clock
};

enum {
	REPLAY_BURST_NS = 1000000,     // packets further apart would not meet in a burst of a lane
	REPLAY_FRAME_MAX = UINT16_MAX, // bytes; longer ones are dropped as too_long
};

// Compiles `conf`, which is borrowed until replay_close() and gets a port if it has none. `port` is the
// name of the port where packets come in, NULL = the first. On failure *r is empty.
NODISCARD int replay_open(struct replay *r, struct conf *conf, const char *port, struct err *err);
void replay_close(struct replay *r);

// Puts a copy of the frame into the burst. -EAGAIN: run the burst first, then add this frame; -ENOMEM.
NODISCARD int replay_add(struct replay *r, const uint8_t *frame, uint32_t len, uint64_t time_ns);

// Gives every packet of the burst its verdict and counts it. The clock never goes back.
void replay_run(struct replay *r);

// Frees the packets.
void replay_clear(struct replay *r);

// "-" if the packet has none.
const char *replay_backend(const struct replay *r, const struct pkt *p);

// Sums of the lane; false if the accounting identity, overall or of a service, does not hold.
bool replay_counters(const struct replay *r, struct lane_counters *sum);
