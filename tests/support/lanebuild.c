// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/lanebuild.h"

#include <stdlib.h>
#include <string.h>

#include "l4/base/clock.h"
#include "l4/data/pipeline.h"
#include "l4/data/quic_route.h"
#include "tests/support/guard.h"

// snapbuild makes what the model knows of a snapshot; this is the packet path's share (compile.h).
static void add_quic(struct snapbuild *s)
{
	struct err err;

	if (quic_route_build(s->snap, s->conf, &s->roster, &err))
		abort();
}

static struct lane *open_lane(struct lanebuild *l, uint16_t index, uint32_t n_flows)
{
	struct lane_setup setup = {
		.index = index, .n_lanes = l->n_lanes, .n_flows = n_flows, .stats = &l->stats};
	struct lane *lane = aligned_alloc(CACHE_LINE, sizeof(*lane));

	assert(lane);
	if (lane_init(lane, &setup))
		abort();
	lane_publish(lane, l->s.snap);
	lane_quiesce(lane);
	lane_set_running(lane, true);
	return lane;
}

void lanebuild_open_sized(struct lanebuild *l, const char *text, uint32_t n_flows)
{
	memset(l, 0, sizeof(*l));
	snapbuild_open(&l->s, text);
	add_quic(&l->s);
	if (stats_open_private(&l->stats))
		abort();
	l->now_ns = 1000 * UINT64_C(1000000000);
	l->n_lanes = l->s.conf->n_lanes ? l->s.conf->n_lanes : 1;
	assert(l->n_lanes <= LANEBUILD_LANES);
	for (uint16_t i = 0; i < l->n_lanes; i++)
		l->lanes[i] = open_lane(l, i, n_flows ? n_flows : l->s.conf->flows / l->n_lanes);
	l->lane = l->lanes[0];
	for (uint32_t i = 0; i < PKT_BURST; i++)
		l->pkts[i].buf = guard_alloc(LANEBUILD_FRAME);
}

void lanebuild_open(struct lanebuild *l, const char *text)
{
	lanebuild_open_sized(l, text, 0);
}

void lanebuild_close(struct lanebuild *l)
{
	for (uint32_t i = 0; i < PKT_BURST; i++)
		guard_free(l->pkts[i].buf, LANEBUILD_FRAME);
	for (uint16_t i = 0; i < l->n_lanes; i++) {
		lane_fini(l->lanes[i]);
		free(l->lanes[i]);
	}
	stats_close(&l->stats);
	snapbuild_close(&l->s);
}

void lanebuild_reload(struct lanebuild *l)
{
	struct snapshot *old = snapbuild_next(&l->s);

	add_quic(&l->s);
	for (uint16_t i = 0; i < l->n_lanes; i++) {
		lane_publish(l->lanes[i], l->s.snap);
		lane_quiesce(l->lanes[i]);
	}
	snapshot_free(old);
}

void lanebuild_sleep(struct lanebuild *l, uint32_t seconds)
{
	l->now_ns += seconds * CLOCK_NS_PER_S;
}

static void add_l4(struct pktbuild *b, const struct lanebuild_packet *what)
{
	uint16_t sport = what->sport ? what->sport : 40000, dport = what->dport ? what->dport : 80;

	if (what->is_udp)
		pktbuild_udp(b, .sport = sport, .dport = dport);
	else
		pktbuild_tcp(b, .sport = sport, .dport = dport,
		             .flags = what->flags ? what->flags : PKTBUILD_SYN);
}

void lanebuild_frame(struct pktbuild *b, const struct lanebuild_packet *what)
{
	pktbuild_start(b);
	pktbuild_eth(b, .src = what->mac);
	if (what->dst && strchr(what->dst, ':'))
		pktbuild_ip6(b, .src = what->src, .dst = what->dst, .hop_limit = what->ttl);
	else
		pktbuild_ip4(b, .src = what->src, .dst = what->dst, .ttl = what->ttl);
	add_l4(b, what);
	pktbuild_text(b, "hello");
	pktbuild_end(b);
}

struct pkt *lanebuild_add_frame(struct lanebuild *l, const uint8_t *frame, size_t len)
{
	struct pkt *p = &l->pkts[l->n_pkts];
	void *buf = p->buf;
	uint8_t *end = (uint8_t *)buf + LANEBUILD_FRAME;

	assert(l->n_pkts < PKT_BURST && len <= LANEBUILD_FRAME);
	memcpy(end - len, frame, len);
	memset(p, 0xa5, sizeof(*p)); // a stage that reads what nobody wrote does not find zeros
	pkt_init(p, end - len, (uint16_t)len, 0, buf);
	l->n_pkts++;
	return p;
}

struct pkt *lanebuild_add(struct lanebuild *l, const struct lanebuild_packet *what)
{
	struct pktbuild b;

	lanebuild_frame(&b, what);
	return lanebuild_add_frame(l, b.byte, b.len);
}

void lanebuild_run(struct lanebuild *l)
{
	lane_quiesce(l->lane);
	lane_tick(l->lane, l->now_ns);
	pipeline_run(l->lane, l->pkts, l->n_pkts);
	lane_count(l->lane, l->pkts, l->n_pkts);
	l->n_fed += l->n_pkts;
	l->n_pkts = 0;
}

struct pkt *lanebuild_send_frame(struct lanebuild *l, const uint8_t *frame, size_t len)
{
	struct pkt *p = lanebuild_add_frame(l, frame, len);

	lanebuild_run(l);
	return p;
}

struct pkt *lanebuild_send(struct lanebuild *l, const struct lanebuild_packet *what)
{
	struct pkt *p = lanebuild_add(l, what);

	lanebuild_run(l);
	return p;
}

bool lanebuild_adds_up(const struct lanebuild *l)
{
	struct lane_counters sum;
	struct service_counters c;

	for (uint16_t id = 1; id < l->s.roster.n_services; id++) {
		stats_sum_service(&l->stats, id, &c);
		if (c.packets != c.forwarded + c.punted + c.answered + c.dropped)
			return false;
	}
	stats_sum_lanes(&l->stats, &sum);
	return stats_identity(&sum) == 0;
}
