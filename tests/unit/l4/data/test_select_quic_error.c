// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors about QUIC, packets that are hardly QUIC, and whether the counters add up over all.
#include "l4/data/select_quic.h"

#include <criterion/criterion.h>

#include <string.h>

#include "tests/support/pktcheck.h"
#include "tests/support/quicbuild.h"

static struct lanebuild l;

static void open_edge(void)
{
	lanebuild_open(&l, quicbuild_edge);
}

static void close_edge(void)
{
	cr_expect(lanebuild_adds_up(&l));
	lanebuild_close(&l);
}

TestSuite(select_quic_error, .init = open_edge, .fini = close_edge);

static const char *const hosts[] = {NULL, "2001:db8::10"};

static const char *name_of(const char *pool, const char *dst, int n)
{
	static char name[16];

	snprintf(name, sizeof(name), "%s%s-%d", pool, dst ? "6" : "", n);
	return name;
}

static uint16_t backend(const char *name)
{
	return snapbuild_backend(&l.s, name);
}

static struct service_counters counters(const char *name)
{
	struct service_counters c;

	stats_sum_service(&l.stats, snapbuild_service(&l.s, name), &c);
	return c;
}

Test(select_quic_error, dsr_follows_the_source_cid_of_a_long_header)
{
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		for (int n = 1; n <= 3; n++) {
			const char *name = name_of("h3", hosts[i], n);
			struct quicbuild what = {.first = QUICBUILD_HANDSHAKE,
			                         .dst = hosts[i],
			                         .dcid = quicbuild_cid(&l.s, 1, "h3-1", 1),
			                         .scid = quicbuild_cid(&l.s, 2, name, 9)};
			struct pkt *p = quicbuild_error(&l, &what);

			cr_expect_eq(p->verdict, VERDICT_FORWARD);
			cr_expect_eq(p->backend, backend(name));
		}
	cr_expect_eq(l.lane->flows4.n_flows + l.lane->flows6.n_flows, 0);
}

// The short header inside has the client's CID, which is no business of ours, even if it would decode.
Test(select_quic_error, short_headers_inside_are_found_by_address)
{
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct quicbuild first = {.first = QUICBUILD_INITIAL, .dst = hosts[i]};
		uint16_t id = quicbuild_send(&l, &first)->backend;

		for (int n = 1; n <= 3; n++) {
			const char *name = name_of("h3", hosts[i], n);
			struct quicbuild what = {.dst = hosts[i],
			                         .dcid = quicbuild_cid(&l.s, 1, name, 1)};

			cr_expect_eq(quicbuild_error(&l, &what)->backend, id);
		}
	}
}

Test(select_quic_error, dsr_without_a_flow_goes_by_hash)
{
	struct quicbuild what = {.dcid = quicbuild_any(0xff, 1, 8), .sport = 4123};
	uint16_t id = quicbuild_error(&l, &what)->backend;

	cr_expect_eq(quicbuild_send(&l, &what)->backend, id);
	cr_expect_eq(counters("h3").quic_hash, 2);
}

Test(select_quic_error, nat_rewrites_for_the_flow)
{
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct quicbuild what = {.first = QUICBUILD_INITIAL, .dst = hosts[i], .dport = 444};
		struct pkt *p = quicbuild_send(&l, &what);
		uint16_t id = p->backend, port = be16_to(p->nat.snat_port);
		const char *reply = l.s.roster.backends[id].name;

		what.first = QUICBUILD_HANDSHAKE;
		what.scid = quicbuild_cid(&l.s, 1, reply, 1);
		p = quicbuild_error(&l, &what);
		cr_expect_eq(p->backend, id);
		cr_expect_eq(be16_to(p->nat.snat_port), port);
		cr_expect_null(pktcheck(p->data, p->len), "%s", pktcheck(p->data, p->len));
		what.first = QUICBUILD_SHORT;
		p = quicbuild_error(&l, &what);
		cr_expect_eq(p->backend, id);
		cr_expect_eq(be16_to(p->nat.snat_port), port);
	}
}

