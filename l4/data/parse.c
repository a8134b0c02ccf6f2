// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/parse.h"

#include <string.h>

#include "l4/base/addr.h"
#include "l4/data/csum.h"
#include "l4/data/ip6.h"
#include "l4/data/parse_inner.h"
#include "l4/data/trace.h"
#include "l4/data/wire.h"
#include "l4/model/snapshot.h"
#include "l4/model/stats.h"

enum { MAX_VLAN_TAGS = 2 };

static void suspect(struct pkt *p, enum reason reason)
{
	p->kind = PKT_OTHER;
	p->reason = (uint8_t)reason;
}

static void parse_tcp(struct pkt *p, uint16_t left)
{
	const struct wire_tcp *tcp = (const void *)(p->data + p->l4);
	uint16_t header;

	if (left < sizeof(*tcp))
		return suspect(p, REASON_TCP_TRUNCATED);
	header = (uint16_t)((tcp->data_offset >> 4) * 4);
	if (header < sizeof(*tcp) || header > left)
		return suspect(p, REASON_TCP_HEADER_LEN);
	p->tcp_flags = tcp->flags;
	p->key.sport = tcp->sport;
	p->key.dport = tcp->dport;
	p->kind = PKT_TCP;
}

// What no TCP sends; scanners and broken middleboxes do (RFC 9293 section 3.10.7 has no case for
// them): two of FIN, SYN and RST, or none of them and no ACK. One bit for each of the 32 settings of
// these four flags and PSH.
static MUST_INLINE bool tcp_flags_impossible(uint8_t flags)
{
	enum { FIVE_FLAGS = TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK };
	uint32_t one_of = 1u << TCP_FIN | 1u << TCP_SYN | 1u << TCP_RST;
	uint32_t possible = one_of | one_of << TCP_PSH | one_of << TCP_ACK |
	                    one_of << (TCP_ACK | TCP_PSH) | 1u << TCP_ACK |
	                    1u << (TCP_ACK | TCP_PSH);

	return !(possible >> (flags & FIVE_FLAGS) & 1);
}

static void parse_udp(struct pkt *p, uint16_t left)
{
	const struct wire_udp *udp = (const void *)(p->data + p->l4);
	uint16_t len;

	if (left < sizeof(*udp))
		return suspect(p, REASON_UDP_TRUNCATED);
	len = be16_to(udp->len);
	if (len < sizeof(*udp) || len > left)
		return suspect(p, REASON_UDP_LEN);
	p->key.sport = udp->sport;
	p->key.dport = udp->dport;
	p->kind = PKT_UDP;
}

static void check_ports(struct pkt *p)
{
	if (p->kind == PKT_TCP && tcp_flags_impossible(p->tcp_flags))
		return suspect(p, REASON_TCP_FLAGS);
	if (!be16_raw(p->key.sport) || !be16_raw(p->key.dport))
		suspect(p, REASON_L4_PORT_ZERO);
}

static void parse_icmp(struct pkt *p, uint16_t left)
{
	if (left < sizeof(struct wire_icmp))
		return suspect(p, REASON_ICMP_TRUNCATED);
	if (!parse_inner_csum_ok(p, left))
		return suspect(p, REASON_ICMP_CKSUM);
	parse_inner(p, left);
}

static void parse_l4(struct pkt *p, uint8_t proto)
{
	uint16_t left = (uint16_t)(p->end - p->l4);

	p->key.proto = proto;
	if (proto == IPPROTO_NUM_TCP)
		parse_tcp(p, left);
	else if (proto == IPPROTO_NUM_UDP)
		parse_udp(p, left);
	else if (proto == (p->key.family == ADDR_IP4 ? IPPROTO_NUM_ICMP : IPPROTO_NUM_ICMP6))
		parse_icmp(p, left);
	else
		p->kind = PKT_OTHER;
	if (p->kind == PKT_TCP || p->kind == PKT_UDP)
		check_ports(p);
}

// RFC 791 section 3.1: every option but the two single-byte ones has a length that covers itself.
// Source routing (131, 137) would let a stranger choose the path: RFC 7126 section 4.3 and 4.4.
static bool ip4_options_ok(const uint8_t *opt, size_t len)
{
	enum { END = 0, NOP = 1, LSRR = 131, SSRR = 137 };

	for (size_t i = 0; i < len && opt[i] != END;) {
		if (opt[i] == NOP) {
			i++;
			continue;
		}
		if (opt[i] == LSRR || opt[i] == SSRR || len - i < 2 || opt[i + 1] < 2 ||
		    opt[i + 1] > len - i)
			return false;
		i += opt[i + 1];
	}
	return true;
}

