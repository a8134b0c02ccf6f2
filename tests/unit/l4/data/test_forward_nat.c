// SPDX-License-Identifier: BSD-3-Clause
// What a nat service's client, its backend, and an oracle that shares no code with us see.
#include "l4/data/forward_nat.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdio.h>

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

TestSuite(forward_nat, .init = open_edge, .fini = close_edge);

// The four kinds of nat service; addresses as a client and as a backend write them.
static const struct kind {
	const char *name, *client, *vip, *ours;
	uint16_t vip_port, backend_port;
	bool is_udp;
} kinds[] = {
	{"tcp4", "198.51.100.7", "203.0.113.10", "10.0.0.", 8080, 8000, false},
	{"udp4", "198.51.100.7", "203.0.113.10", "10.0.0.", 1234, 1123, true},
	{"tcp6", "2001:db8::7", "2001:db8::10", "2001:db8:1::2", 8080, 8000, false},
	{"udp6", "2001:db8::7", "2001:db8::10", "2001:db8:1::2", 1234, 8000, true},
};

static bool is_ip6(const struct kind *k)
{
	return strchr(k->client, ':') != NULL;
}

// Who talks to whom in a frame without tags, options and extension headers.
struct ends {
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	uint16_t sport, dport;
	uint8_t ttl;
};

static struct ends ends_at(const uint8_t *ip)
{
	bool is_6 = ip[0] >> 4 == 6;
	const uint8_t *l4 = ip + (is_6 ? 40 : 20);
	struct ends e = {.ttl = ip[is_6 ? 7 : 8]};

	inet_ntop(is_6 ? AF_INET6 : AF_INET, ip + (is_6 ? 8 : 12), e.src, sizeof(e.src));
	inet_ntop(is_6 ? AF_INET6 : AF_INET, ip + (is_6 ? 24 : 16), e.dst, sizeof(e.dst));
	e.sport = (uint16_t)(l4[0] << 8 | l4[1]);
	e.dport = (uint16_t)(l4[2] << 8 | l4[3]);
	return e;
}

static void add_ip(struct pktbuild *b, const struct kind *k, const char *src, const char *dst)
{
	if (is_ip6(k))
		pktbuild_ip6(b, .src = src, .dst = dst);
	else
		pktbuild_ip4(b, .src = src, .dst = dst);
}

static void add_l4(struct pktbuild *b, const struct kind *k, uint16_t sport, uint16_t dport)
{
	if (k->is_udp)
		pktbuild_udp(b, .sport = sport, .dport = dport);
	else
		pktbuild_tcp(b, .sport = sport, .dport = dport, .flags = PKTBUILD_ACK);
}

// One packet of a flow, `n` bytes of payload.
static struct pkt *send_packet(const struct kind *k, const struct ends *e, size_t n)
{
	struct pktbuild b;

	pktbuild_start(&b);
	pktbuild_eth(&b);
	add_ip(&b, k, e->src, e->dst);
	add_l4(&b, k, e->sport, e->dport);
	pktbuild_fill(&b, n);
	pktbuild_end(&b);
	return lanebuild_send_frame(&l, b.byte, b.len);
}

static struct ends from_client(const struct kind *k)
{
	struct ends e = {.sport = 40000, .dport = k->vip_port};

	snprintf(e.src, sizeof(e.src), "%s", k->client);
	snprintf(e.dst, sizeof(e.dst), "%s", k->vip);
	return e;
}

static struct ends turned(const struct ends *e)
{
	struct ends t = {.sport = e->dport, .dport = e->sport};

	memcpy(t.src, e->dst, sizeof(t.src));
	memcpy(t.dst, e->src, sizeof(t.dst));
	return t;
}

// The client's first packet as the backend sees it.
static struct ends open_flow(const struct kind *k)
{
	struct ends client = from_client(k);
	struct pkt *p = send_packet(k, &client, 10);

	cr_assert_eq(p->verdict, VERDICT_FORWARD, "%s", k->name);
	return ends_at(p->data + 14);
}

