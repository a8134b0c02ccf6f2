// SPDX-License-Identifier: BSD-3-Clause
// What benchmarks of a lane that is captured, or counted, send through it: TCP ACKs of 60 bytes of 4000 flows, to one service by dsr
// or one by nat, in buffers laid out like mbufs.
//
//	struct ackbuild a;
//
//	lanebuild_open(&l, ackbuild_conf);
//	ackbuild_init(&a, ACKBUILD_DSR_PORT);
//	ackbuild_fill(&a);                             // not timed: a packet for each buffer
//	for (i = 0; i < ACKBUILD_BUFFERS; i += PKT_BURST)
//		ackbuild_receive(&a, lane, pkts, i);   // then pipeline_run(), and what else is timed
//	ackbuild_fini(&a);
#pragma once

#include "l4/data/lane.h"

enum {
	ACKBUILD_FLOWS = 4000,
	ACKBUILD_BUFFERS = 4096,
	ACKBUILD_FRAME = 60,
	ACKBUILD_STRIDE = 2304,
	ACKBUILD_HEADROOM = 256,
	ACKBUILD_DSR_PORT = 80,
	ACKBUILD_NAT_PORT = 81,
};

extern const char ackbuild_conf[];

// A filter that none of them matches: `tcpdump -ddd -y EN10MB 'host 192.0.2.1 and tcp port 443'`, libpcap 1.10.3
extern const char ackbuild_no_match[];

struct ackbuild {
	uint8_t *pool;                                 // ACKBUILD_BUFFERS * ACKBUILD_STRIDE
	uint8_t frame[ACKBUILD_FLOWS][ACKBUILD_FRAME]; // as received
	uint32_t next;                                 // the flow whose turn it is
};

// 0 or -ENOMEM.
NODISCARD int ackbuild_init(struct ackbuild *a, uint16_t port);
void ackbuild_fini(struct ackbuild *a);

// Frames to this port from now on.
void ackbuild_address(struct ackbuild *a, uint16_t port);

void ackbuild_fill(struct ackbuild *a);

static inline uint8_t *ackbuild_buffer(const struct ackbuild *a, uint32_t i)
{
	return a->pool + (size_t)i * ACKBUILD_STRIDE + ACKBUILD_HEADROOM;
}

// A burst from buffer `first` on, as l4/dpdk/core.c receives it; the lane's clock goes on by a microsecond.
static MUST_INLINE void ackbuild_receive(const struct ackbuild *a, struct lane *lane,
                                         struct pkt pkts[PKT_BURST], uint32_t first)
{
	lane_quiesce(lane);
	lane_tick(lane, lane->now_ns + 1000);
	for (uint32_t i = 0; i < PKT_BURST; i++)
		prefetch(ackbuild_buffer(a, first + i));
	for (uint32_t i = 0; i < PKT_BURST; i++)
		pkt_init(&pkts[i], ackbuild_buffer(a, first + i), ACKBUILD_FRAME, 0, NULL);
}
