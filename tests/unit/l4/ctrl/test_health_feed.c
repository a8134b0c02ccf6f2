// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/health_feed.h"

#include <criterion/criterion.h>
#include <ev.h>
#include <stdio.h>
#include <string.h>

#include "l4/base/log.h"
#include "l4/ctrl/control.h"
#include "l4/model/ctl_rows.h"

#define B(name, last)                                       \
	"{\"name\":\"" name "\",\"address\":\"10.0.0." last \
	"\",\"port\":80,\"mac\":\"02:00:00:00:00:" last "\"}"
#define CONF(check)                                                                     \
	"{\"pools\":[{\"name\":\"web\",\"table_size\":251," check                       \
	"\"backends\":[" B("web-1", "11") "," B(                                        \
		"web-2", "12") "]},"                                                    \
			       "{\"name\":\"api\",\"table_size\":251,\"backends\":[" B( \
				       "api-1", "21") "]}]}"

static const char probed[] = CONF("\"health\":{\"type\":\"tcp\"},");
static const char not_probed[] = CONF("");

static struct {
	struct ev_loop *loop;
	struct stats stats;
	struct control control;
} t;

static void apply(const char *text)
{
	struct conf *conf;
	struct err err = {0};

	cr_assert_eq(conf_parse(&conf, text, strlen(text), &err), 0, "%s", err.msg);
	cr_assert_eq(control_apply(&t.control, conf, &err), 0, "%s", err.msg);
}

static void setup(void)
{
	log_init("test", LOG_LEVEL_COUNT);
	t.loop = ev_loop_new(0);
	cr_assert_eq(stats_open_private(&t.stats), 0);
	cr_assert_eq(control_init(&t.control, t.loop, &t.stats, "edge.json"), 0);
	apply(probed);
}

static void teardown(void)
{
	control_fini(&t.control);
	stats_close(&t.stats);
	ev_loop_destroy(t.loop);
}

TestSuite(health_feed, .init = setup, .fini = teardown);

static struct ctl_health_change change_of(const char *pool, const char *name, uint8_t last)
{
	struct ctl_health_change change = {.address = addr_ip4(be32_from(0x0a000000u + last)),
	                                   .port = be16_from(80)};

	snprintf(change.pool, sizeof(change.pool), "%s", pool);
	snprintf(change.name, sizeof(change.name), "%s", name);
	return change;
}

static void take(const char *name, uint8_t last, enum health state, const char *reason)
{
	struct ctl_health_change change = change_of("web", name, last);

	change.state = (uint8_t)state;
	change.changed_ms = 1790000000123;
	snprintf(change.reason, sizeof(change.reason), "%s", reason);
	health_feed_take(&t.control, &change);
}

static const struct roster_backend *known(const char *pool, const char *name)
{
	const struct roster_backend *found = NULL;

	for (uint16_t id = 1; id < t.control.roster.n_backends; id++)
		if (strcmp(t.control.roster.backends[id].pool, pool) == 0 &&
		    strcmp(t.control.roster.backends[id].name, name) == 0)
			found = &t.control.roster.backends[id];
	cr_assert_not_null(found, "%s/%s", pool, name);
	return found;
}

static const struct snap_backend *served(const char *pool, const char *name)
{
	return &t.control.serving->backends[known(pool, name) - t.control.roster.backends];
}

static void wait_for_generation(uint32_t generation)
{
	while (t.control.generation < generation)
		ev_run(t.loop, EVRUN_ONCE);
}

Test(health_feed, an_unhealthy_backend_takes_no_new_flows)
{
	take("web-1", 11, HEALTH_UNHEALTHY, "connect: refused");
	wait_for_generation(2);
	cr_expect_eq(served("web", "web-1")->flags, BACKEND_OLD, "no port, no next hop");
	cr_expect_str_eq(known("web", "web-1")->health.reason, "connect: refused");
	cr_expect_eq(known("web", "web-1")->health.changed_ns, 1790000000123000000);
	take("web-1", 11, HEALTH_HEALTHY, "");
	wait_for_generation(3);
	cr_expect(served("web", "web-1")->flags & BACKEND_NEW);
	cr_expect_str_empty(known("web", "web-1")->health.reason);
}

