// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/flow_lookup.h"

#include <criterion/criterion.h>

#include "l4/base/clock.h"
#include "tests/support/lanebuild.h"

static struct lanebuild l;
static struct control c;

static void look(void)
{
	c.conf = l.s.conf;
	c.roster = l.s.roster;
	c.serving = l.s.snap;
	c.lanes = l.lanes;
}

static struct ctl_flow_key key(const char *source, uint16_t source_port, const char *destination,
                               be16 destination_port)
{
	struct ctl_flow_key k = {.protocol = PROTO_TCP,
	                         .source_port = be16_from(source_port),
	                         .destination_port = destination_port};

	cr_assert_eq(addr_parse(&k.source, source), 0);
	cr_assert_eq(addr_parse(&k.destination, destination), 0);
	return k;
}

// A client's flow, and the key of the backend's packet that answers it.
static struct ctl_flow_key open_flow(void)
{
	struct ctl_flow_key k = key("198.51.100.7", 40000, "203.0.113.10", be16_from(8080));
	struct flow_lookup found;

	lanebuild_send(&l, &(struct lanebuild_packet){.dport = 8080});
	cr_assert(flow_lookup_client(&c, &k, &found));
	k = key("10.0.3.1", 8000, "10.0.0.2", found.copy.f.snat_port);
	k.source = c.roster.backends[found.copy.f.backend].address;
	k.destination = *snat_address(c.serving, ADDR_IP4, flow_snat(&found.copy.f));
	return k;
}

Test(flow_lookup, a_lane_with_an_older_snapshot_is_not_asked_for_replies)
{
	struct ctl_flow_key reply, other;
	struct flow_lookup found;
	struct snapshot *old;

	lanebuild_open(&l, snapbuild_edge);
	look();
	reply = open_flow();
	cr_expect(flow_lookup_reply(&c, &reply, &found));

	snapbuild_change(&l.s, "{'name': 'api-1'",
	                 "{'name': 'new', 'address': '10.0.3.9', 'port': 8000}, {'name': 'api-1'");
	old = snapbuild_next(&l.s);
	look();
	other = key("10.0.3.9", 8000, "10.0.0.2", reply.destination_port);
	cr_expect_not(flow_lookup_reply(&c, &other, &found), "the lane does not know this backend");
	cr_expect_not(flow_lookup_reply(&c, &reply, &found));

	lane_publish(l.lane, l.s.snap);
	lane_quiesce(l.lane);
	cr_expect_not(flow_lookup_reply(&c, &other, &found), "it has no such flow");
	cr_expect(flow_lookup_reply(&c, &reply, &found));
	snapshot_free(old);
	lanebuild_close(&l);
}
