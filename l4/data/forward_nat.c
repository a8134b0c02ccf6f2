// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/forward_nat.h"

#include <string.h>

#include "l4/data/csum.h"
#include "l4/data/wire.h"

// What the packet is to say instead. An ICMP error's embedded packet went the other way, so for it
// source and destination swap.
struct rewrite {
	uint32_t src[4]; // network order, IPv4 in [0]
	uint32_t dst[4];
	be16 sport;
	be16 dport;
};

static struct rewrite mirror(const struct rewrite *w)
{
	struct rewrite m = {.sport = w->dport, .dport = w->sport};

	memcpy(m.src, w->dst, sizeof(m.src));
	memcpy(m.dst, w->src, sizeof(m.dst));
	return m;
}

// Returns what changed, for checksums that cover the addresses.
static uint64_t rewrite_ip4(struct wire_ip4 *ip, const struct rewrite *w)
{
	be32 src = be32_of_raw(w->src[0]), dst = be32_of_raw(w->dst[0]);
	uint64_t diff = csum_diff4(csum_diff4(0, ip->src, src), ip->dst, dst);

	ip->src = src;
	ip->dst = dst;
	ip->csum = csum_apply(ip->csum, diff);
	return diff;
}

static uint64_t rewrite_ip6(struct wire_ip6 *ip, const struct rewrite *w)
{
	uint64_t diff = csum_diff16(csum_diff16(0, ip->src, w->src), ip->dst, w->dst);

	memcpy(ip->src, w->src, sizeof(ip->src));
	memcpy(ip->dst, w->dst, sizeof(ip->dst));
	return diff;
}

static uint64_t rewrite_ip(const struct pkt *p, uint16_t at, const struct rewrite *w)
{
	if (p->key.family == ADDR_IP4)
		return rewrite_ip4((void *)(p->data + at), w);
	return rewrite_ip6((void *)(p->data + at), w);
}

// Ports lie alike in TCP and UDP. `left` bytes of the header are there: an embedded one may be cut
// before its checksum.
static void rewrite_l4(const struct pkt *p, uint16_t at, uint16_t left, const struct rewrite *w,
                       uint64_t diff)
{
	struct wire_udp *udp = (void *)(p->data + at);
	struct wire_tcp *tcp = (void *)(p->data + at);

	diff = csum_diff2(csum_diff2(diff, udp->sport, w->sport), udp->dport, w->dport);
	udp->sport = w->sport;
	udp->dport = w->dport;
	if (p->key.proto == IPPROTO_NUM_UDP)
		udp->csum = csum_apply_udp(udp->csum, diff);
	else if (left >= offsetof(struct wire_tcp, csum) + sizeof(tcp->csum))
		tcp->csum = csum_apply(tcp->csum, diff);
}

static void rewrite_error(const struct pkt *p, const struct rewrite *w)
{
	struct wire_icmp *icmp = (void *)(p->data + p->l4);
	uint16_t len = (uint16_t)(p->end - p->l4);
	struct rewrite inner = mirror(w);
	uint64_t diff = rewrite_ip(p, p->inner, &inner);

	rewrite_l4(p, p->inner_l4, (uint16_t)(p->end - p->inner_l4), &inner, diff);
	// Errors are rare: summing them up anew is simpler than following three nested changes.
	// That the old sum was right is known from parse.
	icmp->csum = be16_from(0);
	if (p->key.family == ADDR_IP4)
		icmp->csum = csum_finish(csum_add(0, icmp, len));
	else
		icmp->csum = csum_finish(
			csum_add(csum_pseudo6(w->src, w->dst, IPPROTO_NUM_ICMP6, len), icmp, len));
}

// A translator is a router (RFC 3022): it takes one from the TTL and ends loops. False after
// dropping.
static bool take_ttl(struct pkt *p)
{
	struct wire_ip4 *ip4 = (void *)(p->data + p->l3);
	struct wire_ip6 *ip6 = (void *)(p->data + p->l3);
	uint8_t *ttl = p->key.family == ADDR_IP4 ? &ip4->ttl : &ip6->hop_limit;

	if (*ttl <= 1) {
		pkt_drop(p, REASON_IP_TTL);
		return false;
	}
	--*ttl;
	if (p->key.family == ADDR_IP4) // TTL is the upper byte of its word
		ip4->csum = csum_apply(ip4->csum, csum_diff2(0, be16_from(0x100), be16_from(0)));
	return true;
}

static void rewrite_packet(struct pkt *p, const struct rewrite *w)
{
	uint64_t diff = rewrite_ip(p, p->l3, w);

	if (p->kind == PKT_ICMP_ERROR)
		rewrite_error(p, w);
	else
		rewrite_l4(p, p->l4, UINT16_MAX, w, diff);
}

static void leave(struct pkt *p, const struct mac *dst, const struct mac *src, uint8_t port)
{
	struct wire_eth *eth = (void *)p->data;

	memcpy(eth->dst, dst->byte, sizeof(eth->dst));
	memcpy(eth->src, src->byte, sizeof(eth->src));
	p->out_port = port;
	pkt_end(p, VERDICT_FORWARD, REASON_NONE);
}

bool forward_nat_request(const struct lane *lane, struct pkt *p, const struct snap_backend *b)
{
	const struct addr *ours = snat_address(lane->snap, p->key.family, p->nat.snat);
	struct rewrite w = {.sport = p->nat.snat_port, .dport = b->l4_port};

	if (!ours) {
		pkt_drop(p, REASON_NAT_NO_ADDRESS);
		return false;
	}
	if (!take_ttl(p))
		return false;
	memcpy(w.src, ours->word, sizeof(w.src));
	memcpy(w.dst, b->address.word, sizeof(w.dst));
	rewrite_packet(p, &w);
	leave(p, &b->dst, &b->src, b->port);
	return true;
}

void forward_nat_reply(const struct lane *lane, struct pkt *p)
{
	const struct snap_service *s = lane_service(lane, p);
	const struct return_path *path = return_path_at(&lane->returns, p->nat.return_path);
	struct rewrite w = {.sport = s->port, .dport = p->nat.client_port};

	if (!take_ttl(p))
		return;
	memcpy(w.src, s->address.word, sizeof(w.src));
	memcpy(w.dst, p->nat.client, sizeof(w.dst));
	rewrite_packet(p, &w);
	leave(p, &path->peer, &lane->snap->ports[path->port].mac, path->port);
}
