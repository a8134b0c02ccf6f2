// SPDX-License-Identifier: BSD-3-Clause
// QUIC-LB connection IDs beside the flow table, dsr and nat. Learned ones: test_select_quic_learn.c;
// ICMP errors and broken packets: test_select_quic_error.c.
#include "l4/data/select_quic.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

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

TestSuite(select_quic, .init = open_edge, .fini = close_edge);

static const struct service_counters *counters(const char *name)
{
	return &l.lane->services[snapbuild_service(&l.s, name)];
}

static uint16_t backend(const char *name)
{
	return snapbuild_backend(&l.s, name);
}

static uint32_t n_flows(void)
{
	return l.lane->flows4.n_flows + l.lane->flows6.n_flows;
}

// A client's first packet, with a CID of no configuration.
static struct pkt *send_initial(uint16_t sport, uint16_t dport)
{
	struct quicbuild what = {
		.first = QUICBUILD_INITIAL,
		.dcid = quicbuild_any(0xff, 0x11, 8),
		.scid = quicbuild_any(0x33, 0x44, 5),
		.sport = sport,
		.dport = dport,
	};

	return quicbuild_send(&l, &what);
}

static struct pkt *send_short(uint16_t sport, uint16_t dport, const struct quicbuild_cid *cid)
{
	struct quicbuild what = {.dcid = *cid, .sport = sport, .dport = dport};

	return quicbuild_send(&l, &what);
}

static struct quicbuild_cid cid_of(uint8_t config, const char *name)
{
	return quicbuild_cid(&l.s, config, name, 7);
}

// Some backend of the pool ("n3", "h3") that is not this one.
static const char *another(const char *pool, uint16_t id)
{
	static char name[16];

	snprintf(name, sizeof(name), "%s-1", pool);
	if (backend(name) == id)
		name[strlen(name) - 1] = '2';
	return name;
}

static uint16_t port_of(const struct pkt *p)
{
	return be16_to(p->nat.snat_port);
}

// ---- dsr ----

Test(select_quic, every_configuration_routes_from_any_address)
{
	for (uint8_t config = 0; config < 4; config++)
		for (int i = 0; i < 20; i++) {
			const char *name = i % 2 ? "h3-1" : "h3-3";
			struct quicbuild_cid cid = quicbuild_cid(&l.s, config, name, (uint8_t)i);
			struct pkt *p = send_short((uint16_t)(4000 + i), 443, &cid);

			cr_expect_eq(p->verdict, VERDICT_FORWARD);
			cr_expect_eq(p->backend, backend(name), "configuration %u", config);
		}
	cr_expect_eq(counters("h3")->quic_cid, 80);
	cr_expect_eq(l.lane->count->quic_1rtt, 80);
}

Test(select_quic, dsr_keeps_no_state_for_routable_cids)
{
	struct quicbuild_cid cid = cid_of(1, "h3-2");
	struct quicbuild six = {.dst = "2001:db8::10", .dcid = cid_of(1, "h36-2")};

	send_short(4000, 443, &cid);
	cr_expect_eq(quicbuild_send(&l, &six)->backend, backend("h36-2"));
	cr_expect_eq(n_flows(), 0);
	cr_expect_eq(l.lane->count->flow_inserts, 0);
	cr_expect_eq(counters("h3")->new_flows, 0);
}

Test(select_quic, a_cid_wins_over_a_flow_that_says_otherwise_and_leaves_it)
{
	uint16_t first = send_initial(4000, 443)->backend;
	const char *name = another("h3", first);
	struct quicbuild_cid cid = cid_of(1, name), unknown = quicbuild_any(0xff, 9, 20);

	cr_expect_eq(send_short(4000, 443, &cid)->backend, backend(name));
	cr_expect_eq(n_flows(), 1);
	cr_expect_eq(send_short(4000, 443, &unknown)->backend, first);
	cr_expect_eq(counters("h3")->quic_hash, 1);
	cr_expect_eq(counters("h3")->quic_cid, 1);
	cr_expect_eq(counters("h3")->quic_table, 1);
}