static MUST_INLINE void set_addr4(uint32_t addr[4], be32 ip4)
{
	uint64_t words[2] = {be32_raw(ip4)};

	memcpy(addr, words, sizeof(words));
}

static void parse_ip4(struct pkt *p)
{
	const struct wire_ip4 *ip = (const void *)(p->data + p->l3);
	uint16_t left = (uint16_t)(p->len - p->l3);
	uint16_t header, total;

	if (left < sizeof(*ip))
		return pkt_drop(p, REASON_IP_TRUNCATED);
	if (ip->version_ihl >> 4 != 4)
		return pkt_drop(p, REASON_IP_VERSION);
	header = (uint16_t)((ip->version_ihl & 15) * 4);
	total = be16_to(ip->total_len);
	if (header < sizeof(*ip))
		return pkt_drop(p, REASON_IP_HEADER_LEN);
	if (total < header || total > left)
		return pkt_drop(p, header > left ? REASON_IP_HEADER_LEN : REASON_IP_TOTAL_LEN);
	if (!csum_ip4_ok(ip, header))
		return pkt_drop(p, REASON_IP_CKSUM);
	if (header > sizeof(*ip) &&
	    !ip4_options_ok((const uint8_t *)(ip + 1), header - sizeof(*ip)))
		return pkt_drop(p, REASON_IP_OPTIONS);
	p->key.family = ADDR_IP4;
	set_addr4(p->key.src, ip->src);
	set_addr4(p->key.dst, ip->dst);
	p->l4 = (uint16_t)(p->l3 + header);
	p->end = (uint16_t)(p->l3 + total);
	if (be16_to(ip->fragment) & (IP4_MORE_FRAGMENTS | IP4_FRAGMENT_OFFSET))
		p->kind = PKT_FRAGMENT;
	else
		parse_l4(p, ip->proto);
}

static void parse_ip6(struct pkt *p)
{
	const struct wire_ip6 *ip = (const void *)(p->data + p->l3);
	uint16_t left = (uint16_t)(p->len - p->l3);
	struct ip6_walk walk;

	if (left < sizeof(*ip))
		return pkt_drop(p, REASON_IP_TRUNCATED);
	if (be32_to(ip->version_class_label) >> 28 != 6)
		return pkt_drop(p, REASON_IP_VERSION);
	if (be16_to(ip->payload_len) > left - sizeof(*ip))
		return pkt_drop(p, REASON_IP_TOTAL_LEN);
	p->key.family = ADDR_IP6;
	memcpy(p->key.src, ip->src, sizeof(p->key.src));
	memcpy(p->key.dst, ip->dst, sizeof(p->key.dst));
	p->end = (uint16_t)(p->l3 + sizeof(*ip) + be16_to(ip->payload_len));
	walk = ip6_walk(p->data, (uint16_t)(p->l3 + sizeof(*ip)), p->end, ip->next);
	if (walk.fault)
		return pkt_drop(p, walk.fault);
	p->l4 = walk.offset;
	if (walk.is_fragment)
		p->kind = PKT_FRAGMENT;
	else
		parse_l4(p, walk.proto);
}

// Returns the EtherType behind the tags and sets l3, or sets a verdict and returns 0.
static uint16_t parse_eth(struct pkt *p)
{
	const struct wire_eth *eth = (const void *)p->data;
	uint16_t type;

	if (p->len < sizeof(*eth)) {
		pkt_drop(p, REASON_ETH_TRUNCATED);
		return 0;
	}
	p->l3 = sizeof(*eth);
	type = be16_to(eth->type);
	for (int n = 0; type == ETH_TYPE_VLAN || type == ETH_TYPE_QINQ; n++) {
		const struct wire_vlan *vlan = (const void *)(p->data + p->l3);

		if (n == MAX_VLAN_TAGS) {
			pkt_drop(p, REASON_VLAN_DEPTH);
			return 0;
		}
		if (p->len - p->l3 < (int)sizeof(*vlan)) {
			pkt_drop(p, REASON_VLAN_TRUNCATED);
			return 0;
		}
		type = be16_to(vlan->type);
		p->l3 = (uint16_t)(p->l3 + sizeof(*vlan));
	}
	return type;
}

// Any frame.
static NOINLINE void parse_any(struct pkt *p)
{
	uint16_t type = parse_eth(p);

	if (type == ETH_TYPE_IP4)
		parse_ip4(p);
	else if (type == ETH_TYPE_IP6)
		parse_ip6(p);
	else if (!pkt_is_ended(p))
		pkt_end(p, VERDICT_PUNT, REASON_NOT_IP);
}

