// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/icmp.h"

#include <string.h>

#include "l4/data/csum.h"
#include "l4/data/wire.h"

enum { ANSWER_TTL = 64 }; // RFC 1700, the default of IP hosts

static void swap_bytes(uint8_t *a, uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t t = a[i];

		a[i] = b[i];
		b[i] = t;
	}
}

static void turn_ip4(struct wire_ip4 *ip)
{
	uint16_t header = (uint16_t)((ip->version_ihl & 15) * 4);
	be32 src = ip->src;

	ip->src = ip->dst;
	ip->dst = src;
	ip->ttl = ANSWER_TTL;
	ip->csum = be16_from(0);
	ip->csum = csum_finish(csum_add(0, ip, header));
}

static void turn_ip6(struct wire_ip6 *ip)
{
	swap_bytes(ip->src, ip->dst, sizeof(ip->src));
	ip->hop_limit = ANSWER_TTL;
}

void icmp_answer(const struct snapshot *snap, struct pkt *p)
{
	struct wire_eth *eth = (void *)p->data;
	struct wire_icmp *icmp = (void *)(p->data + p->l4);
	bool is_ip4 = p->key.family == ADDR_IP4;
	uint8_t reply = is_ip4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY;
	uint64_t diff;

	if (is_ip4)
		turn_ip4((void *)(p->data + p->l3));
	else
		turn_ip6((void *)(p->data + p->l3));
	// Type is the upper byte of its word, the code stays 0. The pseudo-header's sum does not
	// change when its addresses swap. Never 0: a ping of zeros alone becomes an answer whose sum
	// is +0, to be sent as 0xffff, and which of the two zeros it is the difference does not tell
	// (RFC 1624 section 3); 0xffff is right for both.
	diff = csum_diff2(0, be16_from((uint16_t)(icmp->type << 8)),
	                  be16_from((uint16_t)(reply << 8)));
	icmp->csum = csum_finish_udp((uint16_t)~be16_raw(icmp->csum) + diff);
	icmp->type = reply;
	memcpy(eth->dst, eth->src, sizeof(eth->dst));
	memcpy(eth->src, snap->ports[p->port].mac.byte, sizeof(eth->src));
	p->out_port = p->port;
	pkt_end(p, VERDICT_ANSWER, REASON_ICMP_ECHO);
}