Test(select_quic, long_headers_are_routed_too_and_may_have_more_octets)
{
	struct quicbuild what = {.first = QUICBUILD_HANDSHAKE, .dcid = cid_of(3, "h3-2")};

	cr_expect_eq(quicbuild_send(&l, &what)->backend, backend("h3-2"));
	what.dcid.len += 3;
	what.version = 0xff00001d;
	cr_expect_eq(quicbuild_send(&l, &what)->backend, backend("h3-2"));
	what.first = QUICBUILD_NEGOTIATION;
	cr_expect_eq(quicbuild_send(&l, &what)->backend, backend("h3-2"));
	cr_expect_eq(counters("h3")->quic_cid, 3);
	cr_expect_eq(l.lane->count->quic_handshake, 1);
	cr_expect_eq(l.lane->count->quic_other, 2);
}

// What a stranger may choose: by accident it names a server, and then that server gets it.
Test(select_quic, accidental_routability_is_routability)
{
	struct quicbuild what = {.first = QUICBUILD_INITIAL,
	                         .dcid = quicbuild_cid(&l.s, 0, "h3-3", 0x55),
	                         .scid = quicbuild_any(1, 2, 8)};

	cr_expect_eq(quicbuild_send(&l, &what)->backend, backend("h3-3"));
	cr_expect_eq(counters("h3")->quic_cid, 1);
}

static void expect_unroutable(const struct quicbuild *what, const uint64_t *counter)
{
	uint64_t before = *counter, routed = counters("h3")->quic_cid;
	struct pkt *p = quicbuild_send(&l, what);

	cr_expect_eq(p->verdict, VERDICT_FORWARD);
	cr_expect_eq(*counter, before + 1);
	cr_expect_eq(counters("h3")->quic_cid, routed);
}

Test(select_quic, what_is_not_routable_says_why)
{
	const struct service_counters *c = counters("h3");
	struct quicbuild what = {.first = QUICBUILD_HANDSHAKE, .dcid = cid_of(1, "h3-1")};
	static const uint8_t nobody[3] = {1, 2, 3};

	what.dcid.len--;
	expect_unroutable(&what, &c->quic_short_cid);
	what.dcid.len = 0;
	expect_unroutable(&what, &c->quic_short_cid);
	what.dcid = cid_of(1, "h3-1");
	what.dcid.octet[0] |= 0xe0; // nobody's
	expect_unroutable(&what, &c->quic_no_config);
	what.dcid.octet[0] = 4 << 5;
	expect_unroutable(&what, &c->quic_no_config);
	what.dcid = quicbuild_cid_of(&l.s, 2, nobody, 3);
	expect_unroutable(&what, &c->quic_no_server);
	what.first = QUICBUILD_SHORT;
	expect_unroutable(&what, &c->quic_no_server);
	what.dcid = cid_of(2, "h3-1");
	what.dcid.len--;
	what.is_bare = true;
	expect_unroutable(&what, &c->quic_short_cid);
	cr_expect_eq(c->quic_hash + c->quic_table, c->packets);
}

// ---- backends that come and go ----

static void set_state(const char *name, const char *old, const char *new)
{
	char from[64], to[64];

	snprintf(from, sizeof(from), "'%s', %s", name, old);
	snprintf(to, sizeof(to), "'%s', %s", name, new);
	snapbuild_change(&l.s, from, to);
	lanebuild_reload(&l);
}

Test(select_quic, a_draining_backend_keeps_its_connections_and_gets_no_new_one)
{
	struct quicbuild_cid dsr = cid_of(1, "h3-1"), nat = cid_of(1, "n3-1");
	uint16_t id = backend("h3-1");

	set_state("h3-1", "", "'state': 'drain', ");
	set_state("n3-1", "", "'state': 'drain', ");
	cr_expect_eq(send_short(4000, 443, &dsr)->backend, id);
	cr_expect_eq(send_short(4000, 444, &nat)->backend, backend("n3-1"));
	for (uint16_t i = 0; i < 100; i++) {
		cr_expect_neq(send_initial(5000 + i, 443)->backend, id);
		cr_expect_neq(send_initial(5000 + i, 444)->backend, backend("n3-1"));
	}
}

