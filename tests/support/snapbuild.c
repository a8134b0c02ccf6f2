// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/snapbuild.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/confcase.h"

#define POOL(name, net, port)                                         \
	"{'name': '" name "', 'table_size': 4099, 'backends': ["      \
	"{'name': '" name "-1', 'address': '" net "1', 'port': " port \
	", 'mac': '02:00:00:00:01:01'},\n"                            \
	"{'name': '" name "-2', 'address': '" net "2', 'port': " port \
	", 'mac': '02:00:00:00:01:02'},\n"                            \
	"{'name': '" name "-3', 'address': '" net "3', 'port': " port \
	", 'mac': '02:00:00:00:01:03'}]}"
#define SERVICE(name, address, port, protocol, forward, pool)                                     \
	"{'name': '" name "', 'address': '" address "', 'port': " port ", 'protocol': '" protocol \
	"', 'forward': '" forward "', 'pool': '" pool "'}"
#define VIP4 "203.0.113.10"
#define VIP6 "2001:db8::10"

const char snapbuild_edge[] =
	"{'ports': ["
	"{'name': 'wan', 'driver': 'pcap', 'rx': 'x', 'mac': '02:00:00:00:00:01'},\n"
	"{'name': 'lan', 'driver': 'pcap', 'rx': 'y', 'mac': '02:00:00:00:00:11'}],\n"
	"'lanes': [0], 'flows': 4096,\n"
	"'snat': {'addresses': ['10.0.0.2', '2001:db8:1::2', '10.0.0.3'],\n"
	"         'port_first': 20000, 'port_last': 29999},\n"
	"'services': [" SERVICE("web", VIP4, "80", "tcp", "dsr", "web") ",\n" SERVICE("dns", VIP4, "53", "udp", "dsr", "dns") ",\n" SERVICE("api", VIP4, "8080", "tcp", "nat", "api") ",\n" SERVICE(
		"ntp", VIP4, "1234",
		"udp", "nat",
		"ntp") ",\n"
		       "{'name': 'flat', 'address': '" VIP4
		       "', 'port': 81, 'protocol': 'tcp', 'pool': 'flat',"
		       " 'flow_table': false},\n"
		       "{'name': 'tls', 'address': '" VIP4
		       "', 'port': 443, 'protocol': 'tcp', 'l7': 'l7'},\n" SERVICE("web6", VIP6, "80", "tcp", "dsr", "web6") ",\n" SERVICE(
			       "api6", VIP6, "8080",
			       "tcp", "nat",
			       "api6") ",\n" SERVICE("ntp6", VIP6, "1234", "udp", "nat",
                                                     "api6") "],\n"
							     "'l7': [{'name': 'l7', 'routes': [{'path': '/', 'pool': 'api'}]}],\n"
							     "'pools': [" POOL("web", "10.0.1.", "80") ",\n" POOL("dns", "10.0.2.", "53") ",\n" POOL(
								     "api", "10.0.3.",
								     "8000") ",\n" POOL("ntp",
                                                                                        "10.0.4.",
                                                                                        "1123") ",\n" POOL("flat",
                                                                                                           "10.0.5.",
                                                                                                           "81") ",\n" POOL("web6",
                                                                                                                            "2001:db8:1:1::",
                                                                                                                            "80") ",\n" POOL("api6",
                                                                                                                                             "2001:db8:1:3::",
                                                                                                                                             "8000") "]}\n";

static void need(bool is_fine, const char *what, const char *detail)
{
	if (is_fine)
		return;
	fprintf(stderr, "snapbuild: %s: %s\n", what, detail);
	abort();
}

static void read_conf(struct snapbuild *s)
{
	struct err err = {0};

	conf_free(s->conf);
	s->conf = NULL;
	need(conf_parse(&s->conf, s->text, strlen(s->text), &err) == 0, "configuration", err.msg);
	need(roster_update(&s->roster, s->conf, s->now_ns, &err) == 0, "roster", err.msg);
}

static void take_hops(struct snapbuild *s, const struct conf_pool *pool)
{
	for (size_t i = 0; i < pool->n_backends; i++) {
		const struct conf_backend *b = &pool->backends[i];
		uint16_t id = roster_backend_id(&s->roster, pool->name, b);

		s->roster.backends[id].hop = (struct next_hop){
			.known = b->has_mac,
			.port = s->conf->n_ports > 1 ? 1 : 0,
			.dst = b->mac,
			.src = {{0x02, 0, 0, 0, 0, 0x11}},
		};
	}
}

static void compile(struct snapbuild *s, uint32_t generation)
{
	struct mac macs[CONF_MAX_PORTS] = {{{0}}};
	struct snapshot_input in = {
		.conf = s->conf,
		.roster = &s->roster,
		.port_macs = macs,
		.generation = generation,
		.now_ns = s->now_ns,
	};
	struct err err = {0};

	for (size_t i = 0; i < s->conf->n_ports; i++)
		memcpy(&macs[i], &s->conf->ports[i].mac, sizeof(macs[i]));
	for (size_t i = 0; i < s->conf->n_pools; i++)
		take_hops(s, &s->conf->pools[i]);
	need(snapshot_build(&s->snap, &in, &err) == 0, "snapshot", err.msg);
}

void snapbuild_open(struct snapbuild *s, const char *text)
{
	memset(s, 0, sizeof(*s));
	s->text = confcase_json(text);
	need(roster_init(&s->roster) == 0, "roster", "no memory");
	read_conf(s);
	compile(s, 1);
}

void snapbuild_close(struct snapbuild *s)
{
	snapshot_free(s->snap);
	roster_fini(&s->roster);
	conf_free(s->conf);
	free(s->text);
}

void snapbuild_change(struct snapbuild *s, const char *from, const char *to)
{
	char *old = confcase_json(from), *new = confcase_json(to), *text;
	char *at = strstr(s->text, old);

	need(at && !strstr(at + 1, old), "does not occur exactly once", from);
	need(asprintf(&text, "%.*s%s%s", (int)(at - s->text), s->text, new, at + strlen(old)) >= 0,
	     "asprintf", "no memory");
	free(s->text);
	free(old);
	free(new);
	s->text = text;
}

struct snapshot *snapbuild_next(struct snapbuild *s)
{
	struct snapshot *old = s->snap;

	read_conf(s);
	compile(s, old->generation + 1);
	return old;
}

void snapbuild_health(struct snapbuild *s, const char *backend, enum health health)
{
	s->roster.backends[snapbuild_backend(s, backend)].health.state = (uint8_t)health;
}

uint16_t snapbuild_backend(const struct snapbuild *s, const char *name)
{
	uint16_t id = 1;

	while (id < s->roster.n_backends && strcmp(s->roster.backends[id].name, name) != 0)
		id++;
	need(id < s->roster.n_backends, "no such backend", name);
	return id;
}

uint16_t snapbuild_service(const struct snapbuild *s, const char *name)
{
	uint16_t id = 1;

	while (id < s->roster.n_services && strcmp(s->roster.services[id].name, name) != 0)
		id++;
	need(id < s->roster.n_services, "no such service", name);
	return id;
}