// Two connections of one client port: the error belongs to the one whose CID it shows.
Test(select_quic_error, nat_tells_contradicting_flows_apart)
{
	struct quicbuild what = {.first = QUICBUILD_INITIAL, .dport = 444};
	uint16_t id = quicbuild_send(&l, &what)->backend, port;
	struct quicbuild other = {.dport = 444};
	int n = id == backend("n3-1") ? 2 : 1, third;
	struct pkt *p;

	other.dcid = quicbuild_cid(&l.s, 1, name_of("n3", NULL, n), 5);
	port = be16_to(quicbuild_send(&l, &other)->nat.snat_port);
	what.first = QUICBUILD_HANDSHAKE;
	what.scid = other.dcid;
	p = quicbuild_error(&l, &what);
	cr_expect_eq(p->backend, backend(name_of("n3", NULL, n)));
	cr_expect_eq(be16_to(p->nat.snat_port), port);
	// A server that this client has no flow to.
	third = id == backend("n3-3") ? 2 : 3;
	what.scid = quicbuild_cid(&l.s, 1, name_of("n3", NULL, third), 5);
	p = quicbuild_error(&l, &what);
	cr_expect_eq(p->verdict, VERDICT_DROP);
	cr_expect_eq(p->reason, REASON_ICMP_NO_FLOW);
	lanebuild_sleep(&l, 10);
	quicbuild_send(&l, &other);
	lanebuild_sleep(&l, 10); // now the first flow is gone
	what.scid = other.dcid;
	p = quicbuild_error(&l, &what);
	cr_expect_eq(p->backend, backend(name_of("n3", NULL, n)));
	cr_expect_eq(p->verdict, VERDICT_FORWARD);
}

Test(select_quic_error, nat_without_a_flow_is_dropped)
{
	struct quicbuild what = {.first = QUICBUILD_HANDSHAKE,
	                         .scid = quicbuild_cid(&l.s, 1, "n3-1", 1),
	                         .dport = 444};
	struct pkt *p = quicbuild_error(&l, &what);

	cr_expect_eq(p->reason, REASON_ICMP_NO_FLOW);
	cr_expect_eq(counters("n3").quic_cid, 0);
}

// RFC 4884: what is behind the quoted packet is no part of it.
Test(select_quic_error, extensions_behind_the_quoted_packet_are_not_read)
{
	struct quicbuild what = {.first = QUICBUILD_HANDSHAKE,
	                         .scid = quicbuild_cid(&l.s, 0, "h3-1", 1),
	                         .is_bare = true};
	uint8_t payload[1024];
	size_t len = quicbuild_payload(payload, &what);

	for (unsigned missing = 0; missing < 4; missing++) {
		struct pktbuild b;

		pktbuild_start(&b);
		pktbuild_eth(&b);
		pktbuild_ip4(&b, .src = "192.0.2.1");
		pktbuild_icmp(&b, .type = 3, .code = 4);
		pktbuild_ip4(&b, .src = "203.0.113.10", .dst = "198.51.100.7");
		pktbuild_udp(&b, .sport = 443, .dport = 4000, .len = (uint16_t)(8 + len - missing));
		pktbuild_bytes(&b, payload, len);
		lanebuild_send_frame(&l, b.byte, pktbuild_end(&b));
		cr_expect_eq(counters("h3").quic_cid, 1, "%u octets missing", missing);
		cr_expect_eq(counters("h3").packets, missing + 1);
	}
}

// ---- hardly QUIC ----

Test(select_quic_error, an_empty_payload_goes_by_address)
{
	for (uint16_t port = 443; port <= 446; port++)
		for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
			struct pktbuild b;
			struct pkt *p;

			pktbuild_start(&b);
			pktbuild_eth(&b);
			if (hosts[i])
				pktbuild_ip6(&b, .dst = hosts[i]);
			else
				pktbuild_ip4(&b);
			pktbuild_udp(&b, .sport = 4000, .dport = port);
			p = lanebuild_send_frame(&l, b.byte, pktbuild_end(&b));
			cr_expect_eq(p->verdict, VERDICT_FORWARD);
		}
	cr_expect_eq(l.lane->count->quic_other, 8);
	cr_expect_eq(counters("h3").quic_hash, 1);
}

// Stateless resets and what else is short and random: routed by some means, never lost.
Test(select_quic_error, anything_short_is_forwarded)
{
	for (unsigned first = 0; first < 256; first++)
		for (uint8_t len = 1; len < 24; len++) {
			struct quicbuild what = {.dcid = quicbuild_any((uint8_t)first, len, len),
			                         .is_bare = true,
			                         .dport = (uint16_t)(443 + len % 4)};

			cr_expect_eq(quicbuild_send(&l, &what)->verdict, VERDICT_FORWARD);
		}
}

// Truncated and, so that it is valid again, with lengths and checksums set right.
static void cut(const uint8_t *payload, size_t len, uint16_t dport, const char *dst)
{
	for (size_t n = 0; n <= len; n++) {
		struct pktbuild b;
		struct pkt *p;

		pktbuild_start(&b);
		pktbuild_eth(&b);
		if (dst)
			pktbuild_ip6(&b, .dst = dst);
		else
			pktbuild_ip4(&b);
		pktbuild_udp(&b, .sport = 4000, .dport = dport);
		pktbuild_bytes(&b, payload, n);
		p = lanebuild_send_frame(&l, b.byte, pktbuild_end(&b));
		cr_assert_eq(p->verdict, VERDICT_FORWARD);
		cr_assert_null(pktcheck(p->data, p->len));
	}
}

