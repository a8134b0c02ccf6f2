// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/snapshot.h"

#include "l4/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	NO_POOL = 0xffff,
	MAGLEV_SEED = 47, // part of the wire contract between nodes: changing it moves every flow
};

static uint32_t table_size(uint32_t n)
{
	uint32_t size = 8;

	while (size < 2 * n) // half empty: a miss ends after few probes
		size *= 2;
	return size;
}

// --- endpoints ---

static void endpoint_add(struct snapshot *s, const struct endpoint *e)
{
	uint32_t i =
		snapshot_hash(e->addr, snapshot_port_proto(e->port, e->proto)) & s->endpoint_mask;

	while (s->endpoints[i].kind != ENDPOINT_NONE)
		i = (i + 1) & s->endpoint_mask;
	s->endpoints[i] = *e;
}

static struct endpoint endpoint_of(const struct addr *a, enum endpoint_kind kind, uint16_t index)
{
	struct endpoint e = {.family = a->family, .kind = (uint8_t)kind, .index = index};

	memcpy(e.addr, a->word, sizeof(e.addr));
	return e;
}

static bool endpoint_exists(const struct snapshot *s, const struct addr *a)
{
	return snapshot_endpoint(s, a->family, a->word, be16_from(0), 0) != NULL;
}

static int build_endpoints(struct snapshot *s, const struct conf *conf)
{
	uint32_t size = table_size(2u * conf->n_services + conf->snat.n_addresses);

	s->endpoints = arena_alloc(&s->arena, size, sizeof(*s->endpoints), CACHE_LINE);
	if (!s->endpoints)
		return -ENOMEM;
	s->endpoint_mask = size - 1;
	for (uint16_t i = 0; i < s->n_services; i++) {
		const struct snap_service *service = &s->services[i];
		struct endpoint e = endpoint_of(&service->address, ENDPOINT_SERVICE, i);

		e.port = service->port;
		e.proto = service->ip_proto;
		endpoint_add(s, &e);
		e = endpoint_of(&service->address, ENDPOINT_VIP, 0);
		if (!endpoint_exists(s, &service->address))
			endpoint_add(s, &e);
	}
	for (uint16_t i = 0; i < s->n_snat; i++) {
		struct endpoint e = endpoint_of(&s->snat[i], ENDPOINT_SNAT, i);

		endpoint_add(s, &e);
	}
	return 0;
}

// --- backends ---

static bool is_steady(const struct roster_backend *r)
{
	return r->health.state != HEALTH_UNHEALTHY;
}

static void fill_hop(struct snap_backend *b, const struct next_hop *hop)
{
	if (!hop->known)
		return;
	b->flags |= BACKEND_HOP;
	b->port = hop->port;
	b->dst = hop->dst;
	b->src = hop->src;
}

// A backend that left the configuration: its flows live on, new ones do not come.
static void fill_retired(struct snap_backend *b, const struct roster_backend *r)
{
	*b = (struct snap_backend){
		.flags = BACKEND_OLD | BACKEND_STEADY,
		.l4_port = r->port,
		.address = r->address,
		.state = STATE_DRAIN,
		.pool = NO_POOL,
	};
	fill_hop(b, &r->hop);
}

static uint8_t state_flags(uint8_t state)
{
	static const uint8_t flags[STATE_COUNT] = {
		[STATE_UP] = BACKEND_NEW | BACKEND_OLD,
		[STATE_DRAIN] = BACKEND_OLD,
		[STATE_DOWN] = 0,
	};

	return flags[state];
}

// A next hop that is still being looked for is no reason to give the backend's flows to others:
// they would stay there. Packets meanwhile are dropped (no_next_hop) and sent again.
static bool is_settling(const struct roster_backend *r, uint64_t now_ns)
{
	return now_ns && now_ns - r->added_ns < ROSTER_SETTLE_S * CLOCK_NS_PER_S;
}

static bool still_lingers(const struct roster_backend *r, uint64_t now_ns)
{
	return !now_ns || now_ns - r->e.retired_ns < ROSTER_LINGER_S * CLOCK_NS_PER_S;
}

static void fill_live(struct snap_backend *b, const struct conf_backend *c,
                      const struct roster_backend *r, uint64_t now_ns)
{
	*b = (struct snap_backend){
		.flags = state_flags(c->state),
		.l4_port = c->port,
		.address = c->address,
		.state = c->state,
		.health = r->health.state,
		.weight = c->weight,
	};
	if (is_steady(r))
		b->flags |= BACKEND_STEADY;
	fill_hop(b, &r->hop);
	// Nothing can be sent to it, and whoever has no flow yet is better off elsewhere.
	if (!c->weight || (!(b->flags & BACKEND_HOP) && !is_settling(r, now_ns)))
		b->flags &= (uint8_t)~BACKEND_NEW;
}

// Whether somebody takes new flows and is not unhealthy.
static bool has_steady(const struct snapshot *s, const uint16_t *ids, uint16_t n)
{
	const uint8_t both = BACKEND_NEW | BACKEND_STEADY;

	for (uint16_t i = 0; i < n; i++)
		if ((s->backends[ids[i]].flags & both) == both)
			return true;
	return false;
}