// One client port, many connections: that the first led there does not make the next go there, too.
Test(select_quic, a_new_connection_leaves_a_draining_backend_though_its_port_was_there)
{
	uint16_t id = send_initial(4000, 443)->backend, nat = send_initial(4000, 444)->backend;
	struct quicbuild_cid cid = cid_of(1, l.s.snap->backends[id].name);

	for (int n = 1; n <= 3; n++) {
		char name[8] = "h3-1";

		name[3] = (char)('0' + n);
		if (backend(name) == id)
			set_state(name, "", "'state': 'drain', ");
		name[0] = 'n';
		if (backend(name) == nat)
			set_state(name, "", "'state': 'drain', ");
	}
	cr_expect_eq(send_short(4000, 443, &cid)->backend, id);
	cr_expect_neq(send_initial(4000, 443)->backend, id);
	cr_expect_neq(send_initial(4000, 444)->backend, nat);
}

Test(select_quic, a_backend_that_is_down_is_not_routable)
{
	struct quicbuild_cid dsr = cid_of(1, "h3-1"), nat = cid_of(1, "n3-1");
	struct pkt *p = send_short(4000, 444, &nat);

	cr_expect_eq(p->backend, backend("n3-1"));
	set_state("h3-1", "", "'state': 'down', ");
	set_state("n3-1", "", "'state': 'down', ");
	p = send_short(4000, 443, &dsr);
	cr_expect_eq(p->verdict, VERDICT_FORWARD);
	cr_expect_neq(p->backend, backend("h3-1"));
	p = send_short(4000, 444, &nat);
	cr_expect_eq(p->verdict, VERDICT_FORWARD);
	cr_expect_neq(p->backend, backend("n3-1"));
	cr_expect_eq(counters("h3")->quic_down, 1);
	cr_expect_eq(counters("n3")->quic_down, 1);
	cr_expect_eq(counters("n3")->quic_hash, 1);
}

Test(select_quic, an_unhealthy_backend_keeps_its_connections)
{
	struct quicbuild_cid dsr = cid_of(1, "h3-1"), unknown = quicbuild_any(0xff, 1, 8);
	uint16_t first = send_initial(4000, 446)->backend;

	for (int n = 1; n <= 3; n++) {
		char name[8] = "old-1";

		name[4] = (char)('0' + n);
		if (backend(name) == first)
			snapbuild_health(&l.s, name, HEALTH_UNHEALTHY);
	}
	snapbuild_health(&l.s, "h3-1", HEALTH_UNHEALTHY);
	lanebuild_reload(&l);
	cr_expect_eq(send_short(4000, 443, &dsr)->backend, backend("h3-1"));
	cr_expect_eq(send_short(4000, 446, &unknown)->backend, first);
	cr_expect_neq(send_initial(4001, 443)->backend, backend("h3-1"));
}

// Also on a path that the server has not answered to yet.
Test(select_quic, an_unhealthy_nat_backend_keeps_its_connections)
{
	struct quicbuild_cid cid = cid_of(1, "n3-1");
	struct pkt *p = send_short(4000, 444, &cid);
	uint16_t port = port_of(p);

	snapbuild_health(&l.s, "n3-1", HEALTH_UNHEALTHY);
	lanebuild_reload(&l);
	p = send_short(4000, 444, &cid);
	cr_expect_eq(p->backend, backend("n3-1"));
	cr_expect_eq(port_of(p), port);
	cr_expect_not(p->is_new);
	cr_expect_eq(l.lane->count->flow_moved, 0);
}

#define H3_1                                                                           \
	"{'name': 'h3-1', 'address': '10.0.1.1', 'port': 443, 'server_id': '0a0b01', " \
	"'mac': '02:00:00:00:01:01'},\n"

Test(select_quic, a_removed_backend_keeps_its_connections)
{
	struct quicbuild_cid cid = cid_of(1, "h3-1");
	uint16_t id = backend("h3-1");
	struct pkt *p;

	snapbuild_change(&l.s, H3_1, "");
	lanebuild_reload(&l);
	p = send_short(4000, 443, &cid);
	cr_expect_eq(p->verdict, VERDICT_FORWARD);
	cr_expect_eq(p->backend, id);
}

// ---- nat ----

Test(select_quic, the_server_sees_one_port_throughout_the_handshake)
{
	struct pkt *p = send_initial(4000, 444);
	uint16_t port = port_of(p), first = p->backend;
	struct quicbuild_cid cid = cid_of(1, l.s.roster.backends[first].name);
	struct quicbuild what = {
		.first = QUICBUILD_HANDSHAKE, .dcid = cid, .sport = 4000, .dport = 444};

	p = quicbuild_send(&l, &what);
	cr_expect_eq(p->backend, first);
	cr_expect_eq(port_of(p), port);
	p = send_short(4000, 444, &cid);
	cr_expect_eq(port_of(p), port);
	cr_expect_eq(n_flows(), 1);
	cr_expect_eq(counters("n3")->quic_migrations, 0);
	cr_expect_eq(counters("n3")->quic_cid, 2);
}

