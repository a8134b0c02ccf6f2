// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/roster.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/clock.h"

#define QUARANTINE_NS (ROSTER_QUARANTINE_S * CLOCK_NS_PER_S)

// A configuration by hand: the roster looks at services and pools only.
static struct conf_service services[CONF_MAX_SERVICES + 1];
static struct conf_backend backends[CONF_MAX_BACKENDS];
static struct conf_pool pools[2] = {{.name = "web"}, {.name = "api"}};
static struct conf conf = {.services = services, .pools = pools, .n_pools = 2};
static struct roster roster;
static struct err err;

static struct conf_service service(uint32_t n)
{
	return (struct conf_service){.name = "s",
	                             .address = addr_ip4(be32_from(n)),
	                             .port = be16_from(80),
	                             .protocol = PROTO_TCP};
}

static struct conf_backend backend(uint32_t n)
{
	return (struct conf_backend){
		.name = "b", .address = addr_ip4(be32_from(n)), .port = be16_from(80)};
}

static void set_services(uint32_t first, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		services[i] = service(first + i);
	conf.n_services = n;
}

static void set_backends(uint32_t first, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		backends[i] = backend(first + i);
	pools[0].backends = backends;
	pools[0].n_backends = n;
}

static void update(uint64_t now_ns)
{
	cr_assert_eq(roster_update(&roster, &conf, now_ns, &err), 0, "%s", err.msg);
}

static uint16_t service_id(uint32_t n)
{
	struct conf_service s = service(n);

	return roster_service_id(&roster, &s);
}

static uint16_t backend_id(uint32_t n)
{
	struct conf_backend b = backend(n);

	return roster_backend_id(&roster, "web", &b);
}

static void setup(void)
{
	cr_assert_eq(roster_init(&roster), 0);
}

static void teardown(void)
{
	roster_fini(&roster);
}

TestSuite(roster, .init = setup, .fini = teardown);

Test(roster, ids_start_at_one_and_follow_the_file)
{
	set_services(100, 3);
	set_backends(200, 2);
	update(1);
	cr_expect_eq(service_id(100), 1);
	cr_expect_eq(service_id(102), 3);
	cr_expect_eq(service_id(103), 0);
	cr_expect_eq(backend_id(201), 2);
	cr_expect_eq(backend_id(199), 0);
	cr_expect_eq(roster.n_services, 4);
	cr_expect_eq(roster.n_backends, 3);
	cr_expect(roster.services[3].e.live);
	cr_expect_str_eq(roster.backends[2].pool, "web");
}

Test(roster, order_of_the_file_does_not_matter_for_who_is_known)
{
	set_services(100, 3);
	update(1);
	services[0] = service(102);
	services[1] = service(100);
	conf.n_services = 2;
	update(2);
	cr_expect_eq(service_id(100), 1);
	cr_expect_eq(service_id(102), 3);
	cr_expect_not(roster.services[2].e.live);
	cr_expect_eq(roster.services[2].e.retired_ns, 2);
}

Test(roster, every_part_of_what_a_service_is_makes_another_one)
{
	set_services(100, 4);
	services[1] = services[2] = services[3] = services[0];
	services[1].port = be16_from(81);
	services[2].protocol = PROTO_QUIC;
	services[3].address = addr_ip6((const uint8_t[16]){[3] = 100});
	update(1);
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(roster_service_id(&roster, &services[i]), i + 1);
}

Test(roster, every_part_of_what_a_backend_is_makes_another_one)
{
	set_backends(100, 4);
	backends[1] = backends[2] = backends[3] = backends[0];
	backends[1].port = be16_from(81);
	backends[2].name = "c";
	pools[0].n_backends = 3;
	pools[1].backends = &backends[3]; // the same server in another pool
	pools[1].n_backends = 1;
	update(1);
	cr_expect_eq(roster_backend_id(&roster, "web", &backends[0]), 1);
	cr_expect_eq(roster_backend_id(&roster, "web", &backends[1]), 2);
	cr_expect_eq(roster_backend_id(&roster, "web", &backends[2]), 3);
	cr_expect_eq(roster_backend_id(&roster, "api", &backends[3]), 4);
}

