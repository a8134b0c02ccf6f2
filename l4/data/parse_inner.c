// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/parse_inner.h"

#include <string.h>

#include "l4/base/addr.h"
#include "l4/data/csum.h"
#include "l4/data/ip6.h"
#include "l4/data/wire.h"
#include "l4/model/snapshot.h"

// The ports that an ICMP error is sure to carry (RFC 792: 64 bits of the original datagram's data).
enum { INNER_L4_BYTES = 8 };

bool parse_inner_csum_ok(const struct pkt *p, uint16_t left)
{
	const uint8_t *ip = p->data + p->l3;

	if (p->key.family == ADDR_IP4)
		return csum_fold(csum_add(0, p->data + p->l4, left)) == 0xffff;
	return csum_fold(csum_add(csum_pseudo6(ip + 8, ip + 24, IPPROTO_NUM_ICMP6, left),
	                          p->data + p->l4, left)) == 0xffff;
}

// Takes the ports; the embedded packet was sent by the server's side, so they swap.
static bool take_ports(struct pkt *p, uint16_t l4, uint8_t proto)
{
	const struct wire_udp *ports = (const void *)(p->data + l4); // TCP's begin alike

	if (p->end - l4 < INNER_L4_BYTES || (proto != IPPROTO_NUM_TCP && proto != IPPROTO_NUM_UDP))
		return false;
	p->inner_l4 = l4;
	p->key.proto = proto;
	p->key.sport = ports->dport;
	p->key.dport = ports->sport;
	return true;
}

static bool inner_ip4(struct pkt *p)
{
	const struct wire_ip4 *ip = (const void *)(p->data + p->inner);
	uint16_t left = (uint16_t)(p->end - p->inner);
	uint16_t header;

	if (left < sizeof(*ip) || ip->version_ihl >> 4 != 4)
		return false;
	header = (uint16_t)((ip->version_ihl & 15) * 4);
	if (header < sizeof(*ip) || header > left || be16_to(ip->fragment) & IP4_FRAGMENT_OFFSET)
		return false;
	if (be32_raw(ip->src) != p->key.dst[0])
		return false;
	if (!take_ports(p, (uint16_t)(p->inner + header), ip->proto))
		return false;
	p->key.src[0] = be32_raw(ip->dst);
	return true;
}

static bool inner_ip6(struct pkt *p)
{
	const struct wire_ip6 *ip = (const void *)(p->data + p->inner);
	struct ip6_walk walk;

	if (p->end - p->inner < (int)sizeof(*ip) || be32_to(ip->version_class_label) >> 28 != 6)
		return false;
	if (memcmp(ip->src, p->key.dst, sizeof(ip->src)) != 0)
		return false;
	walk = ip6_walk(p->data, (uint16_t)(p->inner + sizeof(*ip)), p->end, ip->next);
	if (walk.fault || walk.is_fragment || !take_ports(p, walk.offset, walk.proto))
		return false;
	memcpy(p->key.src, ip->dst, sizeof(p->key.src));
	return true;
}

static bool is_error(uint8_t family, uint8_t type)
{
	if (family == ADDR_IP6) // RFC 4443 section 2.1: errors have the high bit clear
		return type < ICMP6_ECHO;
	return type == ICMP4_UNREACHABLE || type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAMETER;
}

void parse_inner(struct pkt *p, uint16_t left)
{
	const struct wire_icmp *icmp = (const void *)(p->data + p->l4);
	bool is_ip4 = p->key.family == ADDR_IP4;

	if (icmp->type == (is_ip4 ? ICMP4_ECHO : ICMP6_ECHO) && icmp->code == 0) {
		p->kind = PKT_ICMP_ECHO;
		return;
	}
	p->kind = PKT_ICMP_OTHER;
	if (!is_error(p->key.family, icmp->type))
		return;
	p->inner = (uint16_t)(p->l4 + sizeof(*icmp));
	if (is_ip4 ? inner_ip4(p) : inner_ip6(p))
		p->kind = PKT_ICMP_ERROR;
	else
		p->reason = REASON_ICMP_INNER;
}
