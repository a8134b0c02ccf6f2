// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/parse.h"

#include <criterion/criterion.h>

#include <string.h>

#include "l4/model/snapshot.h"
#include "l4/model/stats.h"
#include "tests/support/guard.h"
#include "tests/support/pktbuild.h"

// Parses a copy that ends at a guard page. The copy is gone afterwards, the rest of *p is not.
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

// ---- packets of every kind; each function adds what lies behind Ethernet and tags ----

static void tcp4(struct pktbuild *b)
{
	pktbuild_ip4(b);
	pktbuild_tcp(b, .sport = 40000, .dport = 80, .flags = PKTBUILD_SYN);
	pktbuild_text(b, "hello");
}

static void tcp4_options(struct pktbuild *b)
{
	pktbuild_ip4(b, .options = "\x01\x07\x07\x04\0\0\0\0\0", .options_len = 9);
	pktbuild_tcp(b, .sport = 40000, .dport = 80, .options = "\2\4\5\xb4", .options_len = 4);
}

static void udp4(struct pktbuild *b)
{
	pktbuild_ip4(b);
	pktbuild_udp(b, .sport = 40000, .dport = 53);
	pktbuild_text(b, "hello");
}

static void echo4(struct pktbuild *b)
{
	pktbuild_ip4(b);
	pktbuild_icmp(b, .type = 8, .rest = 0x10001);
	pktbuild_text(b, "hello");
}

static void error4(struct pktbuild *b)
{
	pktbuild_ip4(b, .src = "192.0.2.1", .dst = "203.0.113.10");
	pktbuild_icmp(b, .type = 3, .code = 4, .rest = 1400);
	pktbuild_ip4(b, .src = "203.0.113.10", .dst = "198.51.100.7");
	pktbuild_tcp(b, .sport = 80, .dport = 40000);
}

static void tcp6(struct pktbuild *b)
{
	pktbuild_ip6(b);
	pktbuild_tcp(b, .sport = 40000, .dport = 80, .flags = PKTBUILD_SYN);
}

static void udp6_extended(struct pktbuild *b)
{
	pktbuild_ip6(b);
	pktbuild_ext(b, .type = 0, .body = "\1\4\0\0\0\0", .body_len = 6);
	pktbuild_ext(b, .type = 60, .body = "\1\14\0\0\0\0\0\0\0\0\0\0\0\0", .body_len = 14);
	pktbuild_frag6(b, .id = 1); // atomic (RFC 6946)
	pktbuild_udp(b, .sport = 40000, .dport = 53);
	pktbuild_text(b, "hello");
}

static void echo6(struct pktbuild *b)
{
	pktbuild_ip6(b);
	pktbuild_icmp(b, .type = 128, .rest = 0x10001);
	pktbuild_text(b, "hello");
}

static void error6(struct pktbuild *b)
{
	pktbuild_ip6(b, .src = "2001:db8::1", .dst = "2001:db8::10");
	pktbuild_icmp(b, .type = 2, .rest = 1280);
	pktbuild_ip6(b, .src = "2001:db8::10", .dst = "2001:db8::7");
	pktbuild_ext(b, .type = 60, .body = "\1\4\0\0\0\0", .body_len = 6);
	pktbuild_udp(b, .sport = 53, .dport = 40000);
	pktbuild_text(b, "hello");
}

static void fragment4(struct pktbuild *b)
{
	pktbuild_ip4(b, .proto = 17, .frag = 0x2000);
	pktbuild_fill(b, 64);
}

static void fragment6(struct pktbuild *b)
{
	pktbuild_ip6(b);
	pktbuild_frag6(b, .next = 17, .offset = 8, .id = 1);
	pktbuild_fill(b, 64);
}

static void other4(struct pktbuild *b)
{
	pktbuild_ip4(b, .proto = 47);
	pktbuild_fill(b, 20);
}

static const struct sample {
	const char *name;
	void (*add)(struct pktbuild *b);
	enum pkt_kind kind;
	uint8_t family;
	uint16_t sport, dport; // of the flow
	uint16_t l4;           // offset behind the IP header's begin
} samples[] = {
	{"TCP", tcp4, PKT_TCP, ADDR_IP4, 40000, 80, 20},
	{"TCP behind options", tcp4_options, PKT_TCP, ADDR_IP4, 40000, 80, 32},
	{"UDP", udp4, PKT_UDP, ADDR_IP4, 40000, 53, 20},
	{"ping", echo4, PKT_ICMP_ECHO, ADDR_IP4, 0, 0, 20},
	{"ICMP error", error4, PKT_ICMP_ERROR, ADDR_IP4, 40000, 80, 20},
	{"IPv6 TCP", tcp6, PKT_TCP, ADDR_IP6, 40000, 80, 40},
	{"IPv6 UDP behind extension headers", udp6_extended, PKT_UDP, ADDR_IP6, 40000, 53, 72},
	{"IPv6 ping", echo6, PKT_ICMP_ECHO, ADDR_IP6, 0, 0, 40},
	{"ICMPv6 error", error6, PKT_ICMP_ERROR, ADDR_IP6, 40000, 53, 40},
	{"fragment", fragment4, PKT_FRAGMENT, ADDR_IP4, 0, 0, 20},
	{"IPv6 fragment", fragment6, PKT_FRAGMENT, ADDR_IP6, 0, 0, 48},
	{"GRE", other4, PKT_OTHER, ADDR_IP4, 0, 0, 20},
};

