// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/ip6.h"

#include <criterion/criterion.h>

#include <string.h>

#include "l4/model/stats.h"
#include "tests/support/guard.h"

enum { TCP = 6, AUTH = 51, HOP = 0, ROUTING = 43, FRAGMENT = 44, DEST = 60 };

// Eight bytes for each header, "next, length, body"; what the walk says of them.
static const struct chain {
	const char *name;
	uint8_t next; // of the fixed header
	uint8_t byte[80];
	size_t len;
	enum reason fault;
	uint16_t offset;
	uint8_t proto;
	bool is_fragment;
} chains[] = {
	{"no extension header", TCP, {0}, 20, REASON_NONE, 0, TCP, false},
	{"nothing at all", TCP, {0}, 0, REASON_NONE, 0, TCP, false},
	{"hop-by-hop", HOP, {TCP}, 28, REASON_NONE, 8, TCP, false},
	{"hop-by-hop of 24 bytes", HOP, {TCP, 2}, 24, REASON_NONE, 24, TCP, false},
	{"hop-by-hop second",
         DEST,
         {HOP, 0, 0, 0, 0, 0, 0, 0, TCP},
         16,
         REASON_IP6_EXT_ORDER,
         0,
         0,
         false},
	{"routing type 0", ROUTING, {TCP, 0, 0, 1}, 8, REASON_IP6_ROUTING, 0, 0, false},
	{"routing type 2", ROUTING, {TCP, 0, 2, 1}, 8, REASON_NONE, 8, TCP, false},
	{"authentication: 4-byte units", AUTH, {TCP, 4}, 24, REASON_NONE, 24, TCP, false},
	{"authentication beyond", AUTH, {TCP, 5}, 24, REASON_IP6_EXT_TRUNCATED, 0, 0, false},
	{"cut at 7 bytes", DEST, {TCP}, 7, REASON_IP6_EXT_TRUNCATED, 0, 0, false},
	{"cut at 0 bytes", DEST, {TCP}, 0, REASON_IP6_EXT_TRUNCATED, 0, 0, false},
	{"length beyond", DEST, {TCP, 1}, 15, REASON_IP6_EXT_TRUNCATED, 0, 0, false},
	{"length of 255", DEST, {TCP, 255}, 80, REASON_IP6_EXT_TRUNCATED, 0, 0, false},
	{"an atomic fragment", FRAGMENT, {TCP, 0, 0, 0, 1, 2, 3, 4}, 8, REASON_NONE, 8, TCP, false},
	{"reserved bits are no offset", FRAGMENT, {TCP, 9, 0, 6}, 8, REASON_NONE, 8, TCP, false},
	{"a first fragment", FRAGMENT, {TCP, 0, 0, 1}, 8, REASON_NONE, 8, TCP, true},
	{"a last fragment", FRAGMENT, {TCP, 0, 0, 8}, 8, REASON_NONE, 8, TCP, true},
	{"a fragment far behind", FRAGMENT, {DEST, 0, 0x80, 0}, 8, REASON_NONE, 8, DEST, true},
	{"no next header", 59, {0}, 8, REASON_NONE, 0, 59, false},
};

static struct ip6_walk walk(const struct chain *c)
{
	uint8_t *copy = guard_alloc(c->len);
	struct ip6_walk w;

	memcpy(copy, c->byte, c->len);
	w = ip6_walk(copy, 0, (uint16_t)c->len, c->next);
	guard_free(copy, c->len);
	return w;
}

Test(ip6, chains_are_walked_to_their_end)
{
	for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
		const struct chain *c = &chains[i];
		struct ip6_walk w = walk(c);

		cr_expect_eq(w.fault, c->fault, "%s: %s", c->name, stats_reason_names[w.fault]);
		if (c->fault)
			continue;
		cr_expect_eq(w.offset, c->offset, "%s", c->name);
		cr_expect_eq(w.proto, c->proto, "%s", c->name);
		cr_expect_eq(w.is_fragment, c->is_fragment, "%s", c->name);
	}
}

Test(ip6, eight_extension_headers_are_enough)
{
	for (size_t n = 7; n <= 9; n++) {
		struct chain c = {.next = DEST, .len = n * 8};

		for (size_t i = 0; i < n; i++)
			c.byte[i * 8] = i + 1 < n ? DEST : TCP;
		cr_expect_eq(walk(&c).fault, n > 8 ? REASON_IP6_EXT_DEPTH : REASON_NONE, "%zu", n);
	}
}

Test(ip6, every_truncation_of_a_chain_is_a_fault)
{
	for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
		struct chain c = chains[i];

		if (c.fault || !c.offset)
			continue;
		for (c.len = 0; c.len < chains[i].offset; c.len++)
			cr_expect_eq(walk(&c).fault, REASON_IP6_EXT_TRUNCATED, "%s at %zu", c.name,
			             c.len);
	}
}