// The headers of nearly every packet, where they then lie.
struct plain {
	struct wire_eth eth;
	struct wire_ip4 ip;
	union {
		struct wire_tcp tcp;
		struct wire_udp udp;
	};
} PACKED;

// Nothing wrong about it, `left` bytes behind the IP header?
static MUST_INLINE bool is_plain_tcp(const struct wire_tcp *tcp, int left)
{
	int header = (tcp->data_offset >> 4) * 4;

	return header >= (int)sizeof(*tcp) && header <= left && !tcp_flags_impossible(tcp->flags) &&
	       be16_raw(tcp->sport) && be16_raw(tcp->dport);
}

static MUST_INLINE bool is_plain_udp(const struct wire_udp *udp, int left)
{
	return be16_to(udp->len) >= sizeof(*udp) && be16_to(udp->len) <= left &&
	       be16_raw(udp->sport) && be16_raw(udp->dport);
}

// Untagged IPv4 without options, not a fragment, TCP or UDP, without fault: all offsets are constants.
// False, and *p untouched, for anything else; parse_any() then finds out what it is, and would say the
// same of a plain packet, in twice the time.
static MUST_INLINE bool parse_plain(struct pkt *p)
{
	enum { IP4_NO_OPTIONS = 0x45, L3 = sizeof(struct wire_eth), L4 = L3 + 20 };
	const struct plain *h = (const void *)p->data;
	be16 any_fragment = be16_from(IP4_MORE_FRAGMENTS | IP4_FRAGMENT_OFFSET);
	int total;

	if (p->len < sizeof(*h) || be16_raw(h->eth.type) != be16_raw(be16_from(ETH_TYPE_IP4)) ||
	    h->ip.version_ihl != IP4_NO_OPTIONS)
		return false;
	total = be16_to(h->ip.total_len);
	if (total > p->len - L3 || be16_raw(h->ip.fragment) & be16_raw(any_fragment) ||
	    !csum_ip4_ok(&h->ip, sizeof(h->ip)))
		return false;
	if (h->ip.proto == IPPROTO_NUM_TCP && is_plain_tcp(&h->tcp, total - (L4 - L3))) {
		p->kind = PKT_TCP;
		p->tcp_flags = h->tcp.flags;
	} else if (h->ip.proto == IPPROTO_NUM_UDP && is_plain_udp(&h->udp, total - (L4 - L3))) {
		p->kind = PKT_UDP;
	} else {
		return false;
	}
	p->l3 = L3;
	p->l4 = L4;
	set_addr4(p->key.src, h->ip.src);
	set_addr4(p->key.dst, h->ip.dst);
	p->key.dport = h->udp.dport; // TCP's ports lie alike
	p->key.proto = h->ip.proto;
	p->key.family = ADDR_IP4;
	p->key.sport = h->udp.sport;
	p->end = (uint16_t)(L3 + total);
	return true;
}

static MUST_INLINE void parse_one(struct pkt *p)
{
	if (!pkt_is_ended(p) && !parse_plain(p))
		parse_any(p);
}

static const char *const kind_names[PKT_KIND_COUNT] = {
	[PKT_NOT_IP] = "not IP",
	[PKT_OTHER] = "other protocol",
	[PKT_FRAGMENT] = "fragment",
	[PKT_TCP] = "TCP",
	[PKT_UDP] = "UDP",
	[PKT_ICMP_ECHO] = "ICMP echo request",
	[PKT_ICMP_ERROR] = "ICMP error about a flow",
	[PKT_ICMP_OTHER] = "ICMP",
};

static void trace_key(const struct pkt *p, struct trace *trace)
{
	struct addr src = {.family = p->key.family}, dst = src;
	char from[ADDR_PORT_TEXT_SIZE], to[ADDR_PORT_TEXT_SIZE];

	memcpy(src.word, p->key.src, sizeof(src.word));
	memcpy(dst.word, p->key.dst, sizeof(dst.word));
	addr_port_text(&src, p->key.sport, from);
	addr_port_text(&dst, p->key.dport, to);
	trace_add(trace, "parse", "%s, client side %s, our side %s, %u bytes", kind_names[p->kind],
	          from, to, p->len);
}

static void trace_one(const struct pkt *p, struct trace *trace)
{
	if (p->key.family)
		trace_key(p, trace);
	if (p->reason)
		trace_add(trace, "parse", "fault: %s", stats_reason_helps[p->reason]);
}

void parse_burst(struct pkt *pkts, uint32_t n, struct trace *trace)
{
	for (uint32_t i = 0; i < n; i++)
		parse_one(&pkts[i]);
	for (uint32_t i = 0; trace && i < n; i++)
		trace_one(&pkts[i], trace);
}