enum { MAX_TAGS = 2 };

static void build(struct pktbuild *b, const struct sample *s, unsigned n_tags)
{
	pktbuild_start(b);
	pktbuild_eth(b);
	for (unsigned i = 0; i < n_tags; i++)
		pktbuild_vlan(b, .tci = 5, .tpid = n_tags == 2 && i == 0 ? 0x88a8 : 0x8100);
	s->add(b);
	pktbuild_end(b);
}

static void expect_sample(const struct pkt *p, const struct sample *s, unsigned n_tags)
{
	uint32_t src = s->family == ADDR_IP4 ? 0xc6336407 : 0x20010db8;
	uint32_t dst = s->family == ADDR_IP4 ? 0xcb00710a : 0x20010db8;

	cr_expect_eq(p->verdict, VERDICT_NONE, "%s", s->name);
	cr_expect_eq(p->reason, REASON_NONE, "%s: %u", s->name, p->reason);
	cr_expect_eq(p->kind, s->kind, "%s: %u", s->name, p->kind);
	cr_expect_eq(p->key.family, s->family, "%s", s->name);
	cr_expect_eq(be16_to(p->key.sport), s->sport, "%s", s->name);
	cr_expect_eq(be16_to(p->key.dport), s->dport, "%s", s->name);
	cr_expect_eq(p->key.src[0], be32_raw(be32_from(src)), "%s", s->name);
	cr_expect_eq(p->key.dst[0], be32_raw(be32_from(dst)), "%s", s->name);
	if (s->family == ADDR_IP6) {
		cr_expect_eq(p->key.src[3], be32_raw(be32_from(7)), "%s", s->name);
		cr_expect_eq(p->key.dst[3], be32_raw(be32_from(0x10)), "%s", s->name);
	}
	cr_expect_eq(p->l3, 14 + 4 * n_tags, "%s", s->name);
	cr_expect_eq(p->l4, p->l3 + s->l4, "%s: %u", s->name, p->l4);
}

Test(parse, every_kind_of_packet_is_read)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		for (unsigned n_tags = 0; n_tags <= MAX_TAGS; n_tags++) {
			struct pktbuild b;
			struct pkt p;

			build(&b, &samples[i], n_tags);
			parse_frame(&p, b.byte, b.len);
			expect_sample(&p, &samples[i], n_tags);
			cr_expect_eq(p.end, b.len, "%s", samples[i].name);
		}
}

Test(parse, ethernet_padding_is_no_part_of_the_packet)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct pktbuild b;
		struct pkt p;

		build(&b, &samples[i], 0);
		memset(b.byte + b.len, 0xa5, 9);
		parse_frame(&p, b.byte, b.len + 9);
		expect_sample(&p, &samples[i], 0);
		cr_expect_eq(p.end, b.len, "%s", samples[i].name);
	}
}

// A frame cut short disagrees with its IP length, so it is always dropped.
Test(parse, every_truncation_is_dropped_and_nothing_read_beyond)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		for (unsigned n_tags = 0; n_tags <= MAX_TAGS; n_tags++) {
			struct pktbuild b;
			struct pkt p;

			build(&b, &samples[i], n_tags);
			for (size_t len = 0; len < b.len; len++) {
				parse_frame(&p, b.byte, len);
				cr_assert_eq(p.verdict, VERDICT_DROP, "%s at %zu", samples[i].name,
				             len);
			}
		}
}

static void put16(uint8_t *at, size_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

// The same with an IP length that agrees, and with right checksums: the faults behind the IP header.
Test(parse, every_short_packet_is_read_or_has_a_reason)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct pktbuild b;
		struct pkt p;

		build(&b, &samples[i], 0);
		for (size_t len = b.len - 1; len >= 14 + 20u; len--) {
			bool is_4 = samples[i].family == ADDR_IP4;
			size_t head = is_4 ? (size_t)(b.byte[14] & 15) * 4 : 40;

			if (len < 14 + head)
				break;
			put16(b.byte + 14 + (is_4 ? 2 : 4), len - 14 - (is_4 ? 0 : 40));
			if (is_4) {
				uint32_t sum = 0;

				put16(b.byte + 24, 0);
				for (size_t k = 14; k < 14 + head; k += 2)
					sum += (uint32_t)b.byte[k] << 8 | b.byte[k + 1];
				put16(b.byte + 24, ~(sum % 65535));
			}
			parse_frame(&p, b.byte, len);
			cr_assert_neq(p.reason, REASON_IP_CKSUM, "%s at %zu", samples[i].name, len);
			cr_assert_eq(p.end, len, "%s at %zu", samples[i].name, len);
			if (p.kind == PKT_TCP)
				cr_assert_leq(p.l4 + 20, len);
			if (p.kind == PKT_ICMP_ERROR)
				cr_assert_leq(p.inner_l4 + 8, len);
		}
	}
}

