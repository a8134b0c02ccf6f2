// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <stdlib.h>

#include "l4/base/hash.h"
#include "l4/data/csum.h"
#include "tests/support/pktbuild.h"
#include "tests/support/pktcheck.h"

enum { ROUNDS = 20000 };

static uint8_t noise[2048];

static void make_noise(uint64_t seed)
{
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)hash_mix(i, seed, 47);
}

static uint64_t random_number(void)
{
	static uint64_t n;

	return hash_mix(++n, 0, 4711);
}

static be16 csum_of(const void *bytes, size_t len)
{
	return csum_finish(csum_add(0, bytes, len));
}

// RFC 1071 section 3: the sum of these four words is ddf2.
static const uint8_t rfc1071[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

Test(csum, known_answer_of_rfc_1071)
{
	cr_expect_eq(be16_to(be16_of_raw(csum_fold(csum_add(0, rfc1071, 8)))), 0xddf2);
	cr_expect_eq(be16_to(csum_of(rfc1071, 8)), 0x220d);
}

// RFC 1624 section 4: HC = dd2f, m = 5555 becomes 3285; RFC 1141 would give ffff.
Test(csum, known_answer_of_rfc_1624)
{
	be16 csum = csum_replace2(be16_from(0xdd2f), be16_from(0x5555), be16_from(0x3285));

	cr_expect_eq(be16_to(csum), 0x0000);
}

static const struct {
	const char *name;
	uint64_t acc;
	uint16_t want;
} folds[] = {
	{"nothing", 0, 0},
	{"no carry", 0x1234, 0x1234},
	{"carry", 0x1ffff, 0x0001},
	{"two words", 0x12340001, 0x1235},
	{"carry twice", 0xffffffff, 0xffff},
	{"all ones", UINT64_MAX, 0xffff},
	{"highest word", UINT64_C(0xabcd000000000000), 0xabcd},
	{"carry at every step", UINT64_C(0xffff0000ffff0001), 0x0001},
};

Test(csum, fold_adds_every_carry)
{
	for (size_t i = 0; i < ARRAY_LEN(folds); i++)
		cr_expect_eq(csum_fold(folds[i].acc), folds[i].want, "%s", folds[i].name);
}

Test(csum, equals_the_slow_sum_for_every_length_and_alignment)
{
	make_noise(1);
	for (size_t at = 0; at < 9; at++)
		for (size_t len = 0; len < 1600; len++)
			cr_assert_eq(be16_to(csum_of(noise + at, len)),
			             pktcheck_sum(noise + at, len), "%zu+%zu", at, len);
}

Test(csum, carries_survive_bytes_that_are_all_ones)
{
	memset(noise, 0xff, sizeof(noise));
	for (size_t len = 0; len < sizeof(noise); len++)
		cr_assert_eq(be16_to(csum_of(noise, len)), pktcheck_sum(noise, len), "%zu", len);
}

Test(csum, pieces_of_even_length_add_up_to_the_whole)
{
	make_noise(2);
	for (size_t cut = 0; cut <= 101; cut += 2) {
		uint64_t acc = csum_add(csum_add(0, noise, cut), noise + cut, 101 - cut);

		cr_expect_eq(be16_to(csum_finish(acc)), pktcheck_sum(noise, 101), "%zu", cut);
	}
}

// The example header of Wikipedia, "Internet checksum".
static const uint8_t ip4_header[20] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                                       0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};