Test(roster, a_renamed_service_keeps_its_id)
{
	set_services(100, 1);
	update(1);
	services[0].name = "other";
	update(2);
	cr_expect_eq(service_id(100), 1);
	cr_expect_str_eq(roster.services[1].name, "other");
	cr_expect_eq(roster.n_services, 2);
}

Test(roster, a_living_backend_keeps_hop_and_health)
{
	set_backends(100, 1);
	update(1);
	roster.backends[1].hop.known = true;
	roster.backends[1].health.state = HEALTH_UNHEALTHY;
	update(2);
	cr_expect(roster.backends[1].hop.known);
	cr_expect_eq(roster.backends[1].health.state, HEALTH_UNHEALTHY);
}

Test(roster, what_comes_back_in_quarantine_is_itself_again)
{
	set_backends(100, 2);
	update(1);
	roster.backends[2].hop.known = true;
	pools[0].n_backends = 1;
	update(2);
	cr_expect(roster.backends[2].e.used && !roster.backends[2].e.live);
	cr_expect(roster.backends[2].hop.known, "connections of a removed backend live on");
	set_backends(100, 2);
	update(3);
	cr_expect_eq(backend_id(101), 2);
	cr_expect(roster.backends[2].e.live && roster.backends[2].hop.known);
	cr_expect_eq(roster.backends[2].e.retired_ns, 0);
}

Test(roster, an_id_is_not_reused_before_the_quarantine_is_over)
{
	set_backends(100, 1);
	update(1);
	roster.backends[1].hop.known = true;
	set_backends(200, 1);
	update(10);
	cr_expect_eq(backend_id(200), 2);
	set_backends(300, 1);
	update(10 + QUARANTINE_NS - 1);
	cr_expect_eq(backend_id(300), 3);
	set_backends(400, 1);
	update(10 + QUARANTINE_NS);
	cr_expect_eq(backend_id(400), 1);
	cr_expect_eq(backend_id(100), 0, "forgotten");
	cr_expect_not(roster.backends[1].hop.known, "of the previous owner");
}

Test(roster, what_returns_after_the_quarantine_is_not_given_away_at_the_same_moment)
{
	set_backends(100, 1);
	update(1);
	pools[0].n_backends = 0;
	update(2);
	set_backends(99, 2); // 99 is new and first in the file, 100 returns
	update(2 + QUARANTINE_NS);
	cr_expect_eq(backend_id(100), 1);
	cr_expect_eq(backend_id(99), 2);
}

Test(roster, running_out_of_ids_changes_nothing)
{
	struct roster_service before[STATS_SERVICES];

	set_services(0, CONF_MAX_SERVICES);
	update(1);
	set_services(10000, CONF_MAX_SERVICES - 1); // id 0 is none: 2 * 1024 - 1 in all
	update(2);
	memcpy(before, roster.services, sizeof(before));
	set_services(20000, 1);
	set_backends(1, 1);
	cr_expect_eq(roster_update(&roster, &conf, 3, &err), -ENOSPC);
	cr_expect(strstr(err.msg, "services: "), "%s", err.msg);
	cr_expect_eq(memcmp(before, roster.services, sizeof(before)), 0);
	cr_expect_eq(service_id(10000), CONF_MAX_SERVICES + 1);
	cr_expect_eq(roster.n_backends, 1);
	update(2 + QUARANTINE_NS);
	cr_expect_eq(service_id(20000), 1);
}

