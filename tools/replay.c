// SPDX-License-Identifier: BSD-3-Clause
#include "tools/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/data/compile.h"
#include "l4/data/pipeline.h"

// A frame in a heap block that ends where the frame ends, so that ASan and valgrind see every read
// beyond it.
struct frame {
	uint8_t headroom[PKT_HEADROOM];
	uint8_t byte[];
};

static void take_hops(struct replay *r)
{
	for (size_t i = 0; i < r->conf->n_pools; i++) {
		const struct conf_pool *pool = &r->conf->pools[i];

		for (size_t k = 0; k < pool->n_backends; k++) {
			const struct conf_backend *b = &pool->backends[k];
			uint16_t id = roster_backend_id(&r->roster, pool->name, b);
			struct next_hop *hop = &r->roster.backends[id].hop;

			*hop = (struct next_hop){.known = true, .port = r->port};
			hop->dst = b->has_mac ? b->mac
			                      : (struct mac){{0x02, 0x47, 0, 0, (uint8_t)(id >> 8),
			                                      (uint8_t)id}};
			snprintf(hop->state, sizeof(hop->state), "%s",
			         b->has_mac ? "configured" : "made up");
		}
	}
}

static void take_macs(const struct conf *conf, struct mac macs[CONF_MAX_PORTS])
{
	for (size_t i = 0; i < CONF_MAX_PORTS; i++) {
		macs[i] = (struct mac){{0x02, 0, 0, 0, 0x47, (uint8_t)i}};
		if (i < conf->n_ports && !mac_is_zero(&conf->ports[i].mac))
			macs[i] = conf->ports[i].mac;
	}
}

static int find_port(struct replay *r, const char *name, struct err *err)
{
	static struct conf_port made_up = {.name = "replay",
	                                   .driver = DRIVER_PCAP,
	                                   .rx = "-",
	                                   .queues = 1,
	                                   .punt = PUNT_NONE,
	                                   .mtu = 1500};

	if (r->conf->n_ports == 0) {
		r->conf->ports = &made_up;
		r->conf->n_ports = 1;
	}
	if (!name)
		return 0;
	for (size_t i = 0; i < r->conf->n_ports; i++) {
		if (strcmp(r->conf->ports[i].name, name) != 0)
			continue;
		r->port = (uint8_t)i;
		return 0;
	}
	return err_set(err, -ENOENT, "no port of the configuration is called %s", name);
}

static int compile(struct replay *r, struct err *err)
{
	struct mac macs[CONF_MAX_PORTS];
	struct snapshot_input in = {
		.conf = r->conf, .roster = &r->roster, .port_macs = macs, .generation = 1};
	int rc = roster_update(&r->roster, r->conf, 0, err);

	if (rc)
		return rc;
	take_macs(r->conf, macs);
	take_hops(r);
	for (uint16_t i = 1; i < r->roster.n_backends; i++)
		memcpy(r->roster.backends[i].hop.src.byte, macs[r->port].byte, sizeof(macs[0]));
	roster_publish(&r->roster, &r->stats);
	return compile_snapshot(&r->snap, &in, err);
}

static int start_lane(struct replay *r, struct err *err)
{
	struct lane_setup setup = {.n_lanes = 1, .n_flows = r->conf->flows, .stats = &r->stats};
	int rc;

	r->lane = aligned_alloc(CACHE_LINE, sizeof(*r->lane));
	if (!r->lane)
		return err_set(err, -ENOMEM, "out of memory");
	memset(r->lane, 0, sizeof(*r->lane));
	rc = lane_init(r->lane, &setup);
	if (rc) {
		free(r->lane);
		r->lane = NULL;
		return err_set(err, rc, "no memory for a flow table of %u flows", r->conf->flows);
	}
	lane_publish(r->lane, r->snap);
	lane_set_running(r->lane, true);
	lane_quiesce(r->lane);
	return 0;
}

