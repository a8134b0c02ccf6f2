// SPDX-License-Identifier: BSD-3-Clause
// Runs l4/ctrl/neighbor.c alone, for 30_neighbor_test.sh:
//   neighbor_run TABLE DEVICE NAME=ADDRESS[@MAC]...
// One af_xdp port "wan" on DEVICE, one pool "p" with these backends. Every 20 ms the file TABLE becomes
// one line a backend, one of the port, and one of how often `changed` was called.
#include "l4/ctrl/neighbor.h"

#include <ev.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"

enum { MAX_BACKENDS = 16 };

static const char *table_file;
static unsigned n_changed;

static void on_changed(struct control *c)
{
	n_changed++;
}

static void print_backend(FILE *f, const struct roster_backend *b)
{
	char dst[MAC_TEXT_SIZE], src[MAC_TEXT_SIZE];

	fprintf(f, "%s known=%d mac=%s src=%s state=%s\n", b->name, b->hop.known,
	        mac_text(&b->hop.dst, dst), mac_text(&b->hop.src, src), b->hop.state);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	const struct control *c = w->data;
	char text[MAC_TEXT_SIZE], temporary[4096];
	FILE *f;

	snprintf(temporary, sizeof(temporary), "%s.new", table_file);
	f = fopen(temporary, "w");
	if (!f)
		return;
	for (uint16_t id = 1; id < c->roster.n_backends; id++)
		print_backend(f, &c->roster.backends[id]);
	fprintf(f, "port mac=%s link_up=%d\n", mac_text(&c->ports[0].mac, text),
	        c->ports[0].link_up);
	fprintf(f, "changed=%u\n", n_changed);
	if (fclose(f) == 0 && rename(temporary, table_file) != 0)
		perror(table_file);
}

static void on_signal(struct ev_loop *loop, struct ev_signal *w, int revents)
{
	ev_break(loop, EVBREAK_ALL);
}

// NAME=ADDRESS[@MAC], cut in place.
static bool read_backend(struct conf_backend *b, char *text)
{
	char *address = strchr(text, '=');
	char *mac;

	if (!address)
		return false;
	*address++ = '\0';
	mac = strchr(address, '@');
	if (mac)
		*mac++ = '\0';
	*b = (struct conf_backend){.name = text, .port = be16_from(80), .weight = 1};
	b->has_mac = mac;
	return addr_parse(&b->address, address) == 0 && (!mac || mac_parse(&b->mac, mac) == 0);
}

static int run(struct control *c)
{
	struct ev_signal term;
	struct ev_timer tick;
	struct err err;

	if (neighbor_open(&c->neighbor, c, on_changed, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	neighbor_update(c->neighbor);
	ev_signal_init(&term, on_signal, SIGTERM);
	ev_signal_start(c->loop, &term);
	ev_timer_init(&tick, on_tick, 0., 0.02);
	tick.data = c;
	ev_timer_start(c->loop, &tick);
	ev_run(c->loop, 0);
	neighbor_close(c->neighbor);
	return 0;
}

int main(int argc, char **argv)
{
	struct conf_port port = {.name = "wan", .driver = DRIVER_AF_XDP};
	struct conf_backend backends[MAX_BACKENDS];
	struct conf_pool pool = {.name = "p", .backends = backends};
	struct conf conf = {.ports = &port, .n_ports = 1, .pools = &pool, .n_pools = 1};
	struct control c = {.loop = ev_default_loop(0), .conf = &conf};
	struct err err;
	int rc = 2;

	log_init("neighbor_run", LOG_LEVEL_DEBUG);
	if (argc < 4 || argc - 3 > MAX_BACKENDS)
		return 2;
	table_file = argv[1];
	c.ports[0].if_index = if_nametoindex(argv[2]);
	snprintf(c.ports[0].if_name, sizeof(c.ports[0].if_name), "%s", argv[2]);
	for (int i = 3; i < argc; i++)
		if (!read_backend(&backends[pool.n_backends++], argv[i]))
			return 2;
	if (roster_init(&c.roster) == 0 &&
	    roster_update(&c.roster, &conf, clock_now_ns(), &err) == 0)
		rc = run(&c);
	roster_fini(&c.roster);
	ev_loop_destroy(c.loop);
	return rc;
}
