// SPDX-License-Identifier: BSD-3-Clause
// Lanes for tests: a snapshot (snapbuild.h), private counters, a clock that a test moves, and packets
// in one line. What is sent lies in a buffer that ends at a guard page, like everything that is received.
//
//	struct lanebuild l;
//
//	lanebuild_open(&l, snapbuild_edge);
//	p = lanebuild_send(&l, &(struct lanebuild_packet){.sport = 40000});    // a SYN to 203.0.113.10:80
//	cr_expect_eq(p->verdict, VERDICT_FORWARD);
//	snapbuild_change(&l.s, "'web-1', ", "'web-1', 'state': 'drain', ");
//	lanebuild_reload(&l);
//	lanebuild_close(&l);
#pragma once

#include "l4/data/lane.h"
#include "l4/data/pkt.h"
#include "tests/support/pktbuild.h"
#include "tests/support/snapbuild.h"

enum { LANEBUILD_LANES = 4, LANEBUILD_FRAME = 2048 };

struct lanebuild {
	struct snapbuild s;
	struct stats stats;
	struct lane *lanes[LANEBUILD_LANES];
	struct lane *lane; // lanes[0], unless a test says otherwise
	uint16_t n_lanes;
	uint64_t now_ns;            // begins at 1000 s
	struct pkt pkts[PKT_BURST]; // buf: a buffer of LANEBUILD_FRAME that ends at a guard page
	uint32_t n_pkts;
	uint64_t n_fed; // packets run so far
};

// Everything left out has the default in its comment.
struct lanebuild_packet {
	const char *src, *dst; // "198.51.100.7" "203.0.113.10"; for an IPv6 dst "2001:db8::7"
	uint16_t sport, dport; // 40000, 80
	bool is_udp;
	uint8_t flags;   // TCP; 0 = SYN
	int ttl;         // 64
	const char *mac; // source, "02:00:00:00:00:02"
};

// As many lanes as the configuration says; n_flows = 0: as many flows as it says.
void lanebuild_open(struct lanebuild *l, const char *text);
void lanebuild_open_sized(struct lanebuild *l, const char *text, uint32_t n_flows);
void lanebuild_close(struct lanebuild *l);

// Publishes a new snapshot of l->s, lets the lanes pass a quiescent point, frees the old one.
void lanebuild_reload(struct lanebuild *l);

// Moves the clock. The lanes see it with the next burst.
void lanebuild_sleep(struct lanebuild *l, uint32_t seconds);

void lanebuild_frame(struct pktbuild *b, const struct lanebuild_packet *what);

// Adds a packet to the burst.
struct pkt *lanebuild_add_frame(struct lanebuild *l, const uint8_t *frame, size_t len);
struct pkt *lanebuild_add(struct lanebuild *l, const struct lanebuild_packet *what);
// Runs the burst through l->lane and counts it; the packets stay readable until the next is added.
void lanebuild_run(struct lanebuild *l);

// A burst of one.
struct pkt *lanebuild_send_frame(struct lanebuild *l, const uint8_t *frame, size_t len);
struct pkt *lanebuild_send(struct lanebuild *l, const struct lanebuild_packet *what);

// Do the counters add up: the lanes' and each service's identity?
bool lanebuild_adds_up(const struct lanebuild *l);