int replay_open(struct replay *r, struct conf *conf, const char *port, struct err *err)
{
	int rc;

	memset(r, 0, sizeof(*r));
	r->conf = conf;
	rc = find_port(r, port, err);
	if (rc)
		return rc;
	rc = roster_init(&r->roster);
	if (rc)
		return err_set(err, rc, "no memory for the roster");
	rc = stats_open_private(&r->stats);
	if (rc) {
		err_set(err, rc, "no memory for the counters");
		goto err_roster;
	}
	rc = compile(r, err);
	if (rc)
		goto err_stats;
	rc = start_lane(r, err);
	if (rc)
		goto err_snapshot;
	return 0;
err_snapshot:
	snapshot_free(r->snap);
err_stats:
	stats_close(&r->stats);
err_roster:
	roster_fini(&r->roster);
	memset(r, 0, sizeof(*r));
	return rc;
}

void replay_close(struct replay *r)
{
	if (!r->lane)
		return;
	replay_clear(r);
	lane_fini(r->lane);
	free(r->lane);
	snapshot_free(r->snap);
	stats_close(&r->stats);
	roster_fini(&r->roster);
	memset(r, 0, sizeof(*r));
}

static bool burst_is_over(const struct replay *r, uint64_t time_ns)
{
	if (r->n_pkts == 0)
		return false;
	return r->is_tracing || r->n_pkts == PKT_BURST ||
	       (time_ns > r->burst_ns && time_ns - r->burst_ns > REPLAY_BURST_NS);
}

int replay_add(struct replay *r, const uint8_t *frame, uint32_t len, uint64_t time_ns)
{
	uint16_t kept = len > REPLAY_FRAME_MAX ? REPLAY_FRAME_MAX : (uint16_t)len;
	struct pkt *p = &r->pkts[r->n_pkts];
	struct frame *f;

	if (burst_is_over(r, time_ns))
		return -EAGAIN;
	f = malloc(sizeof(*f) + kept);
	if (!f)
		return -ENOMEM;
	memcpy(f->byte, frame, kept);
	pkt_init(p, f->byte, kept, r->port, f);
	if (len > REPLAY_FRAME_MAX)
		pkt_drop(p, REASON_TOO_LONG);
	r->now_ns = time_ns > r->now_ns ? time_ns : r->now_ns;
	if (r->n_pkts == 0)
		r->burst_ns = r->now_ns;
	r->time_ns[r->n_pkts++] = time_ns;
	return 0;
}

void replay_run(struct replay *r)
{
	if (r->n_pkts == 0)
		return;
	r->trace.n_steps = 0;
	r->lane->trace = r->is_tracing ? &r->trace : NULL;
	lane_quiesce(r->lane);
	lane_tick(r->lane, r->now_ns);
	pipeline_run(r->lane, r->pkts, r->n_pkts);
	r->lane->count->bursts++;
	lane_count(r->lane, r->pkts, r->n_pkts);
	r->n_fed += r->n_pkts;
}

void replay_clear(struct replay *r)
{
	for (uint32_t i = 0; i < r->n_pkts; i++)
		free(r->pkts[i].buf);
	r->n_pkts = 0;
}

const char *replay_backend(const struct replay *r, const struct pkt *p)
{
	return p->backend ? r->snap->backends[p->backend].name : "-";
}

static bool service_adds_up(const struct replay *r, uint16_t id)
{
	struct service_counters c;

	stats_sum_service(&r->stats, id, &c);
	return c.packets == c.forwarded + c.punted + c.answered + c.dropped;
}

bool replay_counters(const struct replay *r, struct lane_counters *sum)
{
	stats_sum_lanes(&r->stats, sum);
	for (uint16_t id = 1; id < r->roster.n_services; id++)
		if (!service_adds_up(r, id))
			return false;
	return stats_identity(sum) == 0 && sum->rx_packets == r->n_fed;
}
