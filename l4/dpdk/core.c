// SPDX-License-Identifier: BSD-3-Clause
#include "l4/dpdk/core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_ring.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"
#include "l4/data/pipeline.h"
#include "l4/dpdk/transmit.h"

enum {
	RING_SIZE = 1024, // packets on their way to another lane
	IDLE_ROUNDS = 64, // empty rounds before a lane goes to sleep
	IDLE_FIRST_US = 5,
	DRY_ROUNDS = 4, // in vain, before there is nothing left; one may have begun before
};

struct queue {
	uint16_t device;
	uint16_t queue;
	uint8_t port; // index into ports
};

struct core {
	struct cores *all;
	struct lane *lane;
	struct transmit tx;
	struct queue *queues; // [n_queues]; owned
	uint16_t n_queues;
	uint32_t n_empty; // rounds without a packet, in a row
	uint32_t sleep_us;
	uint64_t received_ns; // atomic; when the last packet came
	uint64_t n_dry;       // atomic; rounds without a packet, ever

	uint64_t n_dry_then; // control's: n_dry when it last saw a packet come
} CACHE_ALIGNED;

static MUST_INLINE uint64_t now_ns(const struct cores *c)
{
	return (uint64_t)((unsigned __int128)rte_rdtsc() * c->ns_per_tsc >> 32);
}

// Several segments would need a gather that no stage can do.
static MUST_INLINE void wrap(struct pkt *p, struct rte_mbuf *m, uint8_t port)
{
	pkt_init(p, rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_data_len(m), port, m);
	if (unlikely(m->nb_segs > 1))
		pkt_drop(p, REASON_TOO_LONG);
}

// A packet that belongs to another lane takes along where it came from and how often it moved.
static void hand_over(struct core *c, struct pkt *p)
{
	struct rte_mbuf *m = p->buf;

	m->hash.usr = (uint32_t)p->port << 8 | (uint8_t)(p->hops + 1);
	if (rte_ring_mp_enqueue(c->all->handover[p->to_lane], m) == 0) {
		c->lane->count->handover_out++;
		return;
	}
	pkt_drop(p, REASON_HANDOVER_FULL);
	rte_pktmbuf_free(m);
}

static void dispatch(struct core *c, struct pkt *pkts, uint32_t n)
{
	for (uint32_t i = 0; i < n;) {
		struct pkt *p = &pkts[i];

		if (transmit_is_out(p)) {
			i += transmit_out(&c->tx, p, n - i);
			continue;
		}
		i++;
		if (p->verdict == VERDICT_PUNT)
			transmit_punt(&c->tx, p);
		else if (p->verdict == VERDICT_DROP)
			rte_pktmbuf_free(p->buf);
		else
			hand_over(c, p);
	}
	transmit_flush(&c->tx);
}

static void process(struct core *c, struct pkt *pkts, uint32_t n)
{
	pipeline_run(c->lane, pkts, n);
	dispatch(c, pkts, n);
	lane_count(c->lane, pkts, n);
	c->lane->count->bursts++;
}

static uint32_t receive(struct core *c, const struct queue *q)
{
	struct rte_mbuf *mbufs[PKT_BURST];
	struct pkt pkts[PKT_BURST];
	uint16_t n = rte_eth_rx_burst(q->device, q->queue, mbufs, PKT_BURST);

	if (!n)
		return 0;
	for (uint16_t i = 0; i < n; i++) {
		wrap(&pkts[i], mbufs[i], q->port);
		prefetch(pkts[i].data);
	}
	process(c, pkts, n);
	return n;
}

static uint32_t take_over(struct core *c)
{
	struct rte_mbuf *mbufs[PKT_BURST];
	struct pkt pkts[PKT_BURST];
	uint32_t n = rte_ring_sc_dequeue_burst(c->all->handover[c->lane->index], (void **)mbufs,
	                                       PKT_BURST, NULL);

	if (!n)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		wrap(&pkts[i], mbufs[i], (uint8_t)(mbufs[i]->hash.usr >> 8));
		pkts[i].hops = (uint8_t)mbufs[i]->hash.usr;
	}
	c->lane->count->handover_in += n;
	process(c, pkts, n);
	return n;
}

