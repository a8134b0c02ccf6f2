// SPDX-License-Identifier: BSD-3-Clause
// Each fault of a packet and the reason it gets.
#include "l4/data/parse.h"

#include <criterion/criterion.h>

#include <string.h>

#include "l4/model/snapshot.h"
#include "l4/model/stats.h"
#include "tests/support/guard.h"
#include "tests/support/pktbuild.h"

#define IP4(...)               \
	&(struct pktbuild_ip4) \
	{                      \
		__VA_ARGS__    \
	}
#define IP6(...)               \
	&(struct pktbuild_ip6) \
	{                      \
		__VA_ARGS__    \
	}
#define TCP(...)                                       \
	&(struct pktbuild_tcp)                         \
	{                                              \
		.sport = 1, .dport = 80, ##__VA_ARGS__ \
	}
#define UDP(...)                                       \
	&(struct pktbuild_udp)                         \
	{                                              \
		.sport = 1, .dport = 80, ##__VA_ARGS__ \
	}
#define ICMP(...)               \
	&(struct pktbuild_icmp) \
	{                       \
		__VA_ARGS__     \
	}
#define TEXT(s) .text = s, .text_len = sizeof(s) - 1

// Headers from the outside in; NULL = not there. `ends`: does the fault end the packet in parse, or is
// that left to classify?
struct fault {
	const char *name;
	const struct pktbuild_ip4 *ip4;
	const struct pktbuild_ip6 *ip6;
	const struct pktbuild_ext *ext;
	const struct pktbuild_icmp *icmp;
	const struct pktbuild_ip4 *inner4;
	const struct pktbuild_tcp *tcp;
	const struct pktbuild_udp *udp;
	const char *text;
	size_t text_len;
	enum reason reason;
	bool ends;
};

