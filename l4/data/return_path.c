// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/return_path.h"

#include <string.h>

#include "l4/base/hash.h"

// How far from its place an entry may lie. Entries are never removed, only replaced, so a search
// must not run through a full table.
enum { MAX_PROBES = 64 };

static uint32_t path_hash(const uint8_t peer[6], uint8_t port)
{
	uint64_t key = (uint64_t)port << 48;

	memcpy(&key, peer, 6);
	return (uint32_t)hash_mix(key, 0, HASH_K0);
}

static uint16_t age_of(const struct return_path *path, uint16_t now_s)
{
	return (uint16_t)(now_s - path->seen_s);
}

// A flow refreshes its path with every packet of the client, and times out after that.
static bool is_free(const struct return_path *path, const struct flow_clock *clock)
{
	uint16_t longest = clock->timeout_s[FLOW_ESTABLISHED];

	if (clock->timeout_s[FLOW_UDP] > longest)
		longest = clock->timeout_s[FLOW_UDP];
	return !path->used || age_of(path, clock->now_s) > longest;
}

uint16_t return_path_get(struct return_paths *r, const uint8_t peer[6], uint8_t port,
                         struct flow_clock clock)
{
	uint32_t at = path_hash(peer, port);
	struct return_path *place = NULL;

	for (int n = 0; n < MAX_PROBES; n++, at++) {
		uint16_t number = (uint16_t)(at % RETURN_PATHS);

		if (!number)
			continue;
		if (return_path_is(r, number, peer, port, clock.now_s))
			return number;
		if (!place && is_free(&r->path[number], &clock))
			place = &r->path[number];
		if (!r->path[number].used)
			break;
	}
	if (!place)
		return 0;
	*place = (struct return_path){.port = port, .used = true, .seen_s = clock.now_s};
	memcpy(place->peer.byte, peer, 6);
	return (uint16_t)(place - r->path);
}

const struct return_path *return_path_at(const struct return_paths *r, uint16_t number)
{
	HOT_ASSERT(number && number < RETURN_PATHS);
	return &r->path[number];
}
