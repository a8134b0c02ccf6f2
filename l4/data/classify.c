// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/classify.h"

#include <string.h>

#include "l4/data/trace.h"

// Sources that no answer can reach: RFC 1122 section 3.2.1.3, RFC 4291 section 2.7.
static bool source_is_bad(const struct pkt_key *k)
{
	struct addr a = {.family = k->family};
	be32 broadcast = be32_from(UINT32_MAX);

	memcpy(a.word, k->src, sizeof(a.word));
	if (addr_is_multicast(&a) || addr_is_loopback(&a) || addr_is_unspecified(&a))
		return true;
	return k->family == ADDR_IP4 && k->src[0] == be32_raw(broadcast);
}

// The cheap half of source_is_bad(): true for every bad source and a few good ones (IPv4 0/8, 127/8
// and 224/3; IPv6 beginning with a zero or 0xff byte). Two comparisons for nearly all.
static MUST_INLINE bool source_may_be_bad(const struct pkt_key *k)
{
	uint8_t first = (uint8_t)k->src[0];

	if ((uint8_t)(first - 1) < 223 && first != 127)
		return false;
	return k->family == ADDR_IP4 || first == 0 || first == 0xff;
}

static MUST_INLINE void take_service(const struct snapshot *snap, struct pkt *p, uint16_t index)
{
	const struct snap_service *s = &snap->services[index];

	p->service = index;
	p->role = ROLE_CLIENT;
	if (s->punt_reason)
		return pkt_end(p, VERDICT_PUNT, s->punt_reason);
	if (source_may_be_bad(&p->key) && source_is_bad(&p->key))
		return pkt_drop(p, REASON_IP_SOURCE);
	if (memcmp(p->key.src, p->key.dst, sizeof(p->key.src)) == 0)
		pkt_drop(p, REASON_LAND);
}

// To one of our addresses, but to no service: ping, fragments, faults, closed ports.
static void take_vip(struct pkt *p)
{
	p->role = ROLE_VIP;
	if (p->reason)
		return pkt_drop(p, p->reason);
	if (p->kind == PKT_FRAGMENT)
		return pkt_drop(p, REASON_IP_FRAGMENT);
	if (p->kind != PKT_ICMP_ECHO)
		return pkt_end(p, VERDICT_PUNT, REASON_NO_SERVICE);
	if (source_is_bad(&p->key))
		return pkt_drop(p, REASON_IP_SOURCE);
	if (memcmp(p->key.src, p->key.dst, sizeof(p->key.src)) == 0)
		pkt_drop(p, REASON_LAND);
}

// To one of our addresses towards backends: only ports of our range are ours, the rest is the
// host's.
static void take_snat(const struct snapshot *snap, struct pkt *p, uint16_t index)
{
	uint16_t port = be16_to(p->key.dport);

	p->role = ROLE_REPLY;
	p->snat = (uint8_t)index;
	if (p->reason || p->kind == PKT_FRAGMENT)
		return pkt_drop(p, p->reason ? p->reason : REASON_IP_FRAGMENT);
	if (p->kind != PKT_TCP && p->kind != PKT_UDP && p->kind != PKT_ICMP_ERROR)
		return pkt_end(p, VERDICT_PUNT, REASON_NOT_OURS);
	if (port < snap->snat_first || port > snap->snat_last)
		pkt_end(p, VERDICT_PUNT, REASON_NOT_OURS);
}

static NOINLINE void classify_address(const struct snapshot *snap, struct pkt *p)
{
	const struct endpoint *e =
		snapshot_endpoint(snap, p->key.family, p->key.dst, be16_from(0), 0);

	if (!e) {
		p->reason = REASON_NONE;
		return pkt_end(p, VERDICT_PUNT, REASON_NOT_OURS);
	}
	if (e->kind == ENDPOINT_SNAT)
		take_snat(snap, p, e->index);
	else
		take_vip(p);
}

static MUST_INLINE bool has_ports(const struct pkt *p)
{
	return (p->kind == PKT_TCP || p->kind == PKT_UDP || p->kind == PKT_ICMP_ERROR) &&
	       !p->reason;
}

static MUST_INLINE bool is_to(const struct pkt_key *k, const struct endpoint *e)
{
	return e->port == k->dport && e->proto == k->proto && e->family == k->family &&
	       memcmp(e->addr, k->dst, sizeof(e->addr)) == 0;
}

static NOINLINE const struct endpoint *find_service(const struct snapshot *snap,
                                                    const struct pkt_key *k)
{
	return snapshot_endpoint(snap, k->family, k->dst, k->dport, k->proto);
}

// Most packets of a burst are to the service of the packet before: one comparison instead of a look-up.
// Returns the service's endpoint, for the next packet, or `last`.
static MUST_INLINE const struct endpoint *classify_one(const struct snapshot *snap, struct pkt *p,
                                                       const struct endpoint *last)
{
	const struct endpoint *e = NULL;

	if (has_ports(p))
		e = is_to(&p->key, last) ? last : find_service(snap, &p->key);
	if (!e) {
		classify_address(snap, p);
		return last;
	}
	take_service(snap, p, e->index);
	return e;
}

static const char *const role_names[] = {
	[ROLE_NONE] = "of no role",
	[ROLE_CLIENT] = "from a client",
	[ROLE_REPLY] = "from a backend, an answer",
	[ROLE_VIP] = "to a service address itself",
};

static void trace_one(const struct snapshot *snap, const struct pkt *p, struct trace *trace)
{
	if (p->service != PKT_NO_SERVICE)
		trace_add(trace, "classify", "service %s, %s", snap->services[p->service].name,
		          conf_forward_names[snap->services[p->service].forward]);
	else
		trace_add(trace, "classify", "no service; packet is %s", role_names[p->role]);
}

void classify_burst(const struct snapshot *snap, struct pkt *pkts, uint32_t n, struct trace *trace)
{
	static const struct endpoint nobody = {.kind = ENDPOINT_NONE};
	const struct endpoint *last = &nobody; // of no family

	for (uint32_t i = 0; i < n; i++) {
		if (pkt_is_ended(&pkts[i]))
			continue;
		last = classify_one(snap, &pkts[i], last);
		if (unlikely(trace))
			trace_one(snap, &pkts[i], trace);
	}
}