// The same frame behind an 802.1Q tag takes the parser's long way: what it says, the short one must say.
static void expect_same(const struct pktbuild *b, const char *name, size_t at)
{
	static const uint8_t tag[] = {0x81, 0, 0, 7};
	uint8_t tagged[sizeof(b->byte) + sizeof(tag)];
	struct pkt plain, p;

	memcpy(tagged, b->byte, 12);
	memcpy(tagged + 12, tag, sizeof(tag));
	memcpy(tagged + 16, b->byte + 12, b->len - 12);
	parse_frame(&plain, b->byte, b->len);
	parse_frame(&p, tagged, b->len + 4);
	cr_assert_eq(plain.verdict, p.verdict, "%s, byte %zu", name, at);
	cr_assert_eq(plain.reason, p.reason, "%s, byte %zu", name, at);
	cr_assert_eq(plain.kind, p.kind, "%s, byte %zu", name, at);
	cr_assert_eq(plain.tcp_flags, p.tcp_flags, "%s, byte %zu", name, at);
	if (plain.verdict != VERDICT_NONE)
		return;
	cr_assert_eq(plain.l3 + 4, p.l3, "%s, byte %zu", name, at);
	cr_assert_eq(plain.l4 + 4, p.l4, "%s, byte %zu", name, at);
	cr_assert_eq(plain.end + 4, p.end, "%s, byte %zu", name, at);
	cr_assert_arr_eq(&plain.key, &p.key, sizeof(p.key), "%s, byte %zu", name, at);
}

// Puts the IP checksum right again, so that the rest is looked at. Not in tests of the checksum itself.
static void mend_ip4(struct pktbuild *b)
{
	uint32_t sum = 0;

	put16(b->byte + 24, 0);
	for (size_t i = 14; i < 34; i += 2)
		sum += (uint32_t)b->byte[i] << 8 | b->byte[i + 1];
	put16(b->byte + 24, ~(sum % 65535));
}

Test(parse, the_short_way_says_what_the_long_one_says)
{
	static void (*const plain[])(struct pktbuild * b) = {tcp4, udp4};
	struct sample s = {.name = "plain"};

	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		struct pktbuild b, changed;

		s.add = plain[i];
		build(&b, &s, 0);
		expect_same(&b, s.name, 0);
		for (size_t at = 14; at < b.len; at++)
			for (unsigned value = 0; value < 256; value++) {
				changed = b;
				changed.byte[at] = (uint8_t)value;
				expect_same(&changed, s.name, at);
				mend_ip4(&changed);
				expect_same(&changed, s.name, at);
			}
	}
}

Test(parse, a_packet_with_a_verdict_is_left_alone)
{
	struct pkt p;

	pkt_init(&p, NULL, 60000, 0, NULL);
	pkt_drop(&p, REASON_TOO_LONG);
	parse_burst(&p, 1, NULL);
	cr_expect_eq(p.reason, REASON_TOO_LONG);
}

Test(parse, what_is_not_ip_is_the_hosts)
{
	static const uint16_t types[] = {0x0806, 0x88cc, 0x0000, 0x05dc, 0x8847};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct pktbuild b;
		struct pkt p;

		pktbuild_start(&b);
		pktbuild_eth(&b, .type = types[i]);
		parse_frame(&p, b.byte, pktbuild_end(&b));
		cr_expect_eq(p.verdict, VERDICT_PUNT, "%04x", types[i]);
		cr_expect_eq(p.reason, REASON_NOT_IP, "%04x", types[i]);
	}
}

Test(parse, an_icmp_error_names_the_flow_from_the_clients_side)
{
	struct pktbuild b;
	struct pkt p;

	build(&b, &samples[4], 0);
	parse_frame(&p, b.byte, b.len);
	cr_expect_eq(p.inner, b.offset[3]);
	cr_expect_eq(p.inner_l4, b.offset[4]);
	cr_expect_eq(p.key.proto, IPPROTO_NUM_TCP);
	build(&b, &samples[8], 0);
	parse_frame(&p, b.byte, b.len);
	cr_expect_eq(p.inner, b.offset[3]);
	cr_expect_eq(p.inner_l4, b.offset[5]);
	cr_expect_eq(p.key.proto, IPPROTO_NUM_UDP);
}
