// SPDX-License-Identifier: BSD-3-Clause
#include "l4/dpdk/transmit.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

// A full queue is asked again this often before packets are given up: a NIC drains a burst
// meanwhile.
enum { SEND_TRIES = 8 };

void transmit_init(struct transmit *t, struct port *ports, uint8_t n_ports, uint16_t lane_index,
                   struct lane *lane)
{
	*t = (struct transmit){
		.ports = ports, .lane = lane, .n_ports = n_ports, .lane_index = lane_index};
}

void transmit_punt(struct transmit *t, struct pkt *p)
{
	struct transmit_batch *b = &t->punt[p->port];

	if (t->ports[p->port].punt == PORT_NO_DEVICE) {
		pkt_drop(p, REASON_PUNT_NONE);
		rte_pktmbuf_free(p->buf);
		return;
	}
	b->mbuf[b->n] = p->buf;
	b->pkt[b->n] = p;
	b->n++;
}

static uint16_t send_all(uint16_t device, uint16_t queue, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t sent = 0;

	for (int i = 0; sent < n && i < SEND_TRIES; i++)
		sent = (uint16_t)(sent + rte_eth_tx_burst(device, queue, mbufs + sent,
		                                          (uint16_t)(n - sent)));
	return sent;
}

struct way {
	uint16_t device;
	uint16_t n_queues;
	bool is_shared;
	rte_spinlock_t *lock;
};

static uint16_t send_by(const struct transmit *t, const struct way *way, struct rte_mbuf **mbufs,
                        uint16_t n)
{
	uint16_t queue = (uint16_t)(t->lane_index % way->n_queues), sent;

	if (!way->is_shared)
		return send_all(way->device, queue, mbufs, n);
	rte_spinlock_lock(way->lock);
	sent = send_all(way->device, queue, mbufs, n);
	rte_spinlock_unlock(way->lock);
	return sent;
}

static struct way way_out(struct port *p)
{
	return (struct way){p->device, p->n_tx, p->is_tx_shared, &p->tx_lock};
}

static struct way way_punt(struct port *p)
{
	return (struct way){p->punt, p->n_punt_tx, p->is_punt_shared, &p->punt_lock};
}

static void flush(const struct transmit *t, struct transmit_batch *b, const struct way *way,
                  enum reason if_full)
{
	uint16_t sent = send_by(t, way, b->mbuf, b->n);

	for (uint16_t i = sent; i < b->n; i++) {
		lane_refused(t->lane, b->pkt[i], if_full);
		rte_pktmbuf_free(b->mbuf[i]);
	}
	b->n = 0;
}

void transmit_flush(struct transmit *t)
{
	for (uint8_t i = 0; i < t->n_ports; i++) {
		if (t->out[i].n) {
			struct way way = way_out(&t->ports[i]);

			flush(t, &t->out[i], &way, REASON_TX_FULL);
		}
		if (t->punt[i].n) {
			struct way way = way_punt(&t->ports[i]);

			flush(t, &t->punt[i], &way, REASON_PUNT_FULL);
		}
	}
}

uint32_t transmit_host(struct transmit *t, uint8_t port)
{
	struct port *p = &t->ports[port];
	struct way way = way_out(p);
	uint32_t total = 0;

	for (uint16_t q = 0; q < p->n_punt_tx; q++) {
		struct rte_mbuf *mbufs[PKT_BURST];
		uint16_t n = rte_eth_rx_burst(p->punt, q, mbufs, PKT_BURST);
		uint16_t sent = n ? send_by(t, &way, mbufs, n) : 0;

		for (uint16_t i = sent; i < n; i++)
			rte_pktmbuf_free(mbufs[i]);
		total += n;
	}
	return total;
}