static const struct fault faults[] = {
	{"ihl of 4", IP4(.ihl = 4), .tcp = TCP(), .reason = REASON_IP_HEADER_LEN, .ends = true},
	{"ihl of 0 (version 4)", IP4(.ihl = 1), .tcp = TCP(), .reason = REASON_IP_HEADER_LEN,
         .ends = true},
	{"ihl beyond the frame", IP4(.ihl = 15), .reason = REASON_IP_HEADER_LEN, .ends = true},
	{"length below the header", IP4(.total_len = 19), .tcp = TCP(),
         .reason = REASON_IP_TOTAL_LEN, .ends = true},
	{"length beyond the frame", IP4(.total_len = 41), .tcp = TCP(),
         .reason = REASON_IP_TOTAL_LEN, .ends = true},
	{"checksum", IP4(.bad_csum = true), .tcp = TCP(), .reason = REASON_IP_CKSUM, .ends = true},
	{"option without length", IP4(.options = "\1\1\1\7", .options_len = 4), .tcp = TCP(),
         .reason = REASON_IP_OPTIONS, .ends = true},
	{"option of length 0", IP4(.options = "\7\0\0\0", .options_len = 4), .tcp = TCP(),
         .reason = REASON_IP_OPTIONS, .ends = true},
	{"option of length 1", IP4(.options = "\7\1\0\0", .options_len = 4), .tcp = TCP(),
         .reason = REASON_IP_OPTIONS, .ends = true},
	{"option beyond the header", IP4(.options = "\7\5\4\0", .options_len = 4), .tcp = TCP(),
         .reason = REASON_IP_OPTIONS, .ends = true},
	{"loose source route", IP4(.options = "\x83\3\4\0", .options_len = 4), .tcp = TCP(),
         .reason = REASON_IP_OPTIONS, .ends = true},
	{"strict source route", IP4(.options = "\1\x89\3\4", .options_len = 4), .tcp = TCP(),
         .reason = REASON_IP_OPTIONS, .ends = true},
	{"anything behind the end of options", IP4(.options = "\0\x83\0\0", .options_len = 4),
         .tcp = TCP(), .reason = REASON_NONE},
	{"IPv6 length beyond the frame", .ip6 = IP6(.payload_len = 21), .tcp = TCP(),
         .reason = REASON_IP_TOTAL_LEN, .ends = true},
	{"IPv6 routing header type 0", .ip6 = IP6(),
         .ext = &(struct pktbuild_ext){.type = 43, .body = "\0\1\0\0\0\0", .body_len = 6},
         .tcp = TCP(), .reason = REASON_IP6_ROUTING, .ends = true},
	{"IPv6 extension header cut", .ip6 = IP6(.proto = 60), TEXT("\6\0\1\4\0\0\0"),
         .reason = REASON_IP6_EXT_TRUNCATED, .ends = true},
	{"TCP cut", IP4(.proto = 6), TEXT("0123456789012345678"), .reason = REASON_TCP_TRUNCATED},
	{"TCP over IPv6 cut", .ip6 = IP6(.proto = 6), TEXT(""), .reason = REASON_TCP_TRUNCATED},
	{"data offset of 4", IP4(), .tcp = TCP(.doff = 4), .reason = REASON_TCP_HEADER_LEN},
	{"data offset beyond", IP4(), .tcp = TCP(.doff = 6), .reason = REASON_TCP_HEADER_LEN},
	{"no flags but PSH and URG", IP4(), .tcp = TCP(.flags = 0x28), .reason = REASON_TCP_FLAGS},
	{"SYN and FIN", IP4(), .tcp = TCP(.flags = 3), .reason = REASON_TCP_FLAGS},
	{"SYN and RST", IP4(), .tcp = TCP(.flags = 6), .reason = REASON_TCP_FLAGS},
	{"FIN and RST and ACK", IP4(), .tcp = TCP(.flags = 0x15), .reason = REASON_TCP_FLAGS},
	{"every flag", .ip6 = IP6(), .tcp = TCP(.flags = 0xff), .reason = REASON_TCP_FLAGS},
	{"SYN with ECE and CWR", IP4(), .tcp = TCP(.flags = 0xc2), .reason = REASON_NONE},
	{"SYN and ACK and URG", IP4(), .tcp = TCP(.flags = 0x32), .reason = REASON_NONE},
	{"TCP source port 0", IP4(), .tcp = &(struct pktbuild_tcp){.dport = 80},
         .reason = REASON_L4_PORT_ZERO},
	{"TCP destination port 0", IP4(), .tcp = &(struct pktbuild_tcp){.sport = 80},
         .reason = REASON_L4_PORT_ZERO},
	{"UDP source port 0", .ip6 = IP6(), .udp = &(struct pktbuild_udp){.dport = 80},
         .reason = REASON_L4_PORT_ZERO},
	{"UDP cut", IP4(.proto = 17), TEXT("0123456"), .reason = REASON_UDP_TRUNCATED},
	{"UDP length of 7", IP4(), .udp = UDP(.len = 7), .reason = REASON_UDP_LEN},
	{"UDP length beyond", IP4(), .udp = UDP(.len = 9), .reason = REASON_UDP_LEN},
	{"UDP with more behind", IP4(), .udp = UDP(.len = 8), TEXT("more"), .reason = REASON_NONE},
	{"ICMP cut", IP4(.proto = 1), TEXT("0123456"), .reason = REASON_ICMP_TRUNCATED},
	{"ICMPv6 cut", .ip6 = IP6(.proto = 58), TEXT("0"), .reason = REASON_ICMP_TRUNCATED},
	{"ICMP checksum", IP4(), .icmp = ICMP(.type = 8, .bad_csum = true),
         .reason = REASON_ICMP_CKSUM},
	{"ICMPv6 checksum", .ip6 = IP6(), .icmp = ICMP(.type = 128, .bad_csum = true),
         .reason = REASON_ICMP_CKSUM},
	{"ICMP error about nothing", IP4(), .icmp = ICMP(.type = 3), .reason = REASON_ICMP_INNER},
	{"ICMP error about somebody else's packet", IP4(), .icmp = ICMP(.type = 3),
         .inner4 = IP4(.src = "192.0.2.9", .dst = "198.51.100.7"), .tcp = TCP(),
         .reason = REASON_ICMP_INNER},
	{"ICMP error about a later fragment", IP4(), .icmp = ICMP(.type = 3),
         .inner4 = IP4(.src = "203.0.113.10", .dst = "198.51.100.7", .frag = 1, .proto = 6),
         TEXT("01234567"), .reason = REASON_ICMP_INNER},
	{"ICMP error about a first fragment", IP4(), .icmp = ICMP(.type = 3),
         .inner4 = IP4(.src = "203.0.113.10", .dst = "198.51.100.7", .frag = 0x2000, .proto = 6),
         TEXT("01234567"), .reason = REASON_NONE},
	{"ICMP error with 7 bytes of TCP", IP4(), .icmp = ICMP(.type = 11),
         .inner4 = IP4(.src = "203.0.113.10", .dst = "198.51.100.7", .proto = 6), TEXT("0123456"),
         .reason = REASON_ICMP_INNER},
	{"ICMP error about a ping", IP4(), .icmp = ICMP(.type = 3),
         .inner4 = IP4(.src = "203.0.113.10", .dst = "198.51.100.7", .proto = 1), TEXT("01234567"),
         .reason = REASON_ICMP_INNER},
	{"ICMP redirect is no error", IP4(), .icmp = ICMP(.type = 5), .reason = REASON_NONE},
	{"an answer to a ping is none", IP4(), .icmp = ICMP(.type = 0), .reason = REASON_NONE},
};

