// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/classify.h"

#include <criterion/criterion.h>

#include <string.h>

#include "l4/data/parse.h"
#include "tests/support/pktbuild.h"
#include "tests/support/snapbuild.h"

static struct snapbuild s;

static void open_snap(void)
{
	snapbuild_open(&s, snapbuild_edge);
}

static void close_snap(void)
{
	snapbuild_close(&s);
}

TestSuite(classify, .init = open_snap, .fini = close_snap);

enum l4 { TCP, UDP, ECHO, ERROR, FRAGMENT, GRE, FAULT };

#define VIP "203.0.113.10"
#define VIP6 "2001:db8::10"
#define CLIENT "198.51.100.7"
#define CLIENT6 "2001:db8::7"

// A packet, and what it is to us.
static const struct sample {
	const char *name, *src, *dst;
	enum l4 l4;
	uint16_t dport;
	const char *service; // NULL = none
	enum pkt_role role;
	enum verdict verdict;
	enum reason reason;
} samples[] = {
	{"dsr", CLIENT, VIP, TCP, 80, "web", ROLE_CLIENT, 0, 0},
	{"dsr udp", CLIENT, VIP, UDP, 53, "dns", ROLE_CLIENT, 0, 0},
	{"nat", CLIENT, VIP, TCP, 8080, "api", ROLE_CLIENT, 0, 0},
	{"nat udp6", CLIENT6, VIP6, UDP, 1234, "ntp6", ROLE_CLIENT, 0, 0},
	{"udp to a tcp port", CLIENT, VIP, UDP, 80, NULL, ROLE_VIP, VERDICT_PUNT,
         REASON_NO_SERVICE},
	{"closed port", CLIENT, VIP, TCP, 22, NULL, ROLE_VIP, VERDICT_PUNT, REASON_NO_SERVICE},
	{"l7", CLIENT, VIP, TCP, 443, "tls", ROLE_CLIENT, VERDICT_PUNT, REASON_L7_SERVICE},
	{"ping", CLIENT, VIP, ECHO, 0, NULL, ROLE_VIP, 0, 0},
	{"ping6", CLIENT6, VIP6, ECHO, 0, NULL, ROLE_VIP, 0, 0},
	{"ping from nowhere", "0.0.0.0", VIP, ECHO, 0, NULL, ROLE_VIP, VERDICT_DROP,
         REASON_IP_SOURCE},
	{"ping from itself", VIP, VIP, ECHO, 0, NULL, ROLE_VIP, VERDICT_DROP, REASON_LAND},
	{"error about a service's packet", "192.0.2.1", VIP, ERROR, 80, "web", ROLE_CLIENT, 0, 0},
	{"error about another packet", "192.0.2.1", VIP, ERROR, 22, NULL, ROLE_VIP, VERDICT_PUNT,
         REASON_NO_SERVICE},
	{"fragment", CLIENT, VIP, FRAGMENT, 0, NULL, ROLE_VIP, VERDICT_DROP, REASON_IP_FRAGMENT},
	{"fault", CLIENT, VIP, FAULT, 80, NULL, ROLE_VIP, VERDICT_DROP, REASON_TCP_FLAGS},
	{"gre to a vip", CLIENT, VIP, GRE, 0, NULL, ROLE_VIP, VERDICT_PUNT, REASON_NO_SERVICE},
	{"loopback source", "127.0.0.1", VIP, TCP, 80, "web", ROLE_CLIENT, VERDICT_DROP,
         REASON_IP_SOURCE},
	{"multicast source", "224.0.0.1", VIP, TCP, 80, "web", ROLE_CLIENT, VERDICT_DROP,
         REASON_IP_SOURCE},
	{"broadcast source", "255.255.255.255", VIP, UDP, 53, "dns", ROLE_CLIENT, VERDICT_DROP,
         REASON_IP_SOURCE},
	{"unspecified source", "::", VIP6, TCP, 80, "web6", ROLE_CLIENT, VERDICT_DROP,
         REASON_IP_SOURCE},
	{"loopback6 source", "::1", VIP6, TCP, 80, "web6", ROLE_CLIENT, VERDICT_DROP,
         REASON_IP_SOURCE},
	{"multicast6 source", "ff02::1", VIP6, TCP, 80, "web6", ROLE_CLIENT, VERDICT_DROP,
         REASON_IP_SOURCE},
	{"a source that only looks bad", "64:ff9b::1", VIP6, TCP, 80, "web6", ROLE_CLIENT, 0, 0},
	{"land", VIP, VIP, TCP, 80, "web", ROLE_CLIENT, VERDICT_DROP, REASON_LAND},
	{"land6", VIP6, VIP6, TCP, 8080, "api6", ROLE_CLIENT, VERDICT_DROP, REASON_LAND},
	{"not ours", CLIENT, "203.0.113.11", TCP, 80, NULL, ROLE_NONE, VERDICT_PUNT,
         REASON_NOT_OURS},
	{"not ours, broken", CLIENT, "203.0.113.11", FAULT, 80, NULL, ROLE_NONE, VERDICT_PUNT,
         REASON_NOT_OURS},
	{"not ours, a fragment", CLIENT, "203.0.113.11", FRAGMENT, 0, NULL, ROLE_NONE, VERDICT_PUNT,
         REASON_NOT_OURS},
	{"answer", "10.0.3.1", "10.0.0.2", TCP, 20000, NULL, ROLE_REPLY, 0, 0},
	{"answer to the second address", "10.0.3.1", "10.0.0.3", UDP, 29999, NULL, ROLE_REPLY, 0,
         0},
	{"answer6", "2001:db8:1:3::1", "2001:db8:1::2", TCP, 20000, NULL, ROLE_REPLY, 0, 0},
	{"error about a request", "192.0.2.1", "10.0.0.2", ERROR, 20000, NULL, ROLE_REPLY, 0, 0},
	{"below our ports", "10.0.3.1", "10.0.0.2", TCP, 19999, NULL, ROLE_REPLY, VERDICT_PUNT,
         REASON_NOT_OURS},
	{"above our ports", "10.0.3.1", "10.0.0.2", TCP, 30000, NULL, ROLE_REPLY, VERDICT_PUNT,
         REASON_NOT_OURS},
	{"ping of our address", "10.0.3.1", "10.0.0.2", ECHO, 0, NULL, ROLE_REPLY, VERDICT_PUNT,
         REASON_NOT_OURS},
	{"fragment to our address", "10.0.3.1", "10.0.0.2", FRAGMENT, 0, NULL, ROLE_REPLY,
         VERDICT_DROP, REASON_IP_FRAGMENT},
};

