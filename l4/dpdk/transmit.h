// SPDX-License-Identifier: BSD-3-Clause Send queues of one lane: packets are gathered by port while
// a burst is dispatched and leave together. A packet that a queue refuses is freed and its verdict
// becomes a drop with the reason, before it is counted. Lane's thread only.
#pragma once

#include "l4/data/lane.h"
#include "l4/data/pkt.h"
#include "l4/dpdk/port.h"

struct rte_mbuf;

// Packets for one device, gathered from one burst.
struct transmit_batch {
	struct rte_mbuf *mbuf[PKT_BURST];
	struct pkt *pkt[PKT_BURST];
	uint16_t n;
};

struct transmit {
	struct port *ports; // borrowed
	struct lane *lane;  // borrowed
	uint8_t n_ports;
	uint16_t lane_index;
	struct transmit_batch out[CONF_MAX_PORTS];
	struct transmit_batch punt[CONF_MAX_PORTS];
};

void transmit_init(struct transmit *t, struct port *ports, uint8_t n_ports, uint16_t lane_index,
                   struct lane *lane);

// Take the packets' buffers; the packets must stay where they are until transmit_flush().
static MUST_INLINE bool transmit_is_out(const struct pkt *p)
{
	return p->verdict == VERDICT_FORWARD || p->verdict == VERDICT_ANSWER;
}

// By pkts->out_port: the first packet and all behind it that leave by the same port. Returns how many.
static MUST_INLINE uint32_t transmit_out(struct transmit *t, struct pkt *pkts, uint32_t n)
{
	struct transmit_batch *b = &t->out[pkts->out_port];
	uint32_t i = 0, at = b->n; // b->n, counted in memory, would be waited for with every packet

	HOT_ASSERT(pkts->out_port < t->n_ports);
	do {
		b->mbuf[at] = pkts[i].buf;
		b->pkt[at++] = &pkts[i++];
	} while (i < n && transmit_is_out(&pkts[i]) && pkts[i].out_port == pkts->out_port);
	b->n = (uint16_t)at;
	return i;
}

void transmit_punt(struct transmit *t, struct pkt *p); // to the host's side of p->port
void transmit_flush(struct transmit *t);

// Moves what the host sent through punt interface `port` out of the port. Returns how many packets.
uint32_t transmit_host(struct transmit *t, uint8_t port);