// What the host sends through a port that it cannot see: out of the port, untouched and uncounted
// (it was never received). Lane 0 alone does it.
static uint32_t host_traffic(struct core *c)
{
	uint32_t total = 0;

	for (uint8_t i = 0; i < c->all->n_ports; i++)
		if (c->all->ports[i].punt != PORT_NO_DEVICE)
			total += transmit_host(&c->tx, i);
	return total;
}

static uint32_t round_of(struct core *c)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < c->n_queues; i++)
		n += receive(c, &c->queues[i]);
	if (c->all->n_lanes > 1)
		n += take_over(c);
	if (c->lane->index == 0)
		n += host_traffic(c);
	return n;
}

// A lane without work spins, or gives the CPU away for longer and longer, up to idle_max_us.
static void rest(struct core *c)
{
	struct timespec t = {.tv_nsec = (long)c->sleep_us * 1000};

	__atomic_store_n(&c->n_dry, c->n_dry + 1, __ATOMIC_RELEASE);
	if (c->all->idle == IDLE_POLL || c->n_empty++ < IDLE_ROUNDS) {
		rte_pause();
		return;
	}
	nanosleep(&t, NULL);
	c->sleep_us = c->sleep_us * 2 > c->all->idle_max_us ? c->all->idle_max_us : c->sleep_us * 2;
}

static int run(void *arg)
{
	struct core *c = arg;
	struct lane *lane = c->lane;
	uint64_t before = now_ns(c->all);

	// Sleeps of microseconds, not of the default slack of 50.
	prctl(PR_SET_TIMERSLACK, 1000UL);
	__atomic_store_n(&c->received_ns, before, __ATOMIC_RELAXED);
	lane_quiesce(lane);
	lane_set_running(lane, true);
	while (!__atomic_load_n(&c->all->stop, __ATOMIC_RELAXED)) {
		lane_quiesce(lane);
		lane_tick(lane, before);
		uint32_t n = round_of(c);
		uint64_t after = now_ns(c->all);

		if (n) {
			lane->count->busy_ns += after - before;
			__atomic_store_n(&c->received_ns, after, __ATOMIC_RELAXED);
			c->n_empty = 0;
			c->sleep_us = IDLE_FIRST_US;
		} else {
			rest(c);
		}
		before = n ? after : now_ns(c->all);
	}
	lane_set_running(lane, false);
	return 0;
}

static int plan_queues(struct core *c, struct cores *all)
{
	uint32_t total = 0;

	for (uint8_t i = 0; i < all->n_ports; i++)
		total += all->ports[i].n_rx;
	c->queues = calloc(total + 1, sizeof(*c->queues));
	if (!c->queues)
		return -ENOMEM;
	for (uint8_t i = 0; i < all->n_ports; i++)
		for (uint16_t q = 0; q < all->ports[i].n_rx; q++)
			if (q % all->n_lanes == c->lane->index)
				c->queues[c->n_queues++] = (struct queue){
					.device = all->ports[i].device,
					.queue = q,
					.port = i,
				};
	return 0;
}

static int init_one(struct cores *all, uint16_t i, struct err *err)
{
	struct core *c = &all->core[i];
	char name[32];

	*c = (struct core){.all = all, .lane = all->lanes[i], .sleep_us = IDLE_FIRST_US};
	transmit_init(&c->tx, all->ports, all->n_ports, i, all->lanes[i]);
	snprintf(name, sizeof(name), "handover%u", i);
	all->handover[i] = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (!all->handover[i] || plan_queues(c, all))
		return err_set(err, -ENOMEM, "lanes[%u]: out of memory", i);
	if (!c->n_queues)
		LOG_WARN("lane receives nothing lane=%u hint=\"give the ports at least %u queues\"",
		         i, all->n_lanes);
	return 0;
}