Test(forward_nat, a_request_goes_to_the_backend_from_our_address)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct kind *k = &kinds[i];
		struct ends client = from_client(k), seen;
		struct pkt *p = send_packet(k, &client, 10);
		const struct snap_backend *b = &l.s.snap->backends[p->backend];
		char text[ADDR_TEXT_SIZE];

		cr_assert_eq(p->verdict, VERDICT_FORWARD, "%s", k->name);
		seen = ends_at(p->data + 14);
		cr_expect_null(pktcheck(p->data, p->len), "%s: %s", k->name,
		               pktcheck(p->data, p->len));
		cr_expect_str_eq(seen.dst, addr_text(&b->address, text), "%s", k->name);
		cr_expect_eq(seen.dport, k->backend_port, "%s", k->name);
		cr_expect_eq(strncmp(seen.src, k->ours, strlen(k->ours)), 0, "%s: %s", k->name,
		             seen.src);
		cr_expect(seen.sport >= 20000 && seen.sport <= 29999, "%s", k->name);
		cr_expect_eq(seen.ttl, 63, "%s", k->name);
		cr_expect_arr_eq(p->data, b->dst.byte, 6);
		cr_expect_arr_eq(p->data + 6, b->src.byte, 6);
		cr_expect_eq(p->out_port, b->port);
	}
}

Test(forward_nat, an_answer_goes_to_the_client_from_the_service)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct kind *k = &kinds[i];
		struct ends client = from_client(k), backend = open_flow(k), seen;
		struct pkt *p;

		backend = turned(&backend);
		p = send_packet(k, &backend, 33);
		cr_assert_eq(p->verdict, VERDICT_FORWARD, "%s, reason %u", k->name, p->reason);
		cr_expect_null(pktcheck(p->data, p->len), "%s: %s", k->name,
		               pktcheck(p->data, p->len));
		seen = ends_at(p->data + 14);
		cr_expect_str_eq(seen.src, client.dst, "%s", k->name);
		cr_expect_str_eq(seen.dst, client.src, "%s", k->name);
		cr_expect_eq(seen.sport, client.dport, "%s", k->name);
		cr_expect_eq(seen.dport, client.sport, "%s", k->name);
		cr_expect_eq(seen.ttl, 63, "%s", k->name);
		cr_expect_arr_eq(p->data, "\x02\0\0\0\0\x02", 6); // whence the request came
		cr_expect_arr_eq(p->data + 6, "\x02\0\0\0\0\x01", 6);
		cr_expect_eq(p->out_port, 0);
	}
}

Test(forward_nat, payloads_of_every_length_keep_a_right_checksum)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		for (size_t n = 0; n < 70; n++) {
			struct ends client = from_client(&kinds[i]);
			struct pkt *p = send_packet(&kinds[i], &client, n);

			cr_assert_null(pktcheck(p->data, p->len), "%s, %zu bytes", kinds[i].name,
			               n);
		}
}

Test(forward_nat, every_client_keeps_a_right_checksum)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		for (uint16_t port = 1; port < 1500; port++) {
			struct ends client = from_client(&kinds[i]);
			struct pkt *p;

			client.sport = port;
			p = send_packet(&kinds[i], &client, 1);
			cr_assert_eq(p->verdict, VERDICT_FORWARD);
			cr_assert_null(pktcheck(p->data, p->len), "%s, port %u", kinds[i].name,
			               port);
		}
}

// RFC 768: zero says that there is no checksum, and stays so.
Test(forward_nat, a_udp_checksum_of_zero_stays_zero)
{
	struct pktbuild b;
	struct pkt *p;

	pktbuild_start(&b);
	pktbuild_eth(&b);
	pktbuild_ip4(&b);
	pktbuild_udp(&b, .sport = 40000, .dport = 1234, .no_csum = true);
	pktbuild_text(&b, "hello");
	pktbuild_end(&b);
	p = lanebuild_send_frame(&l, b.byte, b.len);
	cr_assert_eq(p->verdict, VERDICT_FORWARD);
	cr_expect_eq(p->data[40] | p->data[41], 0);
	cr_expect_null(pktcheck(p->data, p->len));
}

Test(forward_nat, a_broken_checksum_stays_broken)
{
	struct pktbuild b;
	struct pkt *p;

	pktbuild_start(&b);
	pktbuild_eth(&b);
	pktbuild_ip4(&b);
	pktbuild_tcp(&b, .sport = 40000, .dport = 8080, .flags = PKTBUILD_SYN, .bad_csum = true);
	pktbuild_end(&b);
	p = lanebuild_send_frame(&l, b.byte, b.len);
	cr_assert_eq(p->verdict, VERDICT_FORWARD);
	cr_expect_str_eq(pktcheck(p->data, p->len), "TCP checksum");
}

