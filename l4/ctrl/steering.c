// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/steering.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>

#include "bpf/attach.h"
#include "l4/base/log.h"

// How old the counters of ports in the store may be.
static const double COPY_INTERVAL_S = 1;

struct steering {
	struct control *control;
	ev_timer copy;
	struct attach_steer port[CONF_MAX_PORTS];
	uint16_t number[CONF_MAX_PORTS]; // of the port in the configuration
	uint16_t n_ports;
};

static bool is_af_xdp(const struct conf_port *p)
{
	return p->driver == DRIVER_AF_XDP;
}

int steering_object(const struct conf *conf, char *path, size_t size, struct err *err)
{
	bool any = false;

	assert(size >= ATTACH_PATH_SIZE);
	path[0] = '\0';
	for (uint16_t i = 0; i < conf->n_ports; i++) {
		unsigned if_index;
		int rc;

		if (!is_af_xdp(&conf->ports[i]))
			continue;
		any = true;
		if_index = if_nametoindex(conf->ports[i].device);
		rc = if_index ? attach_steer_detach(if_index, err)
		              : 0; // port_open() says it better
		if (rc) {
			err_prefix(err, "ports[%u]", i);
			return rc;
		}
	}
	return any ? attach_steer_object(path, err) : -ENOENT;
}

// The lanes want what they serve themselves. What is left to the L7 workers is counted and no more, and its
// address alone makes no VIP.
static enum steer_what what_of(const struct snapshot *snap, const struct endpoint *e)
{
	uint8_t punt_reason;

	if (e->kind == ENDPOINT_SNAT)
		return STEER_SNAT;
	if (e->kind != ENDPOINT_SERVICE)
		return STEER_NONE;
	punt_reason = snap->services[e->index].punt_reason;
	if (!punt_reason)
		return STEER_SERVICE;
	return punt_reason == REASON_L7_SERVICE ? STEER_PASSED : STEER_NONE;
}

// What is known of the address of a VIP, at the place of its endpoint.
struct vip {
	bool is_ours;     // the lanes have a service there
	uint16_t service; // id of its only service; 0 = none yet, or several
	uint16_t n_services;
};

static struct attach_entry entry_of(const struct endpoint *e, enum steer_what what,
                                    uint16_t service)
{
	struct attach_entry entry = {
		.key = {.port = be16_raw(e->port), .proto = e->proto, .family = e->family},
		.target = {.what = what, .service = service},
	};

	memcpy(entry.key.addr, e->addr, sizeof(entry.key.addr));
	return entry;
}

static void note_vip(const struct snapshot *snap, const struct endpoint *e, struct vip *vips)
{
	const struct endpoint *at = snapshot_endpoint(snap, e->family, e->addr, be16_from(0), 0);
	struct vip *vip;

	if (!at || at->kind != ENDPOINT_VIP)
		return;
	vip = &vips[at - snap->endpoints];
	vip->is_ours |= what_of(snap, e) == STEER_SERVICE;
	vip->service = vip->n_services++ ? 0 : snap->services[e->index].id;
}

static size_t list(const struct snapshot *snap, struct vip *vips, struct attach_entry *out)
{
	size_t n = 0;

	for (uint32_t i = 0; i <= snap->endpoint_mask; i++)
		if (snap->endpoints[i].kind == ENDPOINT_SERVICE)
			note_vip(snap, &snap->endpoints[i], vips);
	for (uint32_t i = 0; i <= snap->endpoint_mask; i++) {
		const struct endpoint *e = &snap->endpoints[i];
		enum steer_what what = what_of(snap, e);

		if (vips[i].is_ours)
			out[n++] = entry_of(e, STEER_VIP, vips[i].service);
		else if (what != STEER_NONE)
			out[n++] = entry_of(e, what,
			                    what == STEER_SNAT ? 0 : snap->services[e->index].id);
	}
	return n;
}

static void add_mac(struct steer_config *config, const struct mac *mac)
{
	memcpy(config->mac[config->n_macs++], mac->byte, sizeof(mac->byte));
}

// Neighbours learn the interface's address from the kernel, whatever the configuration says. While that is
// not known, every frame may be ours.
static struct steer_config config_of(const struct snapshot *snap, const struct control_port *port)
{
	struct steer_config config = {0};

	if (snap->n_snat) {
		config.snat_first = snap->snat_first;
		config.snat_last = snap->snat_last;
	}
	if (mac_is_zero(&port->if_mac))
		return config;
	add_mac(&config, &port->if_mac);
	add_mac(&config, &port->mac);
	return config;
}

static int update(struct steering *s, struct err *err)
{
	const struct snapshot *snap = s->control->serving;
	size_t n = snap->endpoint_mask + 1u;
	struct attach_entry *entries = calloc(n, sizeof(*entries));
	struct vip *vips = calloc(n, sizeof(*vips));
	int rc = 0;

	if (!entries || !vips) {
		rc = err_set(err, -ENOMEM, "steering: out of memory");
		goto out;
	}
	n = list(snap, vips, entries);
	for (uint16_t i = 0; !rc && i < s->n_ports; i++) {
		struct steer_config config = config_of(snap, &s->control->ports[s->number[i]]);

		rc = attach_steer_update(&s->port[i], entries, n, &config, err);
	}
out:
	free(vips);
	free(entries);
	return rc;
}

