// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/next_hop.h"

#include <string.h>

static const char configured[] = "configured";

bool next_hop_differs(const struct next_hop *a, const struct next_hop *b)
{
	if (!a->known && !b->known)
		return false;
	return a->known != b->known || a->port != b->port ||
	       memcmp(&a->dst, &b->dst, sizeof(a->dst)) != 0 ||
	       memcmp(&a->src, &b->src, sizeof(a->src)) != 0;
}

void next_hop_set_state(struct next_hop *hop, const char *word)
{
	memset(hop->state, 0, sizeof(hop->state));
	memcpy(hop->state, word, strnlen(word, sizeof(hop->state) - 1));
}

bool next_hop_is_configured(const struct next_hop *hop)
{
	return strcmp(hop->state, configured) == 0;
}

static void unmark(struct roster *r)
{
	for (uint16_t id = 1; id < r->n_backends; id++) {
		struct roster_backend *b = &r->backends[id];

		if (b->e.used && b->e.live && next_hop_is_configured(&b->hop))
			next_hop_set_state(&b->hop, "");
	}
}

static bool decree(struct control *c, struct roster_backend *b, const struct mac *mac)
{
	struct next_hop next = {.known = c->conf->n_ports > 0, .dst = *mac};
	struct next_hop before = b->hop;

	// An unmarked one was over the port that the kernel's route said; otherwise the first has to do.
	if (before.known && before.state[0] == '\0')
		next.port = before.port;
	next.src = c->ports[next.port].mac;
	next_hop_set_state(&next, configured);
	b->hop = next;
	return next_hop_differs(&before, &next);
}

// Those that lost their "mac" have no next hop until the kernel says one.
static bool forget_unmarked(struct roster *r)
{
	bool changed = false;

	for (uint16_t id = 1; id < r->n_backends; id++) {
		struct roster_backend *b = &r->backends[id];

		if (!b->e.used || !b->e.live || !b->hop.known || b->hop.state[0] != '\0')
			continue;
		b->hop = (struct next_hop){0};
		changed = true;
	}
	return changed;
}

bool next_hop_decree(struct control *c)
{
	bool changed = false;

	unmark(&c->roster);
	for (size_t p = 0; p < c->conf->n_pools; p++) {
		const struct conf_pool *pool = &c->conf->pools[p];

		for (size_t i = 0; i < pool->n_backends; i++) {
			const struct conf_backend *b = &pool->backends[i];
			uint16_t id = b->has_mac ? roster_backend_id(&c->roster, pool->name, b) : 0;

			if (id)
				changed |= decree(c, &c->roster.backends[id], &b->mac);
		}
	}
	return forget_unmarked(&c->roster) || changed;
}
