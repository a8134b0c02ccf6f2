// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/flow_lookup.h"

#include <string.h>
#include <time.h>

#include "l4/base/clock.h"
#include "l4/ctrl/flow_scan.h"

// Longer than an idle lane sleeps (idle_max_us is at most 10 ms) where the machine is not overloaded.
enum { CATCH_UP_MS = 20 };

void flow_lookup_key(struct pkt_key *out, const struct ctl_flow_key *key)
{
	*out = (struct pkt_key){
		.sport = key->source_port,
		.dport = key->destination_port,
		.proto = key->protocol == PROTO_TCP ? IPPROTO_NUM_TCP : IPPROTO_NUM_UDP,
		.family = key->source.family,
	};
	memcpy(out->src, key->source.word, sizeof(out->src));
	memcpy(out->dst, key->destination.word, sizeof(out->dst));
}

static bool is_live(const struct control *c, struct flow_lookup *found)
{
	uint16_t now_s = lane_clock_s(c->lanes[found->lane]);

	found->age_s = flow_scan_age_s(now_s, found->copy.f.seen_s);
	return found->age_s <= c->serving->timeout_s[flow_state(&found->copy.f) % FLOW_STATE_COUNT];
}

// By the roster and not by the snapshot: a service that left the configuration may still have flows.
// One that serves comes before one that was (udp that became quic).
uint16_t flow_lookup_service(const struct control *c, const struct ctl_flow_key *key)
{
	uint16_t retired = 0;

	for (uint16_t id = 1; id < c->roster.n_services; id++) {
		const struct roster_service *s = &c->roster.services[id];

		if (!s->e.used || (s->protocol == PROTO_TCP) != (key->protocol == PROTO_TCP) ||
		    be16_raw(s->port) != be16_raw(key->destination_port) ||
		    !addr_eq(&s->address, &key->destination))
			continue;
		if (s->e.live)
			return id;
		retired = id;
	}
	return retired;
}

bool flow_lookup_client(const struct control *c, const struct ctl_flow_key *key,
                        struct flow_lookup *out)
{
	struct flow_lookup found = {.service = flow_lookup_service(c, key)};

	if (!found.service || !c->serving || key->source.family != key->destination.family)
		return false;
	for (; found.lane < c->conf->n_lanes; found.lane++) {
		if (!flow_peek_find(lane_flows(c->lanes[found.lane], key->source.family),
		                    key->source.word, key->source_port, found.service, &found.copy))
			continue;
		if (!is_live(c, &found))
			continue;
		*out = found;
		return true;
	}
	return false;
}

// The key names a backend of `snap`. A lane that still has an older snapshot may have no such backend in its
// own, so it must not be asked.
static bool has_caught_up(const struct lane *lane, const struct snapshot *snap)
{
	struct timespec ms = {.tv_nsec = (long)CLOCK_NS_PER_MS};

	for (int i = 0; i < CATCH_UP_MS; i++) {
		if (lane_generation(lane) == snap->generation)
			return true;
		nanosleep(&ms, NULL);
	}
	return false;
}

static bool peek_reply(struct lane *lane, const struct snat_key *key, uint8_t family,
                       struct flow_copy *out)
{
	const struct flow_table *flows = lane_flows(lane, family);
	const struct flow *f = snat_find(&lane->snat.index[family == ADDR_IP6], key);

	// The lane may have given the slot away since: what counts is in the copy.
	return f && flow_peek(flows, flow_slot(flows, f), out) && out->f.backend == key->backend &&
	       out->f.snat_port == key->port;
}

bool flow_lookup_reply(const struct control *c, const struct ctl_flow_key *key,
                       struct flow_lookup *out)
{
	const struct snapshot *snap = c->serving;
	struct flow_lookup found = {0};
	const struct endpoint *e;
	struct snat_key k = {.port = key->destination_port};
	uint16_t port = be16_to(key->destination_port);

	if (!snap || !c->conf->n_lanes || port < snap->snat_first)
		return false;
	e = snapshot_endpoint(snap, key->destination.family, key->destination.word, be16_from(0),
	                      0);
	if (!e || e->kind != ENDPOINT_SNAT)
		return false;
	k.address = snat_number(snap, e->index);
	k.backend = snapshot_backend_by_addr(snap, &key->source, key->source_port);
	found.lane = snat_owner(port, snap->snat_first, c->conf->n_lanes);
	if (!has_caught_up(c->lanes[found.lane], snap))
		return false;
	for (; k.backend; k.backend = snap->backends[k.backend].next_same) {
		if (!peek_reply(c->lanes[found.lane], &k, key->source.family, &found.copy))
			continue;
		if (!is_live(c, &found))
			continue;
		found.service = found.copy.f.service;
		*out = found;
		return true;
	}
	return false;
}
