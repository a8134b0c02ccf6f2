// SPDX-License-Identifier: BSD-3-Clause
// lbtop_writer DIR [SECONDS]: a counter store under /dev/shm with figures that are known, written by the clock for as
// long as it runs. Two lanes; 1000 packets a second go to web, of which 10 are dropped, 250 to dns, and so on.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "l4/model/health.h"
#include "l4/model/stats.h"
#include "l4/model/stats_writer.h"

static volatile sig_atomic_t is_told_to_stop;

static void on_signal(int number)
{
	is_told_to_stop = number;
}

static void name_service(struct stats *s, uint16_t id, const char *name, const char *address,
                         uint16_t port, enum conf_protocol protocol)
{
	struct stats_service_name *n = &s->service_names[id];

	if (addr_parse(&n->address, address))
		abort();
	n->port = port;
	n->protocol = (uint8_t)protocol;
	n->forward = strcmp(name, "api") == 0 ? FORWARD_LOCAL : FORWARD_DSR;
	snprintf(n->name, sizeof(n->name), "%s", name);
	snprintf(n->pool, sizeof(n->pool), "%s", protocol == PROTO_UDP ? "dns" : "web");
	n->used = STATS_LIVE;
}

static void name_backend(struct stats *s, uint16_t id, const char *pool, const char *name,
                         const char *address)
{
	struct stats_backend_name *n = &s->backend_names[id];

	if (addr_parse(&n->address, address))
		abort();
	n->port = 80;
	n->weight = 100;
	n->health = HEALTH_HEALTHY;
	snprintf(n->pool, sizeof(n->pool), "%s", pool);
	snprintf(n->name, sizeof(n->name), "%s", name);
	n->used = STATS_LIVE;
}

static void name_all(struct stats *s)
{
	name_service(s, 1, "web", "203.0.113.10", 80, PROTO_TCP);
	name_service(s, 2, "dns", "203.0.113.20", 53, PROTO_UDP);
	name_service(s, 3, "h3", "2001:db8:10::10", 443, PROTO_QUIC);
	name_service(s, 4, "api", "203.0.113.40", 443, PROTO_TCP);
	name_backend(s, 1, "web", "web-1", "10.0.0.11");
	name_backend(s, 2, "web", "web-2", "10.0.0.12");
	name_backend(s, 3, "dns", "dns-1", "10.0.0.21");
	name_backend(s, 4, "api", "api-1", "10.0.0.31");
	s->backend_names[2].state = STATE_DRAIN;
	s->backend_names[2].health = HEALTH_UNHEALTHY;
	s->backend_names[3].used = STATS_RETIRED;
}

// What has happened after `ms`.
static void write_lane(struct lane_counters *l, uint64_t ms)
{
	l->rx_packets = ms;
	l->rx_bytes = ms * 500;
	l->tx_packets = ms - ms / 100;
	l->tx_bytes = l->tx_packets * 500;
	l->bursts = ms / 8;
	l->busy_ns = ms * 250000; // a quarter of the time
	l->flow_hits = ms * 3 / 4;
	l->flow_inserts = ms / 4;
	l->flows = 1234;
	l->reason[REASON_POOL_EMPTY] = ms / 100;
	l->reason[REASON_NONE] = ms - ms / 100;
}

// Connections to api: 200 a second, of which clients reset 50; to its backend 100, with handshakes of 512..1023 us, and 50
// that come to nothing.
static void write_tcp(struct stats *s, uint64_t ms)
{
	struct tcp_counters *service = &s->tcp_services[4], *backend = &s->tcp_backends[4];

	service->connections = service->closed = ms / 5;
	service->resets_received = ms / 20;
	service->rtt.bucket[15] = ms / 5; // 16..33 ms
	backend->connections = backend->closed = ms / 10;
	backend->failed = ms / 20;
	backend->retransmits = ms / 10;
	backend->handshake.bucket[10] = ms / 10;
	backend->resent.bucket[0] = ms / 10;
}

static void write_all(struct stats *s, uint64_t ms)
{
	write_lane(&s->lanes[0], ms);
	write_lane(&s->lanes[1], ms / 2);
	stats_service(s, 0)[1] = (struct service_counters){.packets = ms,
	                                                   .bytes = ms * 500,
	                                                   .forwarded = ms - ms / 100,
	                                                   .dropped = ms / 100,
	                                                   .new_flows = ms / 10};
	stats_service(s, 1)[2] = (struct service_counters){
		.packets = ms / 4, .bytes = ms * 25, .forwarded = ms / 4, .new_flows = ms / 4};
	stats_backend(s, 0)[1] = (struct backend_counters){
		.packets = ms * 3 / 4, .bytes = ms * 375, .new_flows = ms * 3 / 40};
	stats_backend(s, 1)[2] = (struct backend_counters){
		.packets = ms / 4, .bytes = ms * 125, .new_flows = ms / 40};
	write_tcp(s, ms);
}

int main(int argc, char **argv)
{
	uint64_t begin_ns = clock_now_ns(), seconds = argc > 2 ? strtoull(argv[2], NULL, 10) : 60;
	struct err err = {0};
	struct stats s;

	if (argc < 2)
		return 2;
	signal(SIGTERM, on_signal);
	if (stats_open_shm(&s, argv[1], &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	stats_announce(&s, "edge-1", 2, (uint32_t)getpid());
	s.meta->cycles_hz = 3000000000;
	name_all(&s);
	while (!is_told_to_stop && clock_now_ns() - begin_ns < seconds * CLOCK_NS_PER_S) {
		write_all(&s, (clock_now_ns() - begin_ns) / CLOCK_NS_PER_MS);
		usleep(2000);
	}
	stats_writer_leave(&s.meta->writer); // as a daemon that stops cleanly
	stats_close(&s);
	return 0;
}
