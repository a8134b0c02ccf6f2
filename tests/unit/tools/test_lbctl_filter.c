// SPDX-License-Identifier: BSD-3-Clause
// libpcap compiles; lb4d's interpreter must judge as libpcap's own does.
#include "tools/lbctl_filter.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pcap.h>
#include <stdlib.h>
#include <string.h>

#include "l4/data/capture_filter.h"
#include "tests/support/pktbuild.h"

static const char *const expressions[] = {
	"",
	"ip",
	"ip6",
	"arp",
	"tcp",
	"udp port 53",
	"port 80 or port 443",
	"host 198.51.100.7",
	"src net 198.51.100.0/24 and not dst port 22",
	"ip6 host 2001:db8::7",
	"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
	"tcp[13] & 2 != 0 and ip[8] < 65",
	"len > 60",
	"greater 61",
	"less 60",
	"ether host 02:00:00:00:00:01",
	"ether[12:2] = 0x0800",
	"vlan",
	"vlan 7 and tcp",
	"icmp or icmp6",
	"ip[2:2] / 3 * 5 % 11 > 4",
	"(ip[0] & 0xf) << 2 = 20",
	"ip[6:2] & 0x1fff = 0",
	"portrange 1-1023",
	"ip proto 50 or ip multicast",
	"tcp[((tcp[12] & 0xf0) >> 2)] = 0x68",
	"- ip[8] + 64 = 0",
	"ip[8] ^ 64 = 0",
};

static size_t n_packets;
static struct pktbuild packets[64];

static struct pktbuild *start(void)
{
	struct pktbuild *b = &packets[n_packets++];

	pktbuild_start(b);
	pktbuild_eth(b);
	return b;
}

static void build_packets(void)
{
	static const char *const ends[][2] = {{"198.51.100.7", "203.0.113.10"},
	                                      {"203.0.113.10", "198.51.100.8"}};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		for (int kind = 0; kind < 6; kind++) {
			struct pktbuild *b = start();

			if (kind == 4)
				pktbuild_vlan(b, .tci = 7);
			if (kind == 3)
				pktbuild_ip6(b, .src = "2001:db8::7", .dst = "2001:db8::10");
			else
				pktbuild_ip4(b, .src = ends[i][0], .dst = ends[i][1],
				             .frag = kind == 5 ? 0x2001 : 0, .options = "\1\1\1\1",
				             .options_len = kind == 1 ? 4 : 0);
			if (kind == 2)
				pktbuild_udp(b, .sport = 40000, .dport = 53);
			else
				pktbuild_tcp(b, .sport = i ? 443 : 40000, .dport = i ? 40000 : 80,
				             .flags = i ? PKTBUILD_ACK : PKTBUILD_SYN);
			pktbuild_text(b, "hello");
			pktbuild_end(b);
		}
}

static void judge(const struct capture_filter *ours, const struct bpf_program *theirs,
                  const char *expression)
{
	for (size_t i = 0; i < n_packets; i++)
		for (size_t len = 0; len <= packets[i].len; len++) {
			struct pcap_pkthdr h = {.caplen = (bpf_u_int32)len,
			                        .len = (bpf_u_int32)len};

			cr_assert_eq(capture_filter_matches(ours, packets[i].byte, (uint32_t)len),
			             pcap_offline_filter(theirs, &h, packets[i].byte) != 0,
			             "%s: packet %zu, %zu bytes", expression, i, len);
		}
}

static void take(struct capture_filter *ours, const struct bpf_program *theirs,
                 const char *expression)
{
	struct err err;

	cr_assert_leq(theirs->bf_len, CAPTURE_FILTER_MAX);
	ours->n = (uint16_t)theirs->bf_len;
	for (unsigned i = 0; i < theirs->bf_len; i++) {
		const struct bpf_insn *insn = &theirs->bf_insns[i];

		ours->insn[i] = (struct sock_filter){insn->code, insn->jt, insn->jf, insn->k};
	}
	cr_assert_eq(capture_filter_check(ours, &err), 0, "%s: %s", expression, err.msg);
}

// Not optimized, a program has instructions that no other has.
Test(lbctl_filter, every_prefix_of_a_packet_is_judged_as_libpcap_judges_it)
{
	static struct capture_filter ours, sent;
	pcap_t *form = pcap_open_dead(DLT_EN10MB, 65535);
	struct bpf_program theirs;

	build_packets();
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++)
		for (int is_optimized = 0; is_optimized < 2; is_optimized++) {
			cr_assert_eq(pcap_compile(form, &theirs, expressions[i], is_optimized,
			                          PCAP_NETMASK_UNKNOWN),
			             0, "%s", expressions[i]);
			take(&ours, &theirs, expressions[i]);
			judge(&ours, &theirs, expressions[i]);
			pcap_freecode(&theirs);
		}
	pcap_close(form);
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++) {
		struct err err;
		char *text;

		cr_assert_eq(lbctl_filter_compile(&text, expressions[i], &err), 0, "%s", err.msg);
		cr_expect_eq(capture_filter_read(&sent, text, &err), 0, "%s: %s", expressions[i],
		             err.msg);
		free(text);
	}
}

static const struct {
	const char *expression, *words;
} wrong[] = {
	{"tcp prot 80", "--filter: "}, {"host nobody.invalid", "--filter: "},
	{"tcp and", "--filter: "},     {"port 65536", "--filter: "},
	{"(((", "--filter: "},
};

Test(lbctl_filter, what_is_no_expression_is_refused_in_libpcaps_words)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct err err = {0};
		char *text = NULL;

		cr_expect_eq(lbctl_filter_compile(&text, wrong[i].expression, &err), -EINVAL, "%s",
		             wrong[i].expression);
		cr_expect_null(text);
		cr_expect(strncmp(err.msg, wrong[i].words, strlen(wrong[i].words)) == 0 &&
		                  strlen(err.msg) > strlen(wrong[i].words),
		          "%s", err.msg);
	}
}
