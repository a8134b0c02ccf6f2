// SPDX-License-Identifier: BSD-3-Clause
// The roster's memory beyond a restart: the name regions of the counter store.
#include <string.h>

#include "l4/base/clock.h"
#include "l4/model/roster.h"

// The store is shared memory that outlived its writer: nothing in it is certain.
static bool is_text(const char text[STATS_NAME_SIZE])
{
	return text[0] != '\0' && memchr(text, '\0', STATS_NAME_SIZE);
}

static bool is_address(const struct addr *a)
{
	return a->family == ADDR_IP4 || a->family == ADDR_IP6;
}

static struct addr clean_address(const struct addr *a)
{
	return a->family == ADDR_IP4 ? addr_ip4(a->ip4) : addr_ip6(a->ip6);
}

static bool service_makes_sense(const struct stats_service_name *n)
{
	return n->used != STATS_FREE && is_text(n->name) && is_address(&n->address) &&
	       n->protocol > PROTO_NONE && n->protocol < PROTO_COUNT;
}

static bool backend_makes_sense(const struct stats_backend_name *n)
{
	return n->used != STATS_FREE && is_text(n->name) && is_text(n->pool) &&
	       is_address(&n->address);
}

static void adopt_service(struct roster *r, uint32_t id, const struct stats_service_name *n)
{
	struct roster_service *s = &r->services[id];

	s->address = clean_address(&n->address);
	s->port = be16_from(n->port);
	s->protocol = n->protocol;
	memcpy(s->name, n->name, sizeof(s->name));
	r->n_services = (uint16_t)(id + 1);
}

static void adopt_backend(struct roster *r, uint32_t id, const struct stats_backend_name *n)
{
	struct roster_backend *b = &r->backends[id];

	b->address = clean_address(&n->address);
	b->port = be16_from(n->port);
	memcpy(b->pool, n->pool, sizeof(b->pool));
	memcpy(b->name, n->name, sizeof(b->name));
	r->n_backends = (uint16_t)(id + 1);
}

void roster_adopt(struct roster *r, const struct stats *stats, uint64_t now_ns)
{
	// No flow has outlived the daemon that gave these ids: whoever does not come back to its
	// own may lose it at once.
	const struct roster_entry retired = {
		.used = true, .retired_ns = now_ns - ROSTER_QUARANTINE_S * CLOCK_NS_PER_S};

	for (uint32_t id = 1; id < STATS_SERVICES; id++) {
		if (!service_makes_sense(&stats->service_names[id]))
			continue;
		adopt_service(r, id, &stats->service_names[id]);
		r->services[id].e = retired;
	}
	for (uint32_t id = 1; id < STATS_BACKENDS; id++) {
		if (!backend_makes_sense(&stats->backend_names[id]))
			continue;
		adopt_backend(r, id, &stats->backend_names[id]);
		r->backends[id].e = retired;
		r->backends[id].added_ns = now_ns;
	}
	roster_index(r);
}

static uint32_t used_word(const struct roster_entry *e)
{
	if (!e->used)
		return STATS_FREE;
	return e->live ? STATS_LIVE : STATS_RETIRED;
}

// Readers that see STATS_FREE leave the entry alone, so it can be written in peace.
static void hide(uint32_t *used)
{
	__atomic_store_n(used, STATS_FREE, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void zero_service(struct stats *stats, uint32_t id)
{
	for (uint32_t lane = 0; lane < STATS_SLOTS; lane++)
		memset(stats_service(stats, lane) + id, 0, sizeof(struct service_counters));
	for (size_t cpu = 0; cpu < STATS_CPU_SLOTS; cpu++)
		memset(&stats->steer_services[cpu * STATS_SERVICES + id], 0,
		       sizeof(struct steer_service_counters));
	memset(&stats->tcp_services[id], 0, sizeof(struct tcp_counters));
}

static void zero_backend(struct stats *stats, uint32_t id)
{
	for (uint32_t lane = 0; lane < STATS_SLOTS; lane++)
		memset(stats_backend(stats, lane) + id, 0, sizeof(struct backend_counters));
	memset(&stats->tcp_backends[id], 0, sizeof(struct tcp_counters));
}

static void publish_service(const struct roster_service *s, uint32_t id, struct stats *stats)
{
	struct stats_service_name *n = &stats->service_names[id];
	bool same_owner = n->used != STATS_FREE && n->port == be16_to(s->port) &&
	                  n->protocol == s->protocol && addr_eq(&n->address, &s->address);

	if (!same_owner || memcmp(n->name, s->name, sizeof(n->name)) != 0 ||
	    memcmp(n->pool, s->pool, sizeof(n->pool)) != 0) {
		hide(&n->used);
		n->address = s->address;
		n->port = be16_to(s->port);
		n->protocol = s->protocol;
		memcpy(n->name, s->name, sizeof(n->name));
		memcpy(n->pool, s->pool, sizeof(n->pool));
	}
	n->forward = s->forward;
	if (!same_owner)
		zero_service(stats, id);
	__atomic_store_n(&n->used, used_word(&s->e), __ATOMIC_RELEASE);
}

static void publish_backend(const struct roster_backend *b, uint32_t id, struct stats *stats)
{
	struct stats_backend_name *n = &stats->backend_names[id];
	bool same_owner = n->used != STATS_FREE && n->port == be16_to(b->port) &&
	                  addr_eq(&n->address, &b->address) &&
	                  memcmp(n->name, b->name, sizeof(n->name)) == 0 &&
	                  memcmp(n->pool, b->pool, sizeof(n->pool)) == 0;

	if (!same_owner) {
		hide(&n->used);
		n->address = b->address;
		n->port = be16_to(b->port);
		memcpy(n->pool, b->pool, sizeof(n->pool));
		memcpy(n->name, b->name, sizeof(n->name));
		zero_backend(stats, id);
	}
	n->state = b->state;
	n->health = b->health.state;
	n->weight = b->weight;
	__atomic_store_n(&n->used, used_word(&b->e), __ATOMIC_RELEASE);
}

void roster_publish(const struct roster *r, struct stats *stats)
{
	for (uint32_t id = 1; id < STATS_SERVICES; id++) {
		if (r->services[id].e.used)
			publish_service(&r->services[id], id, stats);
		else
			stats->service_names[id].used = STATS_FREE;
	}
	for (uint32_t id = 1; id < STATS_BACKENDS; id++) {
		if (r->backends[id].e.used)
			publish_backend(&r->backends[id], id, stats);
		else
			stats->backend_names[id].used = STATS_FREE;
	}
}