Test(select_quic, a_new_path_opens_a_flow_to_the_same_backend)
{
	struct pkt *p = send_initial(4000, 444);
	uint16_t first = p->backend;
	struct quicbuild what = {.dcid = cid_of(2, l.s.roster.backends[first].name),
	                         .src = "192.0.2.99",
	                         .sport = 777,
	                         .dport = 444};

	p = quicbuild_send(&l, &what);
	cr_expect_eq(p->backend, first);
	cr_expect_eq(p->verdict, VERDICT_FORWARD);
	cr_expect_neq(port_of(p), 0);
	cr_expect_eq(counters("n3")->quic_migrations, 1);
	quicbuild_send(&l, &what);
	cr_expect_eq(counters("n3")->quic_migrations, 1);
	cr_expect_eq(n_flows(), 2);
}

// Both connections of the client's port go on, each by a port of ours that its server knows.
Test(select_quic, a_cid_that_contradicts_a_nat_flow_gets_a_flow_of_its_own)
{
	struct pkt *p = send_initial(4000, 444);
	uint16_t first = p->backend, port = port_of(p), other_port;
	const char *name = another("n3", first);
	struct quicbuild_cid cid = cid_of(1, name), unknown = quicbuild_any(0xff, 9, 20);

	p = send_short(4000, 444, &cid);
	other_port = port_of(p);
	cr_expect_eq(p->backend, backend(name));
	cr_expect_eq(n_flows(), 2);
	p = send_short(4000, 444, &unknown);
	cr_expect_eq(p->backend, first);
	cr_expect_eq(port_of(p), port);
	p = send_short(4000, 444, &cid);
	cr_expect_eq(p->backend, backend(name));
	cr_expect_eq(port_of(p), other_port);
	cr_expect_eq(n_flows(), 2);
}

// Answers take the way by which the client's last packet came; so also of the second flow.
Test(select_quic, a_contradicting_flow_follows_its_clients_router)
{
	uint16_t first = send_initial(4000, 444)->backend;
	struct quicbuild what = {
		.dcid = cid_of(1, another("n3", first)), .sport = 4000, .dport = 444};
	struct quicbuild answer = {.first = QUICBUILD_SHORT};
	struct pktbuild b;
	struct pkt *p;

	quicbuild_send(&l, &what);
	what.mac = "02:00:00:00:00:77";
	quicbuild_answer_frame(&b, quicbuild_send(&l, &what), &answer);
	p = lanebuild_send_frame(&l, b.byte, b.len);
	cr_expect_eq(p->verdict, VERDICT_FORWARD);
	cr_expect_eq(p->data[5], 0x77);
}

// When the flow that it contradicted has timed out, the server does not see another port.
Test(select_quic, a_contradicting_flow_outlives_the_other_with_its_port)
{
	uint16_t first = send_initial(4000, 444)->backend, port;
	struct quicbuild_cid cid = cid_of(1, another("n3", first));

	port = port_of(send_short(4000, 444, &cid));
	for (int i = 0; i < 5; i++) {
		lanebuild_sleep(&l, 10);
		cr_expect_eq(port_of(send_short(4000, 444, &cid)), port);
	}
	cr_expect_eq(counters("n3")->quic_migrations, 1);
}

Test(select_quic, a_third_server_behind_one_port_takes_the_second_flow)
{
	uint16_t first = send_initial(4000, 444)->backend;

	for (int round = 0; round < 3; round++)
		for (int n = 1; n <= 3; n++) {
			char name[8] = "n3-1";
			struct quicbuild_cid cid;
			struct pkt *p;

			name[3] = (char)('0' + n);
			cid = cid_of(1, name);
			p = send_short(4000, 444, &cid);
			cr_expect_eq(p->backend, backend(name));
			cr_expect_eq(p->verdict, VERDICT_FORWARD);
		}
	cr_expect_leq(n_flows(), 2);
	cr_expect_neq(first, 0);
	cr_expect_eq(l.lane->flows4.n_ports, 2);
}