Test(roster, running_out_of_backend_ids_changes_no_service)
{
	set_backends(0, CONF_MAX_BACKENDS);
	update(1);
	set_backends(10000, CONF_MAX_BACKENDS - 1);
	update(2);
	set_backends(20000, 1);
	set_services(1, 1);
	cr_expect_eq(roster_update(&roster, &conf, 3, &err), -ENOSPC);
	cr_expect(strstr(err.msg, "backends: "), "%s", err.msg);
	cr_expect_eq(service_id(1), 0);
	cr_expect(roster.backends[CONF_MAX_BACKENDS + 1].e.live);
}

Test(roster, a_restarted_daemon_finds_its_numbers_and_counters)
{
	struct service_counters service_sum;
	struct backend_counters backend_sum;
	struct stats stats;

	cr_assert_eq(stats_open_private(&stats), 0);
	set_services(100, 2);
	set_backends(100, 3);
	update(1);
	roster_publish(&roster, &stats);
	stats_service(&stats, 0)[2].packets = 7;
	stats_backend(&stats, 1)[3].packets = 8;
	roster_fini(&roster);
	setup();
	roster_adopt(&roster, &stats, 5);
	cr_expect_eq(service_id(101), 2);
	cr_expect_not(roster.services[2].e.live);
	set_services(101, 2); // 100 has left while nobody looked, 102 is new
	set_backends(102, 1);
	update(6);
	roster_publish(&roster, &stats);
	cr_expect_eq(service_id(101), 2);
	// No flow of the killed daemon names 1 any more: it is free at once, else a node that is restarted
	// often would run out of numbers.
	cr_expect_eq(service_id(102), 1);
	cr_expect_eq(backend_id(102), 3);
	cr_expect_eq(stats.service_names[1].used, STATS_LIVE);
	cr_expect_eq(stats.service_names[2].used, STATS_LIVE);
	stats_sum_service(&stats, 2, &service_sum);
	stats_sum_backend(&stats, 3, &backend_sum);
	cr_expect_eq(service_sum.packets, 7);
	cr_expect_eq(backend_sum.packets, 8);
	stats_close(&stats);
}

Test(roster, publish_tells_state_health_and_weight_of_a_backend_and_the_pool_of_a_service)
{
	struct stats stats;

	cr_assert_eq(stats_open_private(&stats), 0);
	set_backends(100, 1);
	set_services(100, 1);
	backends[0].state = STATE_DRAIN;
	backends[0].weight = 7;
	services[0].pool = "web";
	services[0].forward = FORWARD_NAT;
	update(1);
	roster.backends[1].health.state = HEALTH_UNHEALTHY;
	roster_publish(&roster, &stats);
	cr_expect_eq(stats.backend_names[1].state, STATE_DRAIN);
	cr_expect_eq(stats.backend_names[1].weight, 7);
	cr_expect_eq(stats.backend_names[1].health, HEALTH_UNHEALTHY);
	cr_expect_str_eq(stats.service_names[1].pool, "web");
	cr_expect_eq(stats.service_names[1].forward, FORWARD_NAT);
	services[0].pool = NULL;
	services[0].forward = FORWARD_LOCAL;
	update(2);
	roster_publish(&roster, &stats);
	cr_expect_str_eq(stats.service_names[1].pool, "", "the workers answer it now");
	stats_close(&stats);
}

Test(roster, publish_writes_names_and_zeroes_counters_of_a_new_owner)
{
	struct stats stats;

	cr_assert_eq(stats_open_private(&stats), 0);
	set_backends(100, 1);
	set_services(100, 1);
	update(1);
	roster_publish(&roster, &stats);
	cr_expect_eq(stats.backend_names[1].port, 80, "host order");
	cr_expect(addr_eq(&stats.backend_names[1].address, &backends[0].address));
	cr_expect_str_eq(stats.backend_names[1].pool, "web");
	stats_backend(&stats, 31)[1].packets = 9;
	stats_service(&stats, 31)[1].packets = 9;
	set_backends(200, 0);
	services[0].name = "renamed";
	update(2);
	roster_publish(&roster, &stats);
	cr_expect_eq(stats_backend(&stats, 31)[1].packets, 9, "retired, still counting");
	cr_expect_eq(stats_service(&stats, 31)[1].packets, 9, "renamed, still the same");
	cr_expect_str_eq(stats.service_names[1].name, "renamed");
	set_backends(200, 1);
	update(2 + QUARANTINE_NS);
	roster_publish(&roster, &stats);
	cr_expect_eq(backend_id(200), 1);
	cr_expect_eq(stats_backend(&stats, 31)[1].packets, 0);
	stats_close(&stats);
}