Test(csum, a_right_ip4_header_passes_and_every_flipped_bit_fails)
{
	uint8_t ip[20];

	cr_expect(csum_ip4_ok(ip4_header, 20));
	for (size_t bit = 0; bit < 160; bit++) {
		memcpy(ip, ip4_header, 20);
		ip[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_not(csum_ip4_ok(ip, 20), "bit %zu", bit);
	}
}

Test(csum, ip4_headers_with_options_of_every_length_and_alignment)
{
	static struct pktbuild b;

	make_noise(3);
	for (size_t at = 0; at < 8; at++)
		for (size_t n = 0; n <= 40; n += 4) {
			pktbuild_start(&b);
			pktbuild_fill(&b, at);
			pktbuild_ip4(&b, .options = noise, .options_len = n);
			pktbuild_fill(&b, 5);
			pktbuild_end(&b);
			cr_expect(csum_ip4_ok(b.byte + at, 20 + n), "%zu", n);
			b.byte[at + 20 + n - 1] ^= 0x80;
			cr_expect_not(csum_ip4_ok(b.byte + at, 20 + n), "%zu", n);
		}
}

// Writes a random packet; returns its L4 offset. The IP header is at byte 0.
static size_t random_packet(struct pktbuild *b, bool ip6, uint8_t proto)
{
	uint64_t r = random_number();

	pktbuild_start(b);
	if (ip6)
		pktbuild_ip6(b, .src = "2001:db8::1:2");
	else
		pktbuild_ip4(b, .id = (uint16_t)r);
	if (proto == 17)
		pktbuild_udp(b, .sport = (uint16_t)(r >> 16), .dport = (uint16_t)(r >> 32));
	else if (proto == 6)
		pktbuild_tcp(b, .seq = (uint32_t)r, .dport = (uint16_t)(r >> 48));
	else
		pktbuild_icmp(b, .type = 128, .rest = (uint32_t)r);
	pktbuild_fill(b, r % 100);
	pktbuild_end(b);
	return b->offset[1];
}

static uint64_t pseudo(const uint8_t *ip, uint8_t proto, size_t len)
{
	if (ip[0] >> 4 == 6)
		return csum_pseudo6(ip + 8, ip + 24, proto, (uint32_t)len);
	return csum_pseudo4(be32_of_raw(csum_load4(ip + 12)), be32_of_raw(csum_load4(ip + 16)),
	                    proto, (uint16_t)len);
}

Test(csum, pseudo_headers_agree_with_the_packet_builder)
{
	static const struct {
		bool ip6;
		uint8_t proto;
	} cases[] = {
		{false, 6}, {false, 17}, {true, 6}, {true, 17}, {true, 58},
	};
	static struct pktbuild b;

	for (size_t i = 0; i < 1000; i++) {
		uint8_t proto = cases[i % ARRAY_LEN(cases)].proto;
		size_t l4 = random_packet(&b, cases[i % ARRAY_LEN(cases)].ip6, proto);
		uint64_t acc = pseudo(b.byte, proto, b.len - l4);

		cr_assert_eq(csum_fold(csum_add(acc, b.byte + l4, b.len - l4)), 0xffff, "%zu", i);
	}
}

Test(csum, pseudo6_counts_all_32_bits_of_the_length) // jumbograms, RFC 8200 section 8.1
{
	static const uint8_t zero[16];

	cr_expect_eq(be16_to(be16_of_raw(csum_fold(csum_pseudo6(zero, zero, 6, 0x12340001)))),
	             0x1234 + 0x0001 + 6);
}

// What a receiver checks: sums to all ones with the new checksum in place.
static bool verifies(const uint8_t *bytes, size_t len, be16 csum)
{
	uint64_t acc = csum_add(0, bytes, len);

	return csum_fold(acc + be16_raw(csum)) == 0xffff;
}

// Changes `n` bytes of noise and updates the checksum both ways.
static void change(size_t n, be16 (*replace)(be16 csum, const uint8_t *old, const uint8_t *new))
{
	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t r = random_number();
		size_t at = r % 32 * 2;
		uint8_t old[16];
		be16 before, after;

		make_noise(i % 7);
		before = csum_of(noise, 100);
		memcpy(old, noise + at, n);
		for (size_t k = 0; k < n; k++) // often all zeros and all ones: where sums wrap
			noise[at + k] = r >> 8 & 1   ? (uint8_t)random_number()
			                : r >> 9 & 1 ? 0xff
			                             : 0;
		after = replace(before, old, noise + at);
		cr_assert_eq(be16_to(after), pktcheck_sum(noise, 100), "round %zu", i);
		cr_assert(verifies(noise, 100, after));
	}
}