Test(forward_nat, the_ttl_ends_loops_in_both_directions)
{
	static const struct {
		int ttl;
		enum reason reason;
	} cases[] = {{-1, REASON_IP_TTL}, {1, REASON_IP_TTL}, {2, REASON_NONE}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lanebuild_packet to4 = {.dport = 8080, .ttl = cases[i].ttl};
		struct lanebuild_packet to6 = to4;

		to6.dst = "2001:db8::10";
		cr_expect_eq(lanebuild_send(&l, &to4)->reason, cases[i].reason);
		cr_expect_eq(lanebuild_send(&l, &to6)->reason, cases[i].reason);
	}
}

Test(forward_nat, vlan_tags_and_options_stay)
{
	struct pktbuild b;
	struct pkt *p;

	pktbuild_start(&b);
	pktbuild_eth(&b);
	pktbuild_vlan(&b, .tci = 7);
	pktbuild_ip4(&b, .options = "\x07\x03\x04", .options_len = 3); // record route, full
	pktbuild_tcp(&b, .sport = 40000, .dport = 8080, .flags = PKTBUILD_SYN);
	pktbuild_end(&b);
	p = lanebuild_send_frame(&l, b.byte, b.len);
	cr_assert_eq(p->verdict, VERDICT_FORWARD);
	cr_expect_eq(p->len, b.len);
	cr_expect_arr_eq(p->data + 12, b.byte + 12, 6);
	cr_expect_arr_eq(p->data + 38, b.byte + 38, 4);
	cr_expect_null(pktcheck(p->data, p->len));
}

// Routing in front of us may change at any time.
Test(forward_nat, answers_follow_the_client_to_another_router)
{
	struct lanebuild_packet what = {.dport = 8080}, later;
	struct ends seen = ends_at(lanebuild_send(&l, &what)->data + 14), answer = turned(&seen);
	struct pkt *p;

	later = (struct lanebuild_packet){
		.dport = 8080, .flags = PKTBUILD_ACK, .mac = "02:00:00:00:00:99"};
	cr_assert_eq(lanebuild_send(&l, &later)->verdict, VERDICT_FORWARD);
	p = send_packet(&kinds[0], &answer, 5);
	cr_assert_eq(p->verdict, VERDICT_FORWARD);
	cr_expect_arr_eq(p->data, "\x02\0\0\0\0\x99", 6);
}

Test(forward_nat, an_answer_that_belongs_to_nobody_is_dropped)
{
	struct ends backend = open_flow(&kinds[0]), answer = turned(&backend);

	answer.dport = answer.dport == 29999 ? 20000 : (uint16_t)(answer.dport + 1);
	cr_expect_eq(send_packet(&kinds[0], &answer, 1)->reason, REASON_NAT_NO_FLOW);
	answer = turned(&backend);
	answer.sport++;
	cr_expect_eq(send_packet(&kinds[0], &answer, 1)->reason, REASON_NAT_NOT_BACKEND);
	answer = turned(&backend);
	answer.dport = 19999;
	cr_expect_eq(send_packet(&kinds[0], &answer, 1)->reason, REASON_NOT_OURS);
	answer = turned(&backend);
	lanebuild_sleep(&l, 4000);
	cr_expect_eq(send_packet(&kinds[0], &answer, 1)->reason, REASON_NAT_NO_FLOW);
}

// A UDP packet cannot answer a TCP flow, though backend, address and port agree.
Test(forward_nat, an_answer_of_another_protocol_is_dropped)
{
	struct ends backend = open_flow(&kinds[2]), answer = turned(&backend);

	cr_expect_eq(send_packet(&kinds[3], &answer, 1)->reason, REASON_NAT_NO_FLOW);
}

// ---- ICMP errors about nat flows ----

// An ICMP error from `router` about a packet of the flow that went inner->src > inner->dst; the quote is
// cut behind `quoted` bytes of TCP or UDP.
static struct pkt *send_error(const struct kind *k, const char *router, const struct ends *inner,
                              size_t quoted)
{
	struct pktbuild quote, b;

	pktbuild_start(&quote);
	add_ip(&quote, k, inner->src, inner->dst);
	add_l4(&quote, k, inner->sport, inner->dport);
	pktbuild_fill(&quote, 40);
	pktbuild_end(&quote);
	pktbuild_start(&b);
	pktbuild_eth(&b);
	add_ip(&b, k, router, inner->src);
	pktbuild_icmp(&b, .type = is_ip6(k) ? 1 : 3, .code = 4, .rest = 1400);
	pktbuild_bytes(&b, quote.byte, quote.offset[1] + quoted);
	pktbuild_end(&b);
	return lanebuild_send_frame(&l, b.byte, b.len);
}