Test(health_feed, a_burst_is_one_snapshot)
{
	take("web-1", 11, HEALTH_UNHEALTHY, "connect: refused");
	take("web-2", 12, HEALTH_UNHEALTHY, "connect: refused");
	cr_expect_eq(t.control.generation, 1, "not yet");
	wait_for_generation(2);
	cr_expect(served("web", "web-1")->flags & BACKEND_NEW, "failed open");
	cr_expect(served("web", "web-2")->flags & BACKEND_NEW);
	ev_run(t.loop, EVRUN_NOWAIT);
	cr_expect_eq(t.control.generation, 2);
}

Test(health_feed, a_new_snapshot_for_another_reason_saves_one)
{
	take("web-1", 11, HEALTH_UNHEALTHY, "connect: refused");
	control_refresh(&t.control);
	cr_expect_not(served("web", "web-1")->flags & BACKEND_NEW);
	take("web-2", 12, HEALTH_UNHEALTHY, "connect: refused");
	wait_for_generation(3);
	cr_expect_eq(t.control.generation, 3, "of two transitions, one was served already");
}

Test(health_feed, what_a_new_lb7d_does_not_know_yet_stays_as_it_was)
{
	take("web-1", 11, HEALTH_UNHEALTHY, "status 500");
	wait_for_generation(2);
	take("web-1", 11, HEALTH_UNKNOWN, "");
	cr_expect_eq(known("web", "web-1")->health.state, HEALTH_UNHEALTHY);
	cr_expect_str_eq(known("web", "web-1")->health.reason, "status 500");
	take("web-1", 11, HEALTH_STATE_COUNT, "");
	cr_expect_eq(known("web", "web-1")->health.state, HEALTH_UNHEALTHY);
}

Test(health_feed, the_same_state_again_keeps_its_time)
{
	struct ctl_health_change again = change_of("web", "web-1", 11);

	take("web-1", 11, HEALTH_UNHEALTHY, "status 500");
	again.state = HEALTH_UNHEALTHY;
	again.changed_ms = 1800000000000;
	snprintf(again.reason, sizeof(again.reason), "connect: timed out");
	health_feed_take(&t.control, &again);
	cr_expect_eq(known("web", "web-1")->health.changed_ns, 1790000000123000000);
	cr_expect_str_eq(known("web", "web-1")->health.reason, "connect: timed out");
}

Test(health_feed, strangers_are_left_out)
{
	static const struct {
		const char *pool, *name;
		uint8_t last;
	} strangers[] = {
		{"web", "web-1", 12}, {"web", "web-3", 11}, {"no", "web-1", 11},
		{"api", "api-1", 21}, {"", "", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
		struct ctl_health_change change =
			change_of(strangers[i].pool, strangers[i].name, strangers[i].last);

		change.state = HEALTH_UNHEALTHY;
		health_feed_take(&t.control, &change);
	}
	for (uint16_t id = 1; id < t.control.roster.n_backends; id++)
		cr_expect_eq(t.control.roster.backends[id].health.state, HEALTH_UNKNOWN);
}

Test(health_feed, a_pool_that_is_probed_no_more_is_not_unhealthy)
{
	take("web-1", 11, HEALTH_UNHEALTHY, "status 500");
	wait_for_generation(2);
	apply(not_probed);
	cr_expect_eq(known("web", "web-1")->health.state, HEALTH_UNKNOWN);
	cr_expect(served("web", "web-1")->flags & BACKEND_NEW);
	take("web-1", 11, HEALTH_UNHEALTHY, "too late");
	cr_expect_eq(known("web", "web-1")->health.state, HEALTH_UNKNOWN);
}