// At every publication, before the lanes learn of it: what is new reaches them early and is punted; what is gone
// goes to the kernel at once, although lanes still serve what their rings hold. A failure is logged and no more:
// the table may then hold old and new services, and the next try comes with the next publication.
static void on_change(struct control *c)
{
	struct err err;

	if (update(c->steering, &err))
		LOG_ERROR(
			"steering not updated reason=\"%s\" hint=\"some services may not reach the "
			"lanes\"",
			err.msg);
}

// Without it all else works: the counters of each service stay as they are.
static void count_services(const struct steering *s, const struct attach_steer *port)
{
	const struct control *c = s->control;
	struct err err = {0};

	if (!c->conf->telemetry.steer)
		LOG_INFO("steered services not counted reason=\"telemetry.steer is false\"");
	else if (!c->stats->is_bpf)
		LOG_WARN("steered services not counted reason=\"the counters are in files, not in "
		         "BPF maps\"");
	else if (attach_steer_store(port, c->conf->stats, &err))
		LOG_WARN("steered services not counted reason=\"%s\"", err.msg);
}

static int find_programs(struct steering *s, struct err *err)
{
	const struct conf *conf = s->control->conf;

	for (uint16_t i = 0; i < conf->n_ports; i++) {
		int rc;

		if (!is_af_xdp(&conf->ports[i]))
			continue;
		rc = attach_steer_open(&s->port[s->n_ports], s->control->ports[i].if_index, err);
		if (rc) {
			err_prefix(err, "ports[%u]", i);
			return rc;
		}
		count_services(s, &s->port[s->n_ports]);
		s->number[s->n_ports++] = i;
	}
	return 0;
}

int steering_count(const struct control *c, uint16_t port, struct steer_counters *out)
{
	const struct steering *s = c->steering;

	for (uint16_t i = 0; s && i < s->n_ports; i++)
		if (s->number[i] == port)
			return attach_steer_count(&s->port[i], out);
	return -ENOENT;
}

// What the programs have counted, for those who read the store and may not ask the kernel.
static void copy_counters(const struct steering *s)
{
	for (uint16_t i = 0; i < s->n_ports; i++) {
		uint64_t *to = (uint64_t *)&s->control->stats->steer_ports[s->number[i]].counters;
		struct steer_counters count;
		const uint64_t *from = (const uint64_t *)&count;

		if (attach_steer_count(&s->port[i], &count))
			continue;
		for (size_t j = 0; j < STATS_STEER_FIELDS; j++)
			__atomic_store_n(&to[j], from[j], __ATOMIC_RELAXED);
	}
}

static void on_copy(struct ev_loop *loop, ev_timer *timer, int events)
{
	copy_counters(CONTAINER_OF(timer, struct steering, copy));
}

// Ports and their programs are those of this run.
static void name_ports(const struct steering *s)
{
	struct stats_steer_port *ports = s->control->stats->steer_ports;

	for (size_t i = 0; i < STATS_PORTS; i++)
		__atomic_store_n(&ports[i].used, STATS_FREE, __ATOMIC_RELEASE);
	for (uint16_t i = 0; i < s->n_ports; i++) {
		struct stats_steer_port *p = &ports[s->number[i]];

		memset(&p->counters, 0, sizeof(p->counters));
		snprintf(p->name, sizeof(p->name), "%s",
		         s->control->conf->ports[s->number[i]].name);
		__atomic_store_n(&p->used, STATS_LIVE, __ATOMIC_RELEASE);
	}
}

int steering_open(struct steering **out, struct control *c, struct err *err)
{
	struct steering *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(err, -ENOMEM, "steering: out of memory");
	s->control = c;
	rc = find_programs(s, err);
	if (!rc && s->n_ports)
		rc = update(s, err);
	if (rc) {
		steering_close(s);
		return rc;
	}
	c->steering = s;
	name_ports(s);
	ev_timer_init(&s->copy, on_copy, COPY_INTERVAL_S, COPY_INTERVAL_S);
	if (s->n_ports) {
		ev_timer_start(c->loop, &s->copy);
		c->services_changed = on_change;
		c->count_steered = steering_count;
	}
	*out = s;
	return 0;
}

void steering_close(struct steering *s)
{
	if (!s)
		return;
	s->control->services_changed = NULL;
	s->control->count_steered = NULL;
	if (s->control->steering) {
		ev_timer_stop(s->control->loop, &s->copy);
		copy_counters(s);
	}
	s->control->steering = NULL;
	while (s->n_ports)
		attach_steer_close(&s->port[--s->n_ports]);
	free(s);
}