static void build(struct pktbuild *b, const struct fault *f)
{
	pktbuild_start(b);
	pktbuild_eth(b);
	if (f->ip4)
		pktbuild_add_ip4(b, f->ip4);
	if (f->ip6)
		pktbuild_add_ip6(b, f->ip6);
	if (f->ext)
		pktbuild_add_ext(b, f->ext);
	if (f->icmp)
		pktbuild_add_icmp(b, f->icmp);
	if (f->inner4)
		pktbuild_add_ip4(b, f->inner4);
	if (f->tcp)
		pktbuild_add_tcp(b, f->tcp);
	if (f->udp)
		pktbuild_add_udp(b, f->udp);
	pktbuild_bytes(b, f->text, f->text_len);
	pktbuild_end(b);
}

static void parse_frame(struct pkt *p, const uint8_t *frame, size_t len)
{
	uint8_t *copy = guard_alloc(len);

	memcpy(copy, frame, len);
	memset(p, 0xa5, sizeof(*p));
	pkt_init(p, copy, (uint16_t)len, 0, NULL);
	parse_burst(p, 1, NULL);
	guard_free(copy, len);
	p->data = NULL;
}

Test(parse_fault, each_has_its_reason)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		const struct fault *f = &faults[i];
		struct pktbuild b;
		struct pkt p;

		build(&b, f);
		parse_frame(&p, b.byte, b.len);
		cr_expect_eq(p.reason, f->reason, "%s: %s", f->name, stats_reason_names[p.reason]);
		cr_expect_eq(p.verdict, f->ends ? VERDICT_DROP : VERDICT_NONE, "%s", f->name);
		if (f->reason && !f->ends)
			cr_expect(p.kind == PKT_OTHER || p.kind == PKT_ICMP_OTHER, "%s", f->name);
	}
}

// Faults of the outermost headers, as bytes.
static const struct {
	const char *name;
	const char *bytes; // behind the two MAC addresses
	size_t len;
	enum reason reason;
} frames[] = {
	{"nothing", "", 0, REASON_ETH_TRUNCATED},
	{"half an EtherType", "\x08", 1, REASON_ETH_TRUNCATED},
	{"no IP header", "\x08\x00", 2, REASON_IP_TRUNCATED},
	{"no IPv6 header", "\x86\xdd", 2, REASON_IP_TRUNCATED},
	{"IPv6 in an IPv4 frame", "\x08\x00\x60\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22,
         REASON_IP_VERSION},
	{"IPv4 in an IPv6 frame",
         "\x86\xdd\x45\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
         42, REASON_IP_VERSION},
	{"cut in a tag", "\x81\0\0\1\x08", 5, REASON_VLAN_TRUNCATED},
	{"cut in the second tag", "\x88\xa8\0\1\x81\0\0\1\x08", 9, REASON_VLAN_TRUNCATED},
	{"three tags", "\x88\xa8\0\1\x81\0\0\1\x81\0\0\1\x08\0", 14, REASON_VLAN_DEPTH},
	{"two tags and no IP", "\x88\xa8\0\1\x81\0\0\1\x08\0", 10, REASON_IP_TRUNCATED},
};

Test(parse_fault, frames_that_are_hardly_any)
{
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		uint8_t frame[64] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
		struct pkt p;

		memcpy(frame + 12, frames[i].bytes, frames[i].len);
		parse_frame(&p, frame, i == 0 ? 0 : 12 + frames[i].len);
		cr_expect_eq(p.reason, frames[i].reason, "%s: %s", frames[i].name,
		             stats_reason_names[p.reason]);
		cr_expect_eq(p.verdict, VERDICT_DROP, "%s", frames[i].name);
	}
}
