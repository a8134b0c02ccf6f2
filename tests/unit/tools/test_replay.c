// SPDX-License-Identifier: BSD-3-Clause
#include "tools/replay.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "l4/base/clock.h"
#include "tests/support/pktbuild.h"

static const char conf_text_of_test[] =
	"{ \"flows\": 1024,"
	"  \"services\": [{ \"name\": \"web\", \"address\": \"203.0.113.10\", \"port\": 80,"
	"                 \"protocol\": \"tcp\", \"pool\": \"web\" }],"
	"  \"pools\": [{ \"name\": \"web\", \"backends\": ["
	"    { \"name\": \"web-1\", \"address\": \"10.0.0.11\", \"port\": 80 }] }] }";

static struct replay replay;
static struct conf *conf;
static struct pktbuild syn;

static void setup(void)
{
	struct err err;

	cr_assert_eq(conf_parse(&conf, conf_text_of_test, strlen(conf_text_of_test), &err), 0, "%s",
	             err.msg);
	cr_assert_eq(replay_open(&replay, conf, NULL, &err), 0, "%s", err.msg);
	pktbuild_start(&syn);
	pktbuild_eth(&syn);
	pktbuild_ip4(&syn, .src = "198.51.100.7", .dst = "203.0.113.10");
	pktbuild_tcp(&syn, .sport = 40000, .dport = 80, .flags = PKTBUILD_SYN);
	pktbuild_end(&syn);
}

static void teardown(void)
{
	replay_close(&replay);
	conf_free(conf);
}

TestSuite(replay, .init = setup, .fini = teardown);

static int add(uint64_t time_ns)
{
	return replay_add(&replay, syn.byte, (uint32_t)syn.len, time_ns);
}

static void finish(void)
{
	replay_run(&replay);
	replay_clear(&replay);
}

Test(replay, a_burst_ends_after_32_packets)
{
	for (int i = 0; i < PKT_BURST; i++)
		cr_assert_eq(add(CLOCK_NS_PER_S), 0);
	cr_expect_eq(add(CLOCK_NS_PER_S), -EAGAIN);
	finish();
	cr_expect_eq(add(CLOCK_NS_PER_S), 0);
}

Test(replay, packets_far_apart_do_not_meet_in_a_burst)
{
	cr_assert_eq(add(CLOCK_NS_PER_S), 0);
	cr_expect_eq(add(CLOCK_NS_PER_S + REPLAY_BURST_NS), 0);
	cr_expect_eq(add(CLOCK_NS_PER_S + REPLAY_BURST_NS + 1), -EAGAIN);
}

Test(replay, traced_packets_are_alone)
{
	replay.is_tracing = true;
	cr_assert_eq(add(CLOCK_NS_PER_S), 0);
	cr_expect_eq(add(CLOCK_NS_PER_S), -EAGAIN);
	replay_run(&replay);
	cr_expect_gt(replay.trace.n_steps, 0);
}

Test(replay, the_clock_never_goes_back)
{
	cr_assert_eq(add(10 * CLOCK_NS_PER_S), 0);
	cr_assert_eq(add(9 * CLOCK_NS_PER_S), 0);
	replay_run(&replay);
	cr_expect_eq(replay.lane->now_ns, 10 * CLOCK_NS_PER_S);
	cr_expect_eq(replay.time_ns[1], 9 * CLOCK_NS_PER_S,
	             "but packets leave with their own time");
}

Test(replay, macs_that_the_configuration_does_not_say_are_made_up)
{
	static const uint8_t want[12] = {0x02, 0x47, 0, 0, 0, 1, 0x02, 0, 0, 0, 0x47, 0};

	cr_assert_eq(add(CLOCK_NS_PER_S), 0);
	replay_run(&replay);
	cr_expect_eq(replay.pkts[0].verdict, VERDICT_FORWARD);
	cr_expect_arr_eq(replay.pkts[0].data, want, sizeof(want));
	cr_expect_str_eq(replay_backend(&replay, &replay.pkts[0]), "web-1");
}

Test(replay, counters_add_up)
{
	struct lane_counters sum;

	cr_assert_eq(add(CLOCK_NS_PER_S), 0);
	finish();
	cr_expect(replay_counters(&replay, &sum));
	cr_expect_eq(sum.rx_packets, 1);
	replay.stats.lanes[0].reason[REASON_LAND]++;
	cr_expect_not(replay_counters(&replay, &sum), "one reason too many is noticed");
}

Test(replay, a_service_that_does_not_add_up_is_noticed)
{
	struct lane_counters sum;

	cr_assert_eq(add(CLOCK_NS_PER_S), 0);
	finish();
	stats_service(&replay.stats, 0)[1].forwarded++;
	cr_expect_not(replay_counters(&replay, &sum));
}

Test(replay, a_frame_beyond_any_buffer_is_dropped)
{
	static uint8_t frame[REPLAY_FRAME_MAX + 1];

	cr_assert_eq(replay_add(&replay, frame, sizeof(frame), CLOCK_NS_PER_S), 0);
	replay_run(&replay);
	cr_expect_eq(replay.pkts[0].reason, REASON_TOO_LONG);
}

Test(replay, an_unknown_port_is_refused)
{
	struct replay other;
	struct err err;

	cr_expect_eq(replay_open(&other, conf, "wan", &err), -ENOENT);
	cr_expect_str_eq(err.msg, "no port of the configuration is called wan");
}
