// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/hop.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "l4/base/clock.h"

// As net/neighbour.h in the kernel: a packet would be sent at once.
enum { NUD_VALID = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY };

static const char *const words[HOP_COUNT] = {
	[HOP_NEW] = "unresolved",
	[HOP_ASKING] = "unresolved",
	[HOP_UNRESOLVED] = "unresolved",
	[HOP_VALID] = "valid",
	[HOP_ASKING_KEPT] = "asking (last known)",
	[HOP_FAILED_KEPT] = "failed (last known)",
	[HOP_NO_MAC] = "no mac",
	[HOP_NO_ROUTE] = "no route",
	[HOP_UNREACHABLE] = "unreachable",
	[HOP_BLACKHOLE] = "blackhole",
	[HOP_PROHIBITED] = "prohibited",
	[HOP_LOCAL] = "local",
	[HOP_NOT_UNICAST] = "not unicast",
	[HOP_NOT_OUR_PORT] = "not our port",
};

static const uint8_t kind_of_type[] = {
	[RTN_LOCAL] = HOP_LOCAL,
	[RTN_BLACKHOLE] = HOP_BLACKHOLE,
	[RTN_UNREACHABLE] = HOP_UNREACHABLE,
	[RTN_PROHIBIT] = HOP_PROHIBITED,
	[RTN_THROW] = HOP_NO_ROUTE,
	[RTN_BROADCAST] = HOP_NOT_UNICAST,
	[RTN_MULTICAST] = HOP_NOT_UNICAST,
	[RTN_ANYCAST] = HOP_NOT_UNICAST,
	[RTN_UNICAST] = HOP_NEW,
};

// fib_props[] in the kernel's net/ipv4/fib_semantics.c, and the same in net/ipv6/route.c.
static uint8_t kind_of_error(int rc)
{
	switch (rc) {
	case -EHOSTUNREACH:
		return HOP_UNREACHABLE;
	case -EINVAL:
		return HOP_BLACKHOLE;
	case -EACCES:
		return HOP_PROHIBITED;
	default:
		return HOP_NO_ROUTE;
	}
}

// Why no frame of ours would go there, or HOP_NEW if one would.
static uint8_t obstacle(int rc, const struct rtnl_route *route, int port)
{
	if (rc)
		return kind_of_error(rc);
	if (route->type >= ARRAY_LEN(kind_of_type))
		return HOP_NOT_UNICAST;
	if (kind_of_type[route->type] != HOP_NEW)
		return kind_of_type[route->type];
	return port < 0 ? HOP_NOT_OUR_PORT : HOP_NEW;
}

static void ask_at_once(struct hop *h)
{
	h->wait_ms = 0;
	h->due_ns = 0;
}

void hop_route(struct hop *h, int rc, const struct rtnl_route *route, int port)
{
	const struct addr *via;
	uint8_t why_not = obstacle(rc, route, port);
	bool is_same;

	if (why_not != HOP_NEW) {
		h->kind = why_not;
		return;
	}
	via = route->has_gateway ? &route->gateway : &h->address;
	is_same = h->oif == route->oif && addr_eq(&h->via, via);
	if (is_same && hop_has_route(h)) {
		h->port = (uint8_t)port;
		return;
	}
	h->has_mac = h->has_mac && is_same;
	h->oif = route->oif;
	h->via = *via;
	h->port = (uint8_t)port;
	h->kind = h->has_mac ? HOP_ASKING_KEPT : HOP_ASKING;
	ask_at_once(h);
}

bool hop_has_route(const struct hop *h)
{
	return h->kind > HOP_NEW && h->kind < HOP_NO_ROUTE;
}

// No entry, or one that the kernel would not send to. Once given up it stays so until there is an answer:
// the next request makes the kernel try afresh, which is no better news.
static uint8_t kind_without_answer(const struct hop *h)
{
	bool gave_up =
		h->nud & NUD_FAILED || h->kind == HOP_FAILED_KEPT || h->kind == HOP_UNRESOLVED;

	if (h->has_mac)
		return gave_up ? HOP_FAILED_KEPT : HOP_ASKING_KEPT;
	return gave_up ? HOP_UNRESOLVED : HOP_ASKING;
}

void hop_neigh(struct hop *h, const struct rtnl_neigh *neigh)
{
	bool was_valid = h->kind == HOP_VALID;

	h->nud = neigh ? neigh->state : NUD_NONE;
	if (h->nud & NUD_VALID) {
		h->has_mac = neigh->has_mac;
		h->mac = neigh->mac;
		h->kind = neigh->has_mac ? HOP_VALID : HOP_NO_MAC;
	} else {
		h->kind = kind_without_answer(h);
	}
	if (was_valid != (h->kind == HOP_VALID))
		ask_at_once(h);
}

bool hop_is_known(const struct hop *h)
{
	return h->kind == HOP_VALID || h->kind == HOP_ASKING_KEPT || h->kind == HOP_FAILED_KEPT;
}

bool hop_wants_asking(const struct hop *h)
{
	if (!h->needs_mac || !hop_has_route(h) || h->kind == HOP_NO_MAC)
		return false;
	return h->kind != HOP_VALID || h->nud == NUD_STALE;
}

static uint32_t next_wait_ms(const struct hop *h)
{
	if (h->kind == HOP_VALID)
		return HOP_TOUCH_MS;
	if (h->wait_ms == 0)
		return HOP_WAIT_MIN_MS;
	return h->wait_ms * 2 > HOP_WAIT_MAX_MS ? HOP_WAIT_MAX_MS : h->wait_ms * 2;
}

bool hop_is_due(struct hop *h, uint64_t now_ns)
{
	if (!hop_wants_asking(h) || now_ns < h->due_ns)
		return false;
	h->wait_ms = next_wait_ms(h);
	h->due_ns = now_ns + h->wait_ms * CLOCK_NS_PER_MS;
	return true;
}

const char *hop_word(const struct hop *h)
{
	if (h->kind != HOP_VALID)
		return words[h->kind];
	switch (h->nud) {
	case NUD_REACHABLE:
		return "reachable";
	case NUD_STALE:
		return "stale";
	case NUD_DELAY:
		return "delay";
	case NUD_PROBE:
		return "probe";
	case NUD_PERMANENT:
		return "permanent";
	case NUD_NOARP:
		return "noarp";
	default:
		return words[HOP_VALID];
	}
}

bool hop_is_bad(const struct hop *h)
{
	return h->kind == HOP_UNRESOLVED || h->kind >= HOP_FAILED_KEPT;
}
