// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/forward.h"

#include <criterion/criterion.h>

#include <string.h>

#include "tests/support/lanebuild.h"

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

TestSuite(forward, .init = open_edge, .fini = close_edge);

Test(forward, dsr_changes_the_mac_addresses_and_nothing_else)
{
	struct lanebuild_packet what = {.ttl = 1};
	struct pktbuild before;
	const struct snap_backend *b;
	const struct pkt *p;

	lanebuild_frame(&before, &what);
	p = lanebuild_send_frame(&l, before.byte, before.len);
	cr_assert_eq(p->verdict, VERDICT_FORWARD);
	b = &l.s.snap->backends[p->backend];
	cr_expect_arr_eq(p->data, b->dst.byte, 6);
	cr_expect_arr_eq(p->data + 6, b->src.byte, 6);
	cr_expect_arr_eq(p->data + 12, before.byte + 12, before.len - 12);
	cr_expect_eq(p->out_port, b->port);
}

// An established connection waits for its backend's neighbour entry to come back.
Test(forward, a_backend_that_cannot_be_reached_gets_nothing)
{
	struct lanebuild_packet syn = {0}, ack = {.flags = PKTBUILD_ACK};
	const struct pkt *p;
	uint16_t id;

	lanebuild_send(&l, &syn);
	id = lanebuild_send(&l, &ack)->backend;
	l.s.snap->backends[id].flags &= (uint8_t) ~(BACKEND_HOP | BACKEND_NEW);
	p = lanebuild_send(&l, &ack);
	cr_expect_eq(p->reason, REASON_NO_NEXT_HOP);
	cr_expect_eq(l.lane->backends[id].no_next_hop, 1);
	cr_expect_eq(p->backend, id);
	l.s.snap->backends[id].flags |= BACKEND_HOP;
	cr_expect_eq(lanebuild_send(&l, &ack)->verdict, VERDICT_FORWARD);
}

Test(forward, a_packet_for_another_lane_is_left_alone)
{
	struct pkt p;

	pkt_init(&p, NULL, 0, 0, NULL);
	p.role = ROLE_REPLY;
	p.to_lane = 1;
	forward_burst(l.lane, &p, 1);
	cr_expect_eq(p.verdict, VERDICT_NONE);
}