Test(roster, what_the_kernel_counted_for_an_id_is_zeroed_for_its_next_owner)
{
	struct stats stats;

	cr_assert_eq(stats_open_private(&stats), 0);
	set_backends(100, 1);
	set_services(100, 1);
	update(1);
	roster_publish(&roster, &stats);
	stats.tcp_backends[1].duration.sum = 9;
	stats.tcp_services[1].closed = 9;
	stats.steer_services[STATS_SERVICES + 1].packets = 9;
	set_backends(100, 0);
	set_services(100, 0);
	update(2);
	roster_publish(&roster, &stats);
	cr_expect_eq(stats.tcp_backends[1].duration.sum, 9, "retired, still counting");
	cr_expect_eq(stats.tcp_services[1].closed, 9);
	cr_expect_eq(stats.steer_services[STATS_SERVICES + 1].packets, 9);
	set_backends(200, 1);
	set_services(200, 1);
	update(2 + QUARANTINE_NS);
	roster_publish(&roster, &stats);
	cr_expect_eq(service_id(200), 1);
	cr_expect_eq(stats.tcp_backends[1].duration.sum, 0);
	cr_expect_eq(stats.tcp_services[1].closed, 0);
	cr_expect_eq(stats.steer_services[STATS_SERVICES + 1].packets, 0);
	stats_close(&stats);
}

Test(roster, adopts_no_nonsense_and_clears_it)
{
	struct stats stats;

	cr_assert_eq(stats_open_private(&stats), 0);
	for (uint16_t id = 0; id < 6; id++) {
		stats.service_names[id] =
			(struct stats_service_name){.used = STATS_LIVE,
		                                    .address = addr_ip4(be32_from(id)),
		                                    .port = 1,
		                                    .protocol = PROTO_TCP};
		strcpy(stats.service_names[id].name, "x");
	}
	stats.service_names[1].used = STATS_FREE;
	stats.service_names[2].address.family = 7;
	stats.service_names[3].protocol = 99;
	memset(stats.service_names[4].name, 'x', STATS_NAME_SIZE);
	roster_adopt(&roster, &stats, 1);
	for (uint16_t id = 0; id < 5; id++)
		cr_expect_not(roster.services[id].e.used, "%u", id);
	cr_expect(roster.services[5].e.used);
	cr_expect_eq(roster.n_services, 6);
	roster_publish(&roster, &stats);
	cr_expect_eq(stats.service_names[2].used, STATS_FREE);
	cr_expect_eq(stats.service_names[5].used, STATS_RETIRED);
	stats_close(&stats);
}

// Compares with the obvious way to find an id, over random changes.
Test(roster, ids_are_stable_and_unique_over_random_changes)
{
	uint16_t known[64] = {0};

	srand(1);
	for (uint64_t now = 1; now < 300; now++) {
		uint16_t n = 0;

		for (uint32_t b = 0; b < 64; b++) {
			if (rand() % 3)
				backends[n++] = backend(b);
		}
		pools[0].backends = backends;
		pools[0].n_backends = n;
		update(now);
		for (uint16_t i = 0; i < n; i++) {
			uint32_t b = be32_to(backends[i].address.ip4);
			uint16_t id = backend_id(b);

			cr_assert_gt(id, 0);
			cr_assert(known[b] == 0 || known[b] == id);
			known[b] = id;
			cr_assert(roster.backends[id].e.live);
		}
	}
	cr_expect_eq(roster.n_backends, 65);
}
