// SPDX-License-Identifier: BSD-3-Clause
// Why a nat flow may not come to be; how it does is in test_snat.c and test_forward_nat.c.
#include "l4/data/select_nat.h"

#include <criterion/criterion.h>

#include <stdio.h>

#include "tests/support/lanebuild.h"

static struct lanebuild l;

static void open_edge(void)
{
	lanebuild_open(&l, snapbuild_edge);
}

static void close_edge(void)
{
	cr_expect(lanebuild_adds_up(&l));
	cr_expect_eq(l.lane->flows4.n_ports, l.lane->flows4.n_flows);
	lanebuild_close(&l);
}

TestSuite(select_nat, .init = open_edge, .fini = close_edge);

static enum reason open_flow(uint16_t sport, const char *mac)
{
	struct lanebuild_packet what = {.sport = sport, .dport = 8080, .mac = mac};

	return lanebuild_send(&l, &what)->reason;
}

// A configuration cannot say so, but a lane must not trust it.
Test(select_nat, without_an_address_of_ours_there_is_no_flow)
{
	l.s.snap->n_snat = 0;
	cr_expect_eq(open_flow(4000, NULL), REASON_NAT_NO_ADDRESS);
	cr_expect_eq(l.lane->flows4.n_flows, 0);
}

Test(select_nat, when_the_ports_are_used_up_flows_are_refused)
{
	unsigned n_refused = 0;

	l.s.snap->snat_last = l.s.snap->snat_first;
	for (uint16_t i = 0; i < 100; i++)
		n_refused += open_flow((uint16_t)(4000 + i), NULL) == REASON_NAT_NO_PORT;
	cr_expect_eq(n_refused, 100 - 2 * 3); // two addresses, three backends
	cr_expect_eq(l.lane->flows4.n_flows, 6);
	lanebuild_sleep(&l, 16);
	cr_expect_eq(open_flow(5000, NULL), REASON_NONE);
}

Test(select_nat, next_hops_towards_clients_are_bounded)
{
	unsigned n_refused = 0;
	char mac[32];

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(mac, sizeof(mac), "02:00:00:00:%02x:%02x", i >> 8, i & 0xff);
		n_refused += open_flow((uint16_t)(1 + i), mac) == REASON_RETURN_PATH;
	}
	cr_expect(n_refused >= 2000 - 1023 && n_refused < 1400, "%u", n_refused);
	cr_expect_eq(open_flow(1, "02:00:00:00:00:00"), REASON_NONE);
}
