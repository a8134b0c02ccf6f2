// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/quic_route.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "l4/data/compile.h"
#include "tests/support/quicbuild.h"

static struct snapbuild s;

static void compile(void)
{
	struct err err = {0};

	cr_assert_eq(quic_route_build(s.snap, s.conf, &s.roster, &err), 0, "%s", err.msg);
}

static void open_edge(void)
{
	snapbuild_open(&s, quicbuild_edge);
	compile();
}

static void reload(void)
{
	s.now_ns += 1000000000;
	snapshot_free(snapbuild_next(&s));
	compile();
}

static void close_edge(void)
{
	snapbuild_close(&s);
}

TestSuite(quic_route, .init = open_edge, .fini = close_edge);

static const struct snap_service *service(const char *name)
{
	return &s.snap->services[s.snap->service_by_id[snapbuild_service(&s, name)]];
}

// Backend of a connection ID, QUIC_LB_NO_BACKEND if it is not routable.
static uint16_t look_up(const char *name, const struct quicbuild_cid *cid)
{
	const struct quic_route *r = service(name)->quic;
	const uint8_t *octets = cid->octet;
	struct quic_lb_sid sid;
	enum quic_lb_fit fit;
	const struct quic_lb_config *c = quic_route_pick(r, octets, cid->len, &fit);

	if (!c)
		return QUIC_LB_NO_BACKEND;
	quic_lb_decode_burst(c, &octets, 1, &sid);
	return quic_lb_table_find(&r->table[c->config_id], &sid);
}

static void expect(const char *name, uint8_t config, const uint8_t sid[3], uint16_t backend)
{
	struct quicbuild_cid cid = quicbuild_cid_of(&s, config, sid, 9);

	cr_expect_eq(look_up(name, &cid), backend, "%s, configuration %u: %u", name, config,
	             look_up(name, &cid));
}

static const uint8_t one[3] = {0x0a, 0x0b, 0x01}, other[3] = {0x0a, 0x0b, 0x77};

Test(quic_route, every_configuration_finds_every_backend_of_its_own_pool)
{
	for (uint8_t config = 0; config < 4; config++)
		for (uint8_t n = 1; n <= 3; n++) {
			char name[8] = "h3-1";

			name[3] = (char)('0' + n);
			expect("h3", config, (uint8_t[3]){0x0a, 0x0b, n},
			       snapbuild_backend(&s, name));
			memcpy(name, "n36-1", 6);
			name[4] = (char)('0' + n);
			expect("n36", config, (uint8_t[3]){0x0a, 0x0b, n},
			       snapbuild_backend(&s, name));
		}
}

Test(quic_route, strangers_have_no_backend)
{
	expect("h3", 0, other, QUIC_LB_NO_BACKEND);
	expect("h3", 1, other, QUIC_LB_NO_BACKEND);
}

Test(quic_route, services_without_quic_lb_have_no_route)
{
	cr_expect_null(service("raw")->quic);
	cr_expect_null(service("old6")->quic);
}

Test(quic_route, a_cid_that_does_not_fit_has_a_reason)
{
	const struct quic_route *r = service("h3")->quic;
	enum quic_lb_fit fit;
	uint8_t cid[20] = {0x20};

	cr_expect_null(quic_route_pick(r, cid, 0, &fit));
	cr_expect_eq(fit, QUIC_LB_TOO_SHORT);
	cr_expect_null(quic_route_pick(r, cid, 7, &fit));
	cr_expect_eq(fit, QUIC_LB_TOO_SHORT);
	cr_expect_not_null(quic_route_pick(r, cid, 8, &fit));
	cr_expect_eq(fit, QUIC_LB_FITS);
	cr_expect_not_null(quic_route_pick(r, cid, 255, &fit));
	for (int id = 4; id < 8; id++) {
		cid[0] = (uint8_t)(id << 5);
		cr_expect_null(quic_route_pick(r, cid, 20, &fit));
		cr_expect_eq(fit, QUIC_LB_NO_CONFIG);
	}
}

#define H3_1                                                                           \
	"{'name': 'h3-1', 'address': '10.0.1.1', 'port': 443, 'server_id': '0a0b01', " \
	"'mac': '02:00:00:00:01:01'},\n"
#define H3_9                                                                           \
	"{'name': 'h3-9', 'address': '10.0.1.9', 'port': 443, 'server_id': '0a0b01', " \
	"'mac': '02:00:00:00:01:09'},\n"

Test(quic_route, draining_and_removed_backends_stay)
{
	uint16_t id = snapbuild_backend(&s, "h3-1");

	snapbuild_change(&s, "'h3-1', ", "'h3-1', 'state': 'drain', ");
	reload();
	expect("h3", 1, one, id);
	snapbuild_change(&s, "'h3-1', 'state': 'drain', ", "'h3-1', ");
	snapbuild_change(&s, H3_1, "");
	reload();
	expect("h3", 1, one, id);
}

Test(quic_route, a_living_backend_has_its_server_id_before_a_removed_one)
{
	snapbuild_change(&s, H3_1, H3_9);
	reload();
	expect("h3", 0, one, snapbuild_backend(&s, "h3-9"));
	expect("n3", 0, one, snapbuild_backend(&s, "n3-1"));
}

Test(quic_route, of_two_removed_backends_the_later_has_their_server_id)
{
	snapbuild_change(&s, H3_1, H3_9);
	reload();
	snapbuild_change(&s, H3_9, "");
	reload();
	expect("h3", 0, one, snapbuild_backend(&s, "h3-9"));
	// The other way round, so that it is not the order of ids that decides.
	snapbuild_change(&s, "'pools': [{'name': 'h3', 'table_size': 4099, 'backends': [\n",
	                 "'pools': [{'name': 'h3', 'table_size': 4099, 'backends': [\n" H3_1);
	reload();
	snapbuild_change(&s, H3_1, "");
	reload();
	expect("h3", 0, one, snapbuild_backend(&s, "h3-1"));
}

Test(quic_route, a_backend_that_changes_its_server_id_is_found_by_the_new_one)
{
	uint16_t id = snapbuild_backend(&s, "h3-1");

	snapbuild_change(&s, H3_1,
	                 "{'name': 'h3-1', 'address': '10.0.1.1', 'port': 443, 'server_id': "
	                 "'0a0b77', 'mac': '02:00:00:00:01:01'},\n");
	reload();
	expect("h3", 0, other, id);
	expect("h3", 0, one, QUIC_LB_NO_BACKEND);
}

Test(quic_route, compile_snapshot_makes_routes)
{
	struct mac macs[CONF_MAX_PORTS] = {{{0}}};
	struct snapshot_input in = {
		.conf = s.conf, .roster = &s.roster, .port_macs = macs, .generation = 2};
	struct snapshot *snap;
	struct err err;

	cr_assert_eq(compile_snapshot(&snap, &in, &err), 0);
	cr_expect_not_null(snap->services[0].quic);
	snapshot_free(snap);
}