int core_init(struct cores *c, const struct conf *conf, struct port *ports, struct lane **lanes,
              struct err *err)
{
	int rc = 0;

	*c = (struct cores){
		.ports = ports,
		.lanes = lanes,
		.n_ports = (uint8_t)conf->n_ports,
		.n_lanes = conf->n_lanes,
		.idle = conf->idle,
		.idle_max_us = conf->idle_max_us,
		.ns_per_tsc = (CLOCK_NS_PER_S << 32) / rte_get_tsc_hz(),
	};
	c->core = aligned_alloc(CACHE_LINE, conf->n_lanes * sizeof(*c->core));
	c->handover = calloc(conf->n_lanes, sizeof(struct rte_ring *));
	if (!c->core || !c->handover) {
		free(c->core);
		free(c->handover);
		return err_set(err, -ENOMEM, "lanes: out of memory");
	}
	memset(c->core, 0, conf->n_lanes * sizeof(*c->core));
	for (uint16_t i = 0; !rc && i < c->n_lanes; i++)
		rc = init_one(c, i, err);
	if (rc)
		core_fini(c);
	return rc;
}

uint64_t core_cycles_hz(void)
{
	return rte_get_tsc_hz();
}

int core_start(struct cores *c, struct err *err)
{
	for (uint16_t i = 0; i < c->n_lanes; i++) {
		int rc = rte_eal_remote_launch(run, &c->core[i], i + 1u);

		if (rc)
			return err_set(err, rc, "lanes[%u]: the core did not start", i);
	}
	return 0;
}

void core_stop(struct cores *c)
{
	__atomic_store_n(&c->stop, true, __ATOMIC_RELAXED);
	for (uint16_t i = 0; i < c->n_lanes; i++)
		rte_eal_wait_lcore(i + 1u);
}

void core_fini(struct cores *c)
{
	for (uint16_t i = 0; i < c->n_lanes; i++) {
		struct rte_mbuf *m;

		free(c->core[i].queues);
		while (c->handover[i] && rte_ring_sc_dequeue(c->handover[i], (void **)&m) == 0)
			rte_pktmbuf_free(m);
		rte_ring_free(c->handover[i]);
	}
	free(c->core);
	free(c->handover);
	c->core = NULL;
	c->handover = NULL;
}

static uint64_t last_received_ns(const struct cores *c)
{
	uint64_t last = 0;

	for (uint16_t i = 0; i < c->n_lanes; i++) {
		uint64_t at = __atomic_load_n(&c->core[i].received_ns, __ATOMIC_RELAXED);

		last = at > last ? at : last;
	}
	return last;
}

bool core_is_dry(struct cores *c)
{
	uint64_t sum = 0; // changes whenever any lane receives
	bool all = true;

	for (uint16_t i = 0; i < c->n_lanes; i++)
		if (__atomic_load_n(&c->core[i].n_dry, __ATOMIC_ACQUIRE) <
		    c->core[i].n_dry_then + DRY_ROUNDS)
			all = false;
	// After the rounds: what one lane hands to another is then either seen here or was in its ring
	// before that one's last rounds began.
	for (uint16_t i = 0; i < c->n_lanes; i++)
		sum += __atomic_load_n(&c->core[i].received_ns, __ATOMIC_RELAXED);
	if (sum == c->dry_since)
		return all;
	c->dry_since = sum;
	for (uint16_t i = 0; i < c->n_lanes; i++)
		c->core[i].n_dry_then = __atomic_load_n(&c->core[i].n_dry, __ATOMIC_ACQUIRE);
	return false;
}

uint64_t core_idle_ns(const struct cores *c)
{
	uint64_t last = last_received_ns(c), now = now_ns(c);

	return now > last ? now - last : 0;
}
