// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <errno.h>

#include "l7/proxy_protocol.h"
#include "tests/support/guard.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(literal) (literal), sizeof(literal) - 1

// Bytes laid out by hand from proxy-protocol.txt section 2.2.
#define TCP4 SIGNATURE "\x21\x11\x00\x0c\xc0\x00\x02\x07\xcb\x00\x71\x0a\x9c\x40\x01\xbb"
#define IP6_A "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
#define IP6_B "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x0a"
#define TCP6 SIGNATURE "\x21\x21\x00\x24" IP6_A IP6_B "\x9c\x40\x01\xbb"
// ALPN "h2" and a NOOP of one byte behind the addresses (section 2.2.1, 2.2.4).
#define TLVS "\x01\x00\x02h2\x04\x00\x01\x00"
#define TCP4_TLVS SIGNATURE "\x21\x11\x00\x15\xc0\x00\x02\x07\xcb\x00\x71\x0a\x9c\x40\x01\xbb" TLVS

static const struct {
	const char *name, *bytes;
	size_t len;
	bool is_local;
	const char *source, *destination;
} valid[] = {
	{"IPv4", BYTES(TCP4), false, "192.0.2.7:40000", "203.0.113.10:443"},
	{"IPv6", BYTES(TCP6), false, "[2001:db8::7]:40000", "[2001:db8::a]:443"},
	{"IPv4 and TLVs", BYTES(TCP4_TLVS), false, "192.0.2.7:40000", "203.0.113.10:443"},
	{"LOCAL", BYTES(SIGNATURE "\x20\x00\x00\x00"), true, "-:0", "-:0"},
	{"LOCAL of any family", BYTES(SIGNATURE "\x20\xff\x00\x03xyz"), true, "-:0", "-:0"},
	{"LOCAL, TCP, no addresses", BYTES(SIGNATURE "\x20\x11\x00\x00"), true, "-:0", "-:0"},
	{"unspecified", BYTES(SIGNATURE "\x21\x00\x00\x00"), false, "-:0", "-:0"},
	{"unspecified with TLV", BYTES(SIGNATURE "\x21\x00\x00\x04\x04\x00\x01\x00"), false, "-:0",
         "-:0"},
};

static const struct {
	const char *name, *bytes;
	size_t len; // of the shortest front that is refused
} invalid[] = {
	{"HTTP", BYTES("G")},
	{"version 1", BYTES("P")},
	{"signature wrong in its last byte", BYTES("\r\n\r\n\0\r\nQUIT\r")},
	{"version 1 in binary", BYTES(SIGNATURE "\x11")},
	{"version 3", BYTES(SIGNATURE "\x31")},
	{"command 2", BYTES(SIGNATURE "\x22")},
	{"UDP over IPv4", BYTES(SIGNATURE "\x21\x12")},
	{"UDP over IPv6", BYTES(SIGNATURE "\x21\x22")},
	{"UNIX datagram", BYTES(SIGNATURE "\x21\x32")},
	{"family 4", BYTES(SIGNATURE "\x21\x41")},
	{"transport 3", BYTES(SIGNATURE "\x21\x13")},
	{"TCP without family", BYTES(SIGNATURE "\x21\x01")},
	{"IPv4, one byte short", BYTES(SIGNATURE "\x21\x11\x00\x0b")},
	{"IPv6, one byte short", BYTES(SIGNATURE "\x21\x21\x00\x23")},
	{"UNIX, one byte short", BYTES(SIGNATURE "\x21\x31\x00\xd7")},
	{"1025 bytes", BYTES(SIGNATURE "\x21\x11\x03\xf1")},
	{"65535 bytes", BYTES(SIGNATURE "\x20\x00\xff\xff")},
};

static ssize_t parse_guarded(struct proxy_protocol *out, const char *bytes, size_t len)
{
	uint8_t *copy = guard_alloc(len);
	ssize_t n;

	memcpy(copy, bytes, len);
	n = proxy_protocol_parse(out, slice_of(copy, len));
	guard_free(copy, len);
	return n;
}