// Health decides who takes new flows, unless it says that nobody does: then it is more likely
// wrong, and refusing everybody helps nobody (fail open; when_unhealthy none would rather refuse).
// Whoever takes new flows then must be allowed to keep them, too.
static void apply_health(struct snapshot *s, const struct conf_pool *pool, const uint16_t *ids)
{
	uint16_t n = pool->n_backends;
	bool is_open = pool->when_unhealthy == UNHEALTHY_ALL && !has_steady(s, ids, n);

	for (uint16_t i = 0; i < n; i++) {
		struct snap_backend *b = &s->backends[ids[i]];

		if (is_open && b->flags & BACKEND_NEW)
			b->flags |= BACKEND_STEADY;
		if (!(b->flags & BACKEND_STEADY))
			b->flags &= (uint8_t)~BACKEND_NEW;
	}
}

static int build_maglev(struct snapshot *s, const struct conf_pool *pool, const uint16_t *ids,
                        struct maglev *out)
{
	struct maglev_backend *list = calloc(pool->n_backends + 1u, sizeof(*list));
	int rc;

	if (!list)
		return -ENOMEM;
	for (uint16_t i = 0; i < pool->n_backends; i++) {
		const struct snap_backend *b = &s->backends[ids[i]];
		struct {
			struct addr address;
			be16 port;
			uint16_t pad;
		} identity = {.address = b->address, .port = b->l4_port};

		list[i] = (struct maglev_backend){
			.identity = hash_bytes(&identity, sizeof(identity), MAGLEV_SEED),
			.id = ids[i],
			.weight = b->weight,
			.usable = b->flags & BACKEND_NEW,
		};
	}
	rc = maglev_build(out, list, pool->n_backends, pool->table_size);
	free(list);
	return rc == -ENOENT ? 0 : rc;
}

static int build_pool(struct snapshot *s, const struct snapshot_input *in, uint16_t nth)
{
	const struct conf_pool *pool = &in->conf->pools[nth];
	uint16_t *ids = calloc(pool->n_backends + 1u, sizeof(*ids));
	int rc;

	if (!ids)
		return -ENOMEM;
	for (uint16_t i = 0; i < pool->n_backends; i++) {
		const struct conf_backend *c = &pool->backends[i];

		ids[i] = roster_backend_id(in->roster, pool->name, c);
		assert(ids[i] && ids[i] < s->n_backends); // roster_update() ran for this conf
		fill_live(&s->backends[ids[i]], c, &in->roster->backends[ids[i]], in->now_ns);
		s->backends[ids[i]].pool = nth;
	}
	apply_health(s, pool, ids);
	rc = build_maglev(s, pool, ids, &s->maglev[nth]);
	free(ids);
	return rc;
}

static uint32_t backend_hash(const struct addr *a, be16 port)
{
	return snapshot_hash(a->word, snapshot_port_proto(port, a->family));
}

static void index_backend(struct snapshot *s, uint16_t id)
{
	struct snap_backend *b = &s->backends[id];
	uint32_t i = backend_hash(&b->address, b->l4_port) & s->backend_index_mask;

	b->server = backend_hash(&b->address, b->l4_port);
	for (; s->backend_index[i]; i = (i + 1) & s->backend_index_mask) {
		struct snap_backend *other = &s->backends[s->backend_index[i]];

		if (other->l4_port != b->l4_port || !addr_eq(&other->address, &b->address))
			continue;
		b->next_same = other->next_same;
		other->next_same = id;
		return;
	}
	s->backend_index[i] = id;
}

uint16_t snapshot_backend_by_addr(const struct snapshot *s, const struct addr *a, be16 port)
{
	uint32_t i = backend_hash(a, port) & s->backend_index_mask;

	for (; s->backend_index[i]; i = (i + 1) & s->backend_index_mask) {
		const struct snap_backend *b = &s->backends[s->backend_index[i]];

		if (b->l4_port == port && addr_eq(&b->address, a))
			return (uint16_t)s->backend_index[i];
	}
	return 0;
}

static int build_backends(struct snapshot *s, const struct snapshot_input *in)
{
	uint32_t size = table_size(in->roster->n_backends);
	int rc = 0;

	s->n_backends = in->roster->n_backends;
	s->backends = arena_alloc(&s->arena, s->n_backends + 1u, sizeof(*s->backends), CACHE_LINE);
	s->backend_index = arena_alloc(&s->arena, size, sizeof(*s->backend_index), CACHE_LINE);
	s->maglev = arena_alloc(&s->arena, in->conf->n_pools + 1u, sizeof(*s->maglev), CACHE_LINE);
	if (!s->backends || !s->backend_index || !s->maglev)
		return -ENOMEM;
	s->backend_index_mask = size - 1;
	for (uint32_t id = 1; id < s->n_backends; id++)
		if (in->roster->backends[id].e.used && !in->roster->backends[id].e.live &&
		    !in->roster->backends[id].is_down &&
		    still_lingers(&in->roster->backends[id], in->now_ns))
			fill_retired(&s->backends[id], &in->roster->backends[id]);
	for (; !rc && s->n_pools < in->conf->n_pools; s->n_pools++)
		rc = build_pool(s, in, s->n_pools);
	for (uint32_t id = 1; !rc && id < s->n_backends; id++) {
		if (!in->roster->backends[id].e.used)
			continue;
		s->backends[id].name = arena_strdup(&s->arena, in->roster->backends[id].name);
		if (!s->backends[id].name)
			rc = -ENOMEM;
		index_backend(s, (uint16_t)id);
	}
	return rc;
}

