// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/icmp.h"

#include <criterion/criterion.h>

#include <string.h>

#include "tests/support/lanebuild.h"
#include "tests/support/pktcheck.h"

static struct lanebuild l;

static void open_edge(void)
{
	lanebuild_open(&l, snapbuild_edge);
}

static void close_edge(void)
{
	cr_expect(lanebuild_adds_up(&l));
	lanebuild_close(&l);
}

TestSuite(icmp, .init = open_edge, .fini = close_edge);

static void build_ping(struct pktbuild *b, bool is_6, uint32_t rest, size_t n)
{
	pktbuild_start(b);
	pktbuild_eth(b);
	if (is_6)
		pktbuild_ip6(b, .hop_limit = 1);
	else
		pktbuild_ip4(b, .ttl = 1, .options = "\1\1\1\1", .options_len = 4);
	pktbuild_icmp(b, .type = is_6 ? 128 : 8, .rest = rest);
	pktbuild_fill(b, n);
	pktbuild_end(b);
}

Test(icmp, a_ping_is_answered_to_whoever_sent_it)
{
	for (int is_6 = 0; is_6 <= 1; is_6++) {
		size_t addr = is_6 ? 14 + 8 : 14 + 12, size = is_6 ? 16 : 4;
		size_t at = is_6 ? 54 : 38;
		struct pktbuild b;
		struct pkt *p;

		build_ping(&b, is_6, 0x12345678, 56);
		p = lanebuild_send_frame(&l, b.byte, b.len);
		cr_assert_eq(p->verdict, VERDICT_ANSWER);
		cr_expect_eq(p->reason, REASON_ICMP_ECHO);
		cr_expect_eq(p->out_port, p->port);
		cr_expect_eq(p->len, b.len);
		cr_expect_null(pktcheck(p->data, p->len), "%s", pktcheck(p->data, p->len));
		cr_expect_arr_eq(p->data + addr, b.byte + addr + size, size);
		cr_expect_arr_eq(p->data + addr + size, b.byte + addr, size);
		cr_expect_eq(p->data[at], is_6 ? 129 : 0);
		cr_expect_arr_eq(p->data + at + 4, b.byte + at + 4, 4 + 56);
		cr_expect_arr_eq(p->data, "\2\0\0\0\0\2", 6);
		cr_expect_arr_eq(p->data + 6, "\2\0\0\0\0\1", 6);
		cr_expect_eq(p->data[is_6 ? 21 : 22], 64);
	}
}

// The checksums' corners, all-zero messages among them (RFC 1624 section 3: -0 and +0 differ).
Test(icmp, every_identifier_and_length_keeps_a_right_checksum)
{
	static const uint32_t rests[] = {0, 1, 0xf7ff, 0xf7ff0000, 0xffffffff, 0x0800f7ff};

	for (int is_6 = 0; is_6 <= 1; is_6++)
		for (size_t i = 0; i < ARRAY_LEN(rests); i++)
			for (size_t n = 0; n < 20; n++) {
				struct pktbuild b;
				struct pkt *p;

				build_ping(&b, is_6, rests[i], n);
				p = lanebuild_send_frame(&l, b.byte, b.len);
				cr_expect_eq(p->verdict, VERDICT_ANSWER);
				cr_expect_null(pktcheck(p->data, p->len), "%d, %x, %zu bytes", is_6,
				               rests[i], n);
			}
}

Test(icmp, a_ping_with_a_code_is_none)
{
	struct pktbuild b;

	pktbuild_start(&b);
	pktbuild_eth(&b);
	pktbuild_ip4(&b);
	pktbuild_icmp(&b, .type = 8, .code = 1);
	pktbuild_end(&b);
	cr_expect_eq(lanebuild_send_frame(&l, b.byte, b.len)->reason, REASON_NO_SERVICE);
}
