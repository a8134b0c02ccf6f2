// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/hop.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "l4/base/clock.h"

enum { OIF = 2, OTHER_OIF = 3 };

static const struct rtnl_route on_link = {.type = RTN_UNICAST, .oif = OIF};
static const struct mac mac_a = {{2, 0, 0, 0, 0, 0xa}};

static struct rtnl_neigh neigh(uint16_t state)
{
	bool has_mac = !(state & (NUD_FAILED | NUD_INCOMPLETE));

	return (struct rtnl_neigh){
		.if_index = OIF, .state = state, .has_mac = has_mac, .mac = mac_a};
}

static struct hop routed(void)
{
	struct hop h = {.needs_mac = true};

	cr_assert_eq(addr_parse(&h.address, "10.0.0.11"), 0);
	hop_route(&h, 0, &on_link, 0);
	return h;
}

static void take(struct hop *h, uint16_t state)
{
	struct rtnl_neigh n = neigh(state);

	hop_neigh(h, &n);
}

static void expect(const struct hop *h, bool is_known, const char *word)
{
	cr_expect_eq(hop_is_known(h), is_known, "%s", word);
	cr_expect_str_eq(hop_word(h), word);
}

Test(hop, a_valid_entry_is_known)
{
	static const struct {
		uint16_t state;
		const char *word;
	} cases[] = {
		{NUD_REACHABLE, "reachable"}, {NUD_STALE, "stale"},         {NUD_DELAY, "delay"},
		{NUD_PROBE, "probe"},         {NUD_PERMANENT, "permanent"}, {NUD_NOARP, "noarp"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct hop h = routed();

		take(&h, cases[i].state);
		expect(&h, true, cases[i].word);
	}
}

Test(hop, what_was_never_known_stays_unresolved)
{
	struct hop h = routed();

	expect(&h, false, "unresolved");
	cr_expect_not(hop_is_bad(&h));
	take(&h, NUD_FAILED);
	expect(&h, false, "unresolved");
	cr_expect(hop_is_bad(&h));
}

Test(hop, the_last_mac_serves_when_the_kernel_gives_up)
{
	struct hop h = routed();

	take(&h, NUD_REACHABLE);
	take(&h, NUD_FAILED);
	expect(&h, true, "failed (last known)");
	cr_expect_arr_eq(&h.mac, &mac_a, sizeof(mac_a));
}

// The kernel tries again because we ask it to; that is no better news, and no second warning.
Test(hop, failed_stays_failed_until_there_is_an_answer)
{
	struct hop h = routed();

	take(&h, NUD_REACHABLE);
	take(&h, NUD_FAILED);
	hop_neigh(&h, NULL);
	take(&h, NUD_INCOMPLETE);
	expect(&h, true, "failed (last known)");
	hop_route(&h, 0, &on_link, 0);
	expect(&h, true, "failed (last known)");
	take(&h, NUD_REACHABLE);
	expect(&h, true, "reachable");
}

Test(hop, a_forgotten_entry_is_no_failure_yet)
{
	struct hop h = routed();

	take(&h, NUD_REACHABLE);
	hop_neigh(&h, NULL);
	expect(&h, true, "asking (last known)");
	cr_expect_not(hop_is_bad(&h));
}

Test(hop, another_next_hop_forgets_the_mac)
{
	struct rtnl_route other = {.type = RTN_UNICAST, .oif = OTHER_OIF};
	struct hop h = routed();

	take(&h, NUD_REACHABLE);
	hop_route(&h, 0, &other, 1);
	expect(&h, false, "unresolved");
}

Test(hop, a_route_that_comes_back_finds_its_mac)
{
	struct hop h = routed();

	take(&h, NUD_REACHABLE);
	hop_route(&h, -ENETUNREACH, NULL, -1);
	expect(&h, false, "no route");
	hop_route(&h, 0, &on_link, 0);
	expect(&h, true, "asking (last known)");
}

Test(hop, what_is_not_for_our_frames_says_why)
{
	static const struct {
		int rc;
		uint8_t type;
		int port;
		const char *word;
	} cases[] = {
		{-ENETUNREACH, 0, -1, "no route"},    {-EHOSTUNREACH, 0, -1, "unreachable"},
		{-EACCES, 0, -1, "prohibited"},       {-EINVAL, 0, -1, "blackhole"},
		{-EOPNOTSUPP, 0, -1, "no route"},     {0, RTN_LOCAL, 0, "local"},
		{0, RTN_BROADCAST, 0, "not unicast"}, {0, 255, 0, "not unicast"},
		{0, RTN_UNICAST, -1, "not our port"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rtnl_route r = {.type = cases[i].type, .oif = OIF};
		struct hop h = routed();

		hop_route(&h, cases[i].rc, &r, cases[i].port);
		expect(&h, false, cases[i].word);
		cr_expect_leq(strlen(hop_word(&h)), 19);
		cr_expect_not(hop_wants_asking(&h));
	}
}

Test(hop, unresolved_ones_are_asked_for_with_back_off)
{
	static const uint32_t waits_ms[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
	struct hop h = routed();
	uint64_t now_ns = CLOCK_NS_PER_S;

	for (size_t i = 0; i < ARRAY_LEN(waits_ms); i++) {
		cr_expect(hop_is_due(&h, now_ns));
		cr_expect_not(hop_is_due(&h, now_ns + waits_ms[i] * CLOCK_NS_PER_MS - 1));
		now_ns += waits_ms[i] * CLOCK_NS_PER_MS;
	}
}

Test(hop, a_stale_one_is_touched_every_ten_seconds)
{
	struct hop h = routed();
	uint64_t now_ns = CLOCK_NS_PER_S;

	take(&h, NUD_STALE);
	cr_expect(hop_is_due(&h, now_ns));
	cr_expect_not(hop_is_due(&h, now_ns + 9 * CLOCK_NS_PER_S));
	cr_expect(hop_is_due(&h, now_ns + 10 * CLOCK_NS_PER_S));
	take(&h, NUD_REACHABLE);
	cr_expect_not(hop_wants_asking(&h));
}

Test(hop, a_lost_one_is_asked_for_at_once)
{
	struct hop h = routed();

	take(&h, NUD_STALE);
	cr_expect(hop_is_due(&h, CLOCK_NS_PER_S));
	hop_neigh(&h, NULL);
	cr_expect(hop_is_due(&h, CLOCK_NS_PER_S));
}

Test(hop, a_configured_mac_asks_for_nothing)
{
	struct hop h = routed();

	h.needs_mac = false;
	cr_expect_not(hop_wants_asking(&h));
}
