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

// Takes the packet's buffer; p must stay where it is until transmit_flush().
static MUST_INLINE void transmit_gather(struct transmit_batch *b, struct pkt *p)
{
	b->mbuf[b->n] = p->buf;
	b->pkt[b->n] = p;
	b->n++;
}

static MUST_INLINE void transmit_out(struct transmit *t, struct pkt *p) // by p->out_port
{
	HOT_ASSERT(p->out_port < t->n_ports);
	transmit_gather(&t->out[p->out_port], p);
}

void transmit_punt(struct transmit *t, struct pkt *p); // to the host's side of p->port
void transmit_flush(struct transmit *t);

// Moves what the host sent through punt interface `port` out of the port. Returns how many packets.
uint32_t transmit_host(struct transmit *t, uint8_t port);