// --- services ---

static int fill_service(struct snapshot *s, const struct snapshot_input *in, uint16_t nth)
{
	const struct conf_service *c = &in->conf->services[nth];
	const struct conf_pool *pool = conf_service_pool(in->conf, c);
	struct snap_service *out = &s->services[nth];

	*out = (struct snap_service){
		.id = roster_service_id(in->roster, c),
		.forward = c->forward,
		.protocol = c->protocol,
		.ip_proto = c->protocol == PROTO_TCP ? IPPROTO_NUM_TCP : IPPROTO_NUM_UDP,
		.punt_reason = pool ? REASON_NONE : REASON_L7_SERVICE,
		.flow_table = c->flow_table,
		.port = c->port,
		.address = c->address,
		.pool = pool ? (uint16_t)(pool - in->conf->pools) : NO_POOL,
		.name = arena_strdup(&s->arena, c->name),
	};
	assert(out->id && out->id < STATS_SERVICES);
	if (pool)
		out->maglev = &s->maglev[out->pool];
	s->service_by_id[out->id] = nth;
	s->has_quic |= c->protocol == PROTO_QUIC && pool;
	return out->name ? 0 : -ENOMEM;
}

static int build_services(struct snapshot *s, const struct snapshot_input *in)
{
	int rc = 0;

	s->n_services = in->conf->n_services;
	s->services = arena_alloc(&s->arena, s->n_services + 1u, sizeof(*s->services), CACHE_LINE);
	s->service_by_id =
		arena_alloc(&s->arena, STATS_SERVICES, sizeof(*s->service_by_id), CACHE_LINE);
	if (!s->services || !s->service_by_id)
		return -ENOMEM;
	memset(s->service_by_id, 0xff, STATS_SERVICES * sizeof(*s->service_by_id));
	for (uint16_t i = 0; !rc && i < s->n_services; i++)
		rc = fill_service(s, in, i);
	return rc;
}

// --- the whole ---

static int fill_node(struct snapshot *s, const struct snapshot_input *in)
{
	const struct conf *conf = in->conf;

	s->generation = in->generation;
	s->n_ports = (uint8_t)conf->n_ports;
	for (uint8_t i = 0; i < s->n_ports; i++)
		s->ports[i] =
			(struct snap_port){.mac = in->port_macs[i], .mtu = conf->ports[i].mtu};
	s->timeout_s[FLOW_CLOSING] = conf->timeouts.tcp_fin_s;
	s->timeout_s[FLOW_RESET] = conf->timeouts.tcp_fin_s;
	s->timeout_s[FLOW_OPENING] = conf->timeouts.tcp_syn_s;
	s->timeout_s[FLOW_ANSWERED] = conf->timeouts.tcp_syn_s;
	s->timeout_s[FLOW_ESTABLISHED] = conf->timeouts.tcp_established_s;
	s->timeout_s[FLOW_UDP] = conf->timeouts.udp_s;
	s->snat_first = conf->snat.port_first;
	s->snat_last = conf->snat.port_last;
	s->n_snat = conf->snat.n_addresses;
	s->snat = arena_alloc(&s->arena, s->n_snat + 1u, sizeof(*s->snat), CACHE_LINE);
	if (!s->snat)
		return -ENOMEM;
	if (s->n_snat)
		memcpy(s->snat, conf->snat.addresses, s->n_snat * sizeof(*s->snat));
	return 0;
}

int snapshot_build(struct snapshot **out, const struct snapshot_input *in, struct err *err)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(err, -ENOMEM, "snapshot: out of memory");
	rc = fill_node(s, in);
	if (!rc)
		rc = build_backends(s, in);
	if (!rc)
		rc = build_services(s, in);
	if (!rc)
		rc = build_endpoints(s, in->conf);
	if (rc) {
		snapshot_free(s);
		return err_set(err, rc, "snapshot: %s", strerror(-rc));
	}
	*out = s;
	return 0;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	if (s->quic_wipe)
		s->quic_wipe(s);
	for (uint16_t i = 0; i < s->n_pools; i++)
		maglev_fini(&s->maglev[i]);
	arena_fini(&s->arena);
	free(s);
}

uint32_t snapshot_backend_share(const struct snapshot *s, uint16_t pool, uint16_t id)
{
	const struct maglev *m = &s->maglev[pool];
	uint64_t n = 0;

	for (uint32_t i = 0; i < m->n_slots; i++)
		n += m->slot[i] == id;
	return m->n_slots ? (uint32_t)(n * 65536 / m->n_slots) : 0;
}