static void cut_error(const struct quicbuild *what)
{
	struct pktbuild b, shorter;
	size_t head = what->dst ? 14 + 40 : 14 + 20;

	quicbuild_error_frame(&b, what);
	for (size_t n = 8; n <= b.len - head; n++) {
		pktbuild_start(&shorter);
		pktbuild_eth(&shorter);
		if (what->dst)
			pktbuild_ip6(&shorter, .dst = what->dst, .src = "2001:db8:99::1");
		else
			pktbuild_ip4(&shorter, .src = "192.0.2.1");
		pktbuild_icmp(&shorter, .type = what->dst ? 2 : 3, .code = what->dst ? 0 : 4);
		pktbuild_bytes(&shorter, b.byte + head + 8, n - 8);
		lanebuild_send_frame(&l, shorter.byte, pktbuild_end(&shorter));
	}
}

Test(select_quic_error, every_truncation_is_read_within_its_bounds)
{
	static const uint8_t firsts[] = {QUICBUILD_SHORT, QUICBUILD_INITIAL, QUICBUILD_NEGOTIATION};

	for (size_t i = 0; i < ARRAY_LEN(firsts) * 4 * 4; i++) {
		uint8_t payload[1024];
		struct quicbuild what = {.first = firsts[i / 16],
		                         .dcid = quicbuild_cid(&l.s, i % 4, "h3-2", (uint8_t)i),
		                         .scid = quicbuild_cid(&l.s, i % 4, "h3-2", (uint8_t)i),
		                         .dport = (uint16_t)(443 + i / 4 % 4)};
		size_t len = quicbuild_payload(payload, &what);

		for (size_t host = 0; host < ARRAY_LEN(hosts); host++) {
			what.dst = hosts[host];
			cut(payload, len, what.dport, hosts[host]);
			cut_error(&what);
		}
	}
}

Test(select_quic_error, a_configuration_of_another_draft_decodes_otherwise)
{
	struct quicbuild what = {.dcid = quicbuild_cid(&l.s, 3, "h3-1", 7)};

	what.dcid.octet[0] = 1 << 5; // draft 19's
	quicbuild_send(&l, &what);
	cr_expect_eq(counters("h3").quic_cid, 0);
	cr_expect_eq(counters("h3").quic_no_server, 1);
}

Test(select_quic_error, other_protocols_are_left_alone)
{
	struct quicbuild what = {.dcid = quicbuild_cid(&l.s, 0, "h3-1", 7), .dport = 47};

	cr_expect_eq(quicbuild_send(&l, &what)->verdict, VERDICT_FORWARD);
	cr_expect_eq(counters("echo").quic_hash, 0);
	cr_expect_eq(l.lane->count->quic_1rtt, 0);
}

// ---- counters ----

static void expect_one_each(const char *name)
{
	struct service_counters c = counters(name);

	cr_expect_eq(c.quic_cid + c.quic_learned + c.quic_table + c.quic_hash, c.forwarded,
	             "%s: %llu + %llu + %llu + %llu of %llu", name, (unsigned long long)c.quic_cid,
	             (unsigned long long)c.quic_learned, (unsigned long long)c.quic_table,
	             (unsigned long long)c.quic_hash, (unsigned long long)c.forwarded);
}

Test(select_quic_error, each_packet_is_counted_by_what_routed_it)
{
	static const char *const services[] = {"h3",  "n3",  "raw",  "old",
	                                       "h36", "n36", "raw6", "old6"};

	for (unsigned i = 0; i < 4000; i++) {
		struct quicbuild what = {
			.first = (uint8_t[]){QUICBUILD_SHORT, QUICBUILD_INITIAL,
		                             QUICBUILD_HANDSHAKE}[i % 3],
			.dst = hosts[i / 3 % 2],
			.dport = (uint16_t)(443 + i / 6 % 4),
			.sport = (uint16_t)(4000 + i * 7 % 50),
			.dcid = quicbuild_cid(&l.s, i % 4, "h3-1", (uint8_t)i),
		};
		struct pkt *p;

		if (i % 5 == 0)
			what.dcid.octet[1] ^= 0xff;
		what.scid = what.dcid;
		if (i % 7 == 0) {
			quicbuild_error(&l, &what);
			continue;
		}
		p = quicbuild_send(&l, &what);
		if (p->verdict == VERDICT_FORWARD && be16_raw(p->nat.snat_port))
			quicbuild_answer(&l, p, &what);
		lanebuild_sleep(&l, i % 1500 == 0 ? 61 : 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		expect_one_each(services[i]);
	cr_expect_gt(counters("raw").quic_learned, 0);
	cr_expect_gt(counters("n3").quic_cid, 0);
}
