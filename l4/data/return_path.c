// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/return_path.h"

#include <string.h>

#include "l4/base/hash.h"

// Entries are never removed, so a full table would be searched whole: give up early instead.
enum { MAX_PROBES = 32 };

static uint32_t path_hash(const uint8_t peer[6], uint8_t port)
{
	uint64_t key = (uint64_t)port << 48;

	memcpy(&key, peer, 6);
	return (uint32_t)hash_mix(key, 0, HASH_K0);
}

uint16_t return_path_get(struct return_paths *r, const uint8_t peer[6], uint8_t port)
{
	uint32_t at = path_hash(peer, port);

	for (int n = 0; n < MAX_PROBES; n++, at++) {
		struct return_path *path = &r->path[at % RETURN_PATHS];

		if (at % RETURN_PATHS == 0)
			continue;
		if (!path->used) {
			memcpy(path->peer.byte, peer, 6);
			path->port = port;
			path->used = true;
			return (uint16_t)(at % RETURN_PATHS);
		}
		if (path->port == port && memcmp(path->peer.byte, peer, 6) == 0)
			return (uint16_t)(at % RETURN_PATHS);
	}
	return 0;
}

const struct return_path *return_path_at(const struct return_paths *r, uint16_t number)
{
	HOT_ASSERT(number && number < RETURN_PATHS);
	return &r->path[number];
}
