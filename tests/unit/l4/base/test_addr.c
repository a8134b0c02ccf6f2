// SPDX-License-Identifier: BSD-3-Clause
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "l4/base/addr.h"
#include "l4/base/hash.h"

static struct addr parse(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(&a, text), 0, "%s", text);
	return a;
}

// RFC 5952 section 4 for the IPv6 forms.
static const struct {
	const char *in, *out;
} addresses[] = {
	{"10.0.0.1", "10.0.0.1"},
	{"0.0.0.0", "0.0.0.0"},
	{"255.255.255.255", "255.255.255.255"},
	{"::", "::"},
	{"::1", "::1"},
	{"2001:0db8::0001", "2001:db8::1"},
	{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
	{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	{"2001:DB8::AB", "2001:db8::ab"},
	{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
};

Test(addr, text_is_canonical)
{
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		struct addr a = parse(addresses[i].in);
		char text[ADDR_TEXT_SIZE];

		cr_expect_str_eq(addr_text(&a, text), addresses[i].out);
	}
}

Test(addr, canonical_text_reads_back_as_the_same_address)
{
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		struct addr a = parse(addresses[i].in), b = parse(addresses[i].out);

		cr_expect(addr_eq(&a, &b), "%s", addresses[i].in);
		cr_expect_eq(addr_cmp(&a, &b), 0, "%s", addresses[i].in);
	}
}

Test(addr, wrong_text_is_refused_and_leaves_the_address_alone)
{
	static const char *const wrong[] = {
		"",
		" ",
		"10.0.0",
		"10.0.0.256",
		"10.0.0.1 ",
		" 10.0.0.1",
		"10.0.0.1/24",
		"10.0.0.01",
		"10.0.0.1:80",
		"0x0a000001",
		"fe80::1%eth0",
		"[::1]",
		"1::2::3",
		"12345::",
		":::",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"localhost",
		"2001:db8::g",
	};
	struct addr a = parse("192.0.2.1"), before = a;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		cr_expect_eq(addr_parse(&a, wrong[i]), -EINVAL, "%s", wrong[i]);
		cr_expect_arr_eq(&a, &before, sizeof(a), "%s", wrong[i]);
	}
}

Test(addr, bytes_lie_in_network_order)
{
	static const uint8_t ip6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	struct addr a = parse("10.0.0.1"), b = parse("2001:db8::1");

	cr_expect_eq(be32_to(a.ip4), 0x0a000001);
	cr_expect_arr_eq(b.ip6, ip6, 16);
}

Test(addr, what_carries_no_meaning_is_zero)
{
	static const uint8_t zero[16];
	struct addr a;

	memset(&a, 0xff, sizeof(a));
	a = addr_ip4(be32_from(0x0a000001));
	cr_expect_arr_eq(a.pad, zero, sizeof(a.pad));
	cr_expect_arr_eq(a.ip6 + 4, zero, 12);
	memset(&a, 0xff, sizeof(a));
	a = addr_ip6(zero);
	cr_expect_arr_eq(a.pad, zero, sizeof(a.pad));
}

Test(addr, families_are_never_equal)
{
	struct addr a = parse("0.0.0.0"), b = parse("::");

	cr_expect_not(addr_eq(&a, &b));
	cr_expect_lt(addr_cmp(&a, &b), 0);
	cr_expect_gt(addr_cmp(&b, &a), 0);
}

Test(addr, order_is_total_and_goes_by_bytes)
{
	static const char *const sorted[] = {
		"0.0.0.1", "1.0.0.0", "9.255.255.255", "10.0.0.0", "255.0.0.0",
		"::",      "::1",     "2001::",        "ff00::",
	};

	for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
		for (size_t j = 0; j < ARRAY_LEN(sorted); j++) {
			struct addr a = parse(sorted[i]), b = parse(sorted[j]);
			int cmp = addr_cmp(&a, &b);

			cr_expect_eq((cmp > 0) - (cmp < 0), (i > j) - (i < j), "%s %s", sorted[i],
			             sorted[j]);
		}
}

enum { PLAIN = 0, UNSPECIFIED = 1, MULTICAST = 2, LOOPBACK = 4 };

Test(addr, special_addresses_are_recognised_and_their_neighbours_not)
{
	static const struct {
		const char *text;
		int is;
	} cases[] = {
		{"0.0.0.0", UNSPECIFIED},
		{"0.0.0.1", PLAIN},
		{"126.255.255.255", PLAIN},
		{"127.0.0.0", LOOPBACK},
		{"127.255.255.255", LOOPBACK},
		{"128.0.0.0", PLAIN},
		{"223.255.255.255", PLAIN},
		{"224.0.0.0", MULTICAST},
		{"239.255.255.255", MULTICAST},
		{"240.0.0.0", PLAIN},
		{"255.255.255.255", PLAIN},
		{"::", UNSPECIFIED},
		{"::1", LOOPBACK},
		{"::2", PLAIN},
		{"1::1", PLAIN},
		{"::1:1", PLAIN},
		{"::ffff:127.0.0.1", PLAIN},
		{"feff::", PLAIN},
		{"ff00::", MULTICAST},
		{"ff02::1", MULTICAST},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr a = parse(cases[i].text);

		cr_expect_eq(addr_is_unspecified(&a), !!(cases[i].is & UNSPECIFIED), "%s",
		             cases[i].text);
		cr_expect_eq(addr_is_multicast(&a), !!(cases[i].is & MULTICAST), "%s",
		             cases[i].text);
		cr_expect_eq(addr_is_loopback(&a), !!(cases[i].is & LOOPBACK), "%s", cases[i].text);
	}
}