static void add_ip(struct pktbuild *b, const char *src, const char *dst, bool is_fragment)
{
	if (strchr(dst, ':'))
		pktbuild_ip6(b, .src = src, .dst = dst);
	else
		pktbuild_ip4(b, .src = src, .dst = dst, .frag = is_fragment ? 0x2000 : 0);
}

// For ERROR: about a packet from dst and dport to a client.
static void add_l4(struct pktbuild *b, const struct sample *p)
{
	bool is_6 = strchr(p->dst, ':');

	switch (p->l4) {
	case TCP:
	case FAULT:
		pktbuild_tcp(b, .sport = 40000, .dport = p->dport, .flags = p->l4 == TCP ? 2 : 3);
		return;
	case UDP:
	case FRAGMENT:
		pktbuild_udp(b, .sport = 40000, .dport = p->dport);
		return;
	case ECHO:
		pktbuild_icmp(b, .type = is_6 ? 128 : 8);
		return;
	case ERROR:
		pktbuild_icmp(b, .type = 3);
		add_ip(b, p->dst, CLIENT, false);
		pktbuild_tcp(b, .sport = p->dport, .dport = 40000);
		return;
	case GRE:
		return pktbuild_fill(b, 8);
	}
}

Test(classify, a_packet_is_whose_it_is)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const struct sample *want = &samples[i];
		struct pktbuild b;
		struct pkt p;

		pktbuild_start(&b);
		pktbuild_eth(&b);
		if (want->l4 == GRE)
			pktbuild_ip4(&b, .src = want->src, .dst = want->dst, .proto = 47);
		else
			add_ip(&b, want->src, want->dst, want->l4 == FRAGMENT);
		add_l4(&b, want);
		pktbuild_end(&b);
		pkt_init(&p, b.byte, (uint16_t)b.len, 0, NULL);
		parse_burst(&p, 1, NULL);
		classify_burst(s.snap, &p, 1, NULL);
		cr_expect_eq(p.role, want->role, "%s: role %u", want->name, p.role);
		cr_expect_eq(p.verdict, want->verdict, "%s: verdict %u", want->name, p.verdict);
		cr_expect_eq(p.reason, want->reason, "%s: %s", want->name,
		             stats_reason_names[p.reason]);
		if (want->service)
			cr_expect(p.service != PKT_NO_SERVICE &&
			                  strcmp(s.snap->services[p.service].name, want->service) ==
			                          0,
			          "%s", want->name);
		else
			cr_expect_eq(p.service, PKT_NO_SERVICE, "%s", want->name);
	}
}

Test(classify, a_packet_with_a_verdict_is_left_alone)
{
	struct pkt p;

	pkt_init(&p, NULL, 0, 0, NULL);
	pkt_drop(&p, REASON_IP_CKSUM);
	classify_burst(s.snap, &p, 1, NULL);
	cr_expect_eq(p.role, ROLE_NONE);
	cr_expect_eq(p.reason, REASON_IP_CKSUM);
}