// Lengths of quotes: 8 is the least, TCP's checksum is behind it.
static const size_t quotes[] = {8, 17, 18, 20, 41};

static void expect_error(const struct pkt *p, const struct kind *k, const struct ends *want)
{
	size_t at = (size_t)14 + (is_ip6(k) ? 48 : 28);
	struct ends inner = ends_at(p->data + at);

	cr_expect_null(pktcheck(p->data, p->len), "%s: %s", k->name, pktcheck(p->data, p->len));
	cr_expect_str_eq(inner.src, want->src, "%s", k->name);
	cr_expect_str_eq(inner.dst, want->dst, "%s", k->name);
	cr_expect_eq(inner.sport, want->sport, "%s", k->name);
	cr_expect_eq(inner.dport, want->dport, "%s", k->name);
	if (!is_ip6(k))
		cr_expect_eq(pktcheck_sum(p->data + at, 20), 0, "%s: inner checksum", k->name);
}

Test(forward_nat, an_error_on_the_clients_side_reaches_the_backend)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		for (size_t q = 0; q < ARRAY_LEN(quotes); q++) {
			const struct kind *k = &kinds[i];
			struct ends client = from_client(k), backend = open_flow(k);
			struct ends sent = turned(&client), want = turned(&backend);
			struct pkt *p = send_error(k, is_ip6(k) ? "2001:db8::99" : "192.0.2.1",
			                           &sent, quotes[q]);

			cr_assert_eq(p->verdict, VERDICT_FORWARD, "%s, reason %u", k->name,
			             p->reason);
			expect_error(p, k, &want);
			cr_expect_str_eq(ends_at(p->data + 14).dst, backend.dst);
		}
}

Test(forward_nat, an_error_on_the_backends_side_reaches_the_client)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		for (size_t q = 0; q < ARRAY_LEN(quotes); q++) {
			const struct kind *k = &kinds[i];
			struct ends client = from_client(k), backend = open_flow(k);
			struct pkt *p = send_error(k, is_ip6(k) ? "2001:db8::99" : "192.0.2.1",
			                           &backend, quotes[q]);

			cr_assert_eq(p->verdict, VERDICT_FORWARD, "%s, reason %u", k->name,
			             p->reason);
			expect_error(p, k, &client);
			cr_expect_str_eq(ends_at(p->data + 14).dst, client.src);
			cr_expect_str_eq(ends_at(p->data + 14).src, client.dst);
		}
}

Test(forward_nat, a_whole_quote_has_a_right_checksum_inside)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct kind *k = &kinds[i];
		size_t at = (size_t)14 + (is_ip6(k) ? 48 : 28), size = k->is_udp ? 48 : 60;
		struct ends backend = open_flow(k);
		struct pkt *p =
			send_error(k, is_ip6(k) ? "2001:db8::99" : "192.0.2.1", &backend, size);

		cr_assert_eq(p->verdict, VERDICT_FORWARD);
		cr_expect_null(pktcheck_ip(p->data + at, p->len - at), "%s: %s", k->name,
		               pktcheck_ip(p->data + at, p->len - at));
	}
}

Test(forward_nat, an_error_about_no_flow_is_dropped)
{
	struct ends nobody = {
		.src = "203.0.113.10", .dst = "198.51.100.7", .sport = 8080, .dport = 9};

	cr_expect_eq(send_error(&kinds[0], "192.0.2.1", &nobody, 20)->reason, REASON_ICMP_NO_FLOW);
}

Test(forward_nat, an_error_does_not_keep_a_flow_alive)
{
	struct ends client = from_client(&kinds[1]), sent = turned(&client);

	open_flow(&kinds[1]);
	for (int i = 0; i < 3; i++) {
		lanebuild_sleep(&l, 30);
		send_error(&kinds[1], "192.0.2.1", &sent, 8);
	}
	cr_expect_eq(l.pkts[0].reason, REASON_ICMP_NO_FLOW);
}