Test(addr, endpoints_put_ip6_in_brackets)
{
	struct addr a = parse("10.0.0.1"), b = parse("2001:db8::1");
	char text[ADDR_PORT_TEXT_SIZE];

	cr_expect_str_eq(addr_port_text(&a, be16_from(80), text), "10.0.0.1:80");
	cr_expect_str_eq(addr_port_text(&b, be16_from(443), text), "[2001:db8::1]:443");
}

Test(addr, the_longest_texts_fit)
{
	struct addr a = parse("abcd:abcd:abcd:abcd:abcd:abcd:abcd:abcd");
	struct addr b = parse("::ffff:255.255.255.255");
	char text[ADDR_PORT_TEXT_SIZE];

	cr_expect_str_eq(addr_port_text(&a, be16_from(65535), text),
	                 "[abcd:abcd:abcd:abcd:abcd:abcd:abcd:abcd]:65535");
	cr_expect_str_eq(addr_port_text(&b, be16_from(65535), text),
	                 "[::ffff:255.255.255.255]:65535");
}

Test(addr, no_address_is_a_dash)
{
	struct addr none = {0};
	char text[ADDR_TEXT_SIZE];

	cr_expect_str_eq(addr_text(&none, text), "-");
}

Test(mac, text_reads_back)
{
	struct mac m;
	char text[MAC_TEXT_SIZE];

	cr_assert_eq(mac_parse(&m, "02:00:fF:7f:80:0B"), 0);
	cr_expect_eq(m.byte[0], 0x02);
	cr_expect_eq(m.byte[2], 0xff);
	cr_expect_eq(m.byte[5], 0x0b);
	cr_expect_str_eq(mac_text(&m, text), "02:00:ff:7f:80:0b");
}

Test(mac, every_prefix_and_other_wrong_texts_are_refused)
{
	static const char *const wrong[] = {
		"02:00:00:00:00:0b:",   "02:00:00:00:00:0b ", " 02:00:00:00:00:0b",
		"02:00:00:00:00:0b:0c", "02-00-00-00-00-0b",  "2:00:00:00:00:0b",
		"02:00:00:00:00:b",     "02:00:00:00:00:0g",  "+2:00:00:00:00:0b",
		"0x:00:00:00:00:0b",    "020000000000b",      "02:00:00:00:00: b",
	};
	static const char right[] = "02:00:00:00:00:0b";
	struct mac m = {{1, 2, 3, 4, 5, 6}}, before = m;
	char prefix[MAC_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		cr_expect_eq(mac_parse(&m, wrong[i]), -EINVAL, "%s", wrong[i]);
	for (size_t len = 0; len < sizeof(right) - 1; len++) {
		memset(prefix, 0, sizeof(prefix));
		memcpy(prefix, right, len);
		cr_expect_eq(mac_parse(&m, prefix), -EINVAL, "%s", prefix);
	}
	cr_expect_arr_eq(&m, &before, sizeof(m));
}

Test(mac, only_six_zeros_are_zero)
{
	struct mac m = {0};

	cr_expect(mac_is_zero(&m));
	m.byte[5] = 1;
	cr_expect_not(mac_is_zero(&m));
}

// Addresses of all shapes: runs of zeros of every length and place, and IPv4 behind them.
static struct addr any_ip6(uint64_t number)
{
	uint8_t ip6[16];

	for (size_t i = 0; i < 16; i += 2) {
		uint64_t any = hash_mix(number, i, 47);
		uint64_t group = any >> 48 >> (any >> 8) % 16;

		if (any % 4 < 2)
			group = 0;
		else if (any % 4 == 2 && i == 10)
			group = 0xffff;
		ip6[i] = (uint8_t)(group >> 8);
		ip6[i + 1] = (uint8_t)group;
	}
	return addr_ip6(ip6);
}

Test(addr, text_is_what_inet_ntop_writes)
{
	for (uint64_t i = 0; i < 200000; i++) {
		struct addr a = any_ip6(i);
		char text[ADDR_TEXT_SIZE], want[ADDR_TEXT_SIZE];

		inet_ntop(AF_INET6, a.ip6, want, sizeof(want));
		cr_assert_str_eq(addr_text(&a, text), want);
		cr_assert_eq(addr_write(&a, text), strlen(want));
		a = addr_ip4(be32_of_raw((uint32_t)hash_mix(i, 4, 47)));
		inet_ntop(AF_INET, a.ip6, want, sizeof(want));
		cr_assert_str_eq(addr_text(&a, text), want);
	}
}