static be16 by_2(be16 csum, const uint8_t *old, const uint8_t *new)
{
	be16 o, n;

	memcpy(&o, old, 2);
	memcpy(&n, new, 2);
	return csum_replace2(csum, o, n);
}

static be16 by_4(be16 csum, const uint8_t *old, const uint8_t *new)
{
	return csum_replace4(csum, be32_of_raw(csum_load4(old)), be32_of_raw(csum_load4(new)));
}

static be16 by_16(be16 csum, const uint8_t *old, const uint8_t *new)
{
	return csum_replace16(csum, old, new);
}

Test(csum, replacing_2_bytes_equals_a_new_sum)
{
	change(2, by_2);
}

Test(csum, replacing_4_bytes_equals_a_new_sum)
{
	change(4, by_4);
}

Test(csum, replacing_16_bytes_equals_a_new_sum)
{
	change(16, by_16);
}

Test(csum, every_16_bit_change_of_a_short_message_verifies)
{
	uint8_t bytes[4] = {0x12, 0x34, 0, 0};
	be16 before = csum_of(bytes, 4);

	for (uint32_t v = 0; v <= 0xffff; v++) {
		be16 after = csum_replace2(before, be16_from(0), be16_from((uint16_t)v));

		bytes[2] = (uint8_t)(v >> 8);
		bytes[3] = (uint8_t)v;
		cr_assert_eq(be16_to(after), pktcheck_sum(bytes, 4), "%x", v);
	}
}

// What full NAT does: both addresses and both ports, one difference for two checksums.
Test(csum, one_difference_serves_ip_and_l4)
{
	static struct pktbuild b;

	for (size_t i = 0; i < ROUNDS; i++) {
		size_t l4 = random_packet(&b, false, 6);
		uint8_t *ip = b.byte, *tcp = b.byte + l4;
		be32 src = be32_from((uint32_t)random_number()), old_src;
		be16 port = be16_from((uint16_t)random_number()), old_port, csum;
		uint64_t diff;

		memcpy(&old_src, ip + 12, 4);
		memcpy(&old_port, tcp, 2);
		diff = csum_diff4(0, old_src, src);
		memcpy(&csum, ip + 10, 2);
		csum = csum_apply(csum, diff);
		memcpy(ip + 10, &csum, 2);
		memcpy(&csum, tcp + 16, 2);
		csum = csum_apply(csum, csum_fold(csum_diff2(diff, old_port, port)));
		memcpy(tcp + 16, &csum, 2);
		memcpy(ip + 12, &src, 4);
		memcpy(tcp, &port, 2);
		cr_assert_null(pktcheck_ip(b.byte, b.len), "%s", pktcheck_ip(b.byte, b.len));
	}
}

Test(csum, udp_sends_a_computed_zero_as_ffff)
{
	cr_expect_eq(be16_to(csum_finish_udp(0xffff)), 0xffff);
	cr_expect_eq(be16_to(csum_finish(0xffff)), 0);
	cr_expect_eq(be16_to(csum_finish_udp(0x1234)), be16_to(csum_finish(0x1234)));
}

Test(csum, udp_without_checksum_stays_without)
{
	uint64_t diff = csum_diff4(0, be32_from(1), be32_from(0x12345678));

	cr_expect_eq(be16_to(csum_apply_udp(be16_from(0), diff)), 0);
}

Test(csum, a_udp_checksum_never_becomes_none)
{
	for (uint32_t v = 0; v <= 0xffff; v++) {
		be16 before =
			csum_replace2(be16_from(0xffff), be16_from(0), be16_from((uint16_t)v));
		be16 after = csum_apply_udp(be16_raw(before) ? before : be16_from(0xffff),
		                            csum_diff2(0, be16_from((uint16_t)v), be16_from(0)));

		cr_assert_neq(be16_to(after), 0, "%x", v);
	}
}