Test(proxy_protocol, reads_known_headers)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
		char source[ADDR_PORT_TEXT_SIZE], destination[ADDR_PORT_TEXT_SIZE];
		struct proxy_protocol p;

		cr_assert_eq(parse_guarded(&p, valid[i].bytes, valid[i].len), (ssize_t)valid[i].len,
		             "%s", valid[i].name);
		addr_port_text(&p.source, p.source_port, source);
		addr_port_text(&p.destination, p.destination_port, destination);
		cr_expect_eq(p.is_local, valid[i].is_local, "%s", valid[i].name);
		cr_expect_str_eq(source, valid[i].source, "%s", valid[i].name);
		cr_expect_str_eq(destination, valid[i].destination, "%s", valid[i].name);
	}
}

Test(proxy_protocol, every_truncation_needs_more)
{
	for (size_t i = 0; i < ARRAY_LEN(valid); i++)
		for (size_t len = 0; len < valid[i].len; len++) {
			struct proxy_protocol p;

			cr_expect_eq(parse_guarded(&p, valid[i].bytes, len), 0, "%s, %zu",
			             valid[i].name, len);
		}
}

Test(proxy_protocol, what_follows_the_header_is_left)
{
	struct proxy_protocol p;

	cr_expect_eq(parse_guarded(&p, BYTES(TCP4 "GET / HTTP/1.1\r\n")), 28);
}

Test(proxy_protocol, refuses_as_early_as_it_can)
{
	for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
		struct proxy_protocol p = {.is_local = true, .source_port = be16_from(7)};

		cr_expect_eq(parse_guarded(&p, invalid[i].bytes, invalid[i].len), -EPROTO, "%s",
		             invalid[i].name);
		cr_expect(p.is_local && be16_to(p.source_port) == 7, "%s: out was touched",
		          invalid[i].name);
		cr_expect_eq(parse_guarded(&p, invalid[i].bytes, invalid[i].len - 1), 0,
		             "%s, one byte less", invalid[i].name);
	}
}

Test(proxy_protocol, the_limit_itself_is_taken)
{
	static char bytes[PROXY_PROTOCOL_LIMIT] = TCP4;
	struct proxy_protocol p;

	bytes[14] = (char)((PROXY_PROTOCOL_LIMIT - 16) >> 8);
	bytes[15] = (char)((PROXY_PROTOCOL_LIMIT - 16) & 255);
	cr_expect_eq(parse_guarded(&p, bytes, sizeof(bytes)), sizeof(bytes));
}

Test(proxy_protocol, a_unix_peer_is_unknown)
{
	static char bytes[16 + 216] = SIGNATURE "\x21\x31\x00\xd8/run/peer.sock";
	struct proxy_protocol p;

	cr_expect_eq(parse_guarded(&p, bytes, sizeof(bytes)), sizeof(bytes));
	cr_expect_eq(p.source.family, ADDR_NONE);
	cr_expect_not(p.is_local);
}

Test(proxy_protocol, writes_what_it_reads)
{
	for (size_t i = 0; i < 2; i++) {
		uint8_t *out = guard_alloc(PROXY_PROTOCOL_WRITE_MAX);
		struct proxy_protocol p;
		size_t len;

		cr_assert_gt(proxy_protocol_parse(&p, slice_of(valid[i].bytes, valid[i].len)), 0);
		len = proxy_protocol_write(out, &p);
		cr_expect(slice_eq(slice_of(out, len), slice_of(valid[i].bytes, valid[i].len)),
		          "%s", valid[i].name);
		guard_free(out, PROXY_PROTOCOL_WRITE_MAX);
	}
}

Test(proxy_protocol, unknown_or_mixed_addresses_are_written_as_local)
{
	struct addr ip4 = addr_ip4(be32_from(0xc0000207)), ip6 = addr_ip6((const uint8_t *)IP6_A);
	const struct proxy_protocol cases[] = {
		{.is_local = true, .source = ip4, .destination = ip4},
		{.source = ip4, .destination = ip6},
		{.source = ip6, .destination = ip4},
		{.source = ip4},
		{.is_local = false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t out[PROXY_PROTOCOL_WRITE_MAX];
		size_t len = proxy_protocol_write(out, &cases[i]);

		cr_expect(
			slice_eq(slice_of(out, len), slice_of(BYTES(SIGNATURE "\x20\x00\x00\x00"))),
			"case %zu", i);
	}
}
