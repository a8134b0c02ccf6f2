// SPDX-License-Identifier: BSD-3-Clause
#include "l7/telemetry.h"

#include "tests/unit/l7/managerbuild.h"

#include <errno.h>
#include <string.h>

#include "l4/model/stats_l7_store.h"
#include "l7/site.h"

static uint8_t no_health(void *owner, const struct conf_pool *pool,
                         const struct conf_backend *backend)
{
	return HEALTH_UNKNOWN;
}

static struct site *site_of(const char *text)
{
	struct site *s;
	struct err err;

	cr_assert_eq(site_new(&s, managerbuild_conf(text), 1, no_health, NULL, &err), 0);
	return s;
}

// Services a, b and, forwarded by lb4d, l4; pools p (routed), q (routed) and r (of lb4d).
static const char both[] =
	"{'services': ["
	" {'name': 'l4', 'address': '192.0.2.1', 'port': 80, 'protocol': 'tcp', 'pool': 'r'},"
	" {'name': 'a', 'address': '127.0.0.1', 'port': 81, 'protocol': 'tcp', 'l7': 'x'},"
	" {'name': 'b', 'address': '127.0.0.1', 'port': 82, 'protocol': 'tcp', 'l7': 'x'}],"
	"'ports': [{'name': 'p', 'driver': 'af_xdp', 'device': 'none'}], 'lanes': [0],"
	"'l7': [{'name': 'x', 'routes': [{'path': '/q', 'pool': 'q'}, {'path': '/', 'pool': 'p'}]}],"
	"'pools': ["
	" {'name': 'r', 'backends': [{'name': 'b1', 'address': '192.0.2.9', 'port': 80}]},"
	" {'name': 'p', 'backends': [{'name': 'b1', 'address': '127.0.0.1', 'port': 91},"
	"                            {'name': 'b2', 'address': '127.0.0.1', 'port': 92}]},"
	" {'name': 'q', 'backends': [{'name': 'b1', 'address': '127.0.0.1', 'port': 93}]}]}";

static const char fewer[] =
	"{'services': ["
	" {'name': 'c', 'address': '127.0.0.1', 'port': 83, 'protocol': 'tcp', 'l7': 'x'},"
	" {'name': 'b', 'address': '127.0.0.1', 'port': 84, 'protocol': 'tcp', 'l7': 'x'}],"
	"'l7': [{'name': 'x', 'routes': [{'path': '/', 'pool': 'p'}]}],"
	"'pools': [{'name': 'p', 'backends': [{'name': 'b2', 'address': '127.0.0.1', 'port': 99}]}]}";

Test(telemetry, what_lb7d_serves_gets_ids_and_nothing_else)
{
	struct telemetry t = {0};
	struct site *s = site_of(both);

	cr_assert_eq(telemetry_open(&t, NULL, s->shared, 2), 0);
	telemetry_assign(&t, s->shared, 7);
	cr_expect_eq(s->shared->service_ids[0], STATS_L7_OTHER);
	cr_expect_eq(s->shared->service_ids[1], 1);
	cr_expect_eq(s->shared->service_ids[2], 2);
	cr_expect_eq(s->shared->backend_ids[0][0], STATS_L7_OTHER);
	cr_expect_eq(s->shared->backend_ids[1][0], 1);
	cr_expect_eq(s->shared->backend_ids[1][1], 2);
	cr_expect_eq(s->shared->backend_ids[2][0], 3);
	cr_expect_str_eq(t.store.service_names[1].name, "a");
	cr_expect_str_eq(t.store.service_names[1].group, "x");
	cr_expect_eq(t.store.service_names[1].port, 81);
	cr_expect_str_eq(t.store.backend_names[3].group, "q");
	cr_expect_eq(t.store.meta->generation, 7);
	cr_expect_eq(t.store.meta->writer.pid, (uint32_t)getpid());
	telemetry_close(&t);
	site_put(s);
}

Test(telemetry, ids_stay_over_a_reload)
{
	struct telemetry t = {0};
	struct site *s = site_of(both), *next = site_of(fewer);

	cr_assert_eq(telemetry_open(&t, NULL, s->shared, 1), 0);
	telemetry_assign(&t, s->shared, 1);
	telemetry_assign(&t, next->shared, 2);
	cr_expect_eq(next->shared->service_ids[0], 3, "new");
	cr_expect_eq(next->shared->service_ids[1], 2, "as before, on another port");
	cr_expect_eq(next->shared->backend_ids[0][0], 2, "as before, at another address");
	cr_expect_eq(t.store.service_names[1].used, STATS_RETIRED);
	cr_expect_eq(t.store.backend_names[3].used, STATS_RETIRED);
	telemetry_close(&t);
	site_put(next);
	site_put(s);
}

Test(telemetry, slots_of_workers_and_ids_are_apart)
{
	struct telemetry t = {0};
	struct site *s = site_of(both);
	struct l7_service_counters sum;

	cr_assert_eq(telemetry_open(&t, NULL, s->shared, 2), 0);
	telemetry_service(&t, 0, 1).counters->requests = 1;
	telemetry_service(&t, 1, 1).counters->requests = 2;
	telemetry_service(&t, 1, 2).counters->requests = 4;
	stats_l7_sum_service(&t.store, 1, &sum);
	cr_expect_eq(sum.requests, 3);
	stats_l7_sum_service(&t.store, 2, &sum);
	cr_expect_eq(sum.requests, 4);
	telemetry_close(&t);
	telemetry_close(&t); // again is fine
	site_put(s);
}

static int refuse(struct stats_l7 *out, const struct conf *conf, const struct stats_l7_room *room,
                  struct err *err)
{
	return err_set(err, -EBUSY, "somebody else's");
}

Test(telemetry, counts_for_itself_where_it_may_not_share)
{
	struct telemetry t = {0};
	struct site *s = site_of(both);

	cr_assert_eq(telemetry_open(&t, refuse, s->shared, 2), 0);
	cr_expect(t.is_open && t.store.is_private);
	telemetry_close(&t);
	site_put(s);
}

static const struct stats_l7_room *asked;
static struct stats_l7_room asked_room;

static int remember(struct stats_l7 *out, const struct conf *conf, const struct stats_l7_room *room,
                    struct err *err)
{
	asked_room = *room;
	asked = &asked_room;
	return stats_l7_store_open_private(out, room);
}

Test(telemetry, room_follows_from_the_configuration)
{
	struct stats_l7_room want = stats_l7_store_room(3, 2, 3, 0);
	struct telemetry t = {0};
	struct site *s = site_of(both);

	cr_assert_eq(telemetry_open(&t, remember, s->shared, 3), 0);
	cr_assert_eq(asked, &asked_room);
	cr_expect_eq(memcmp(asked, &want, sizeof(want)), 0);
	telemetry_close(&t);
	site_put(s);
}

// What `lbctl check` calls good: 4 entries with 32 models each, of which each two share one.
Test(telemetry, each_model_that_a_configuration_names_has_counters_of_its_own)
{
	bool is_taken[256] = {false};
	char text[16384];
	size_t len = (size_t)snprintf(text, sizeof(text), "{'l7': [");
	struct telemetry t = {0};
	struct site *s;

	for (int i = 0; i < 4; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		                        "%s{'name': 'x%d', 'routes': [{'path': '/', 'answer': "
		                        "{'status': 200}}], 'streams': "
		                        "{'measure': 'tokens', 'models': ['shared'",
		                        i ? "," : "", i);
		for (int j = 1; j < CONF_MAX_MODELS; j++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, ",'m%d-%d'", i, j);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "]}}");
	}
	snprintf(text + len, sizeof(text) - len, "]}");
	s = site_of(text);
	cr_assert_eq(telemetry_open(&t, NULL, s->shared, 1), 0);
	telemetry_assign(&t, s->shared, 1);
	for (int i = 0; i < 4; i++) {
		cr_expect_eq(s->shared->model_ids[i][0], s->shared->model_ids[0][0]);
		for (int j = i > 0; j < CONF_MAX_MODELS; j++) {
			uint16_t id = s->shared->model_ids[i][j];

			cr_assert(id != STATS_L7_OTHER && id < ARRAY_LEN(is_taken), "%d %d", i, j);
			cr_expect_not(is_taken[id], "%d %d", i, j);
			is_taken[id] = true;
		}
	}
	telemetry_close(&t);
	site_put(s);
}

// Each kind of connection is in one gauge at a time.
Test(telemetry, connections_move_from_gauge_to_gauge)
{
	struct l7_service_counters c = {0};

	for (enum telemetry_protocol p = TELEMETRY_HANDSHAKE; p <= TELEMETRY_WEBSOCKET; p++) {
		telemetry_enter(&c, p);
		cr_expect_eq(c.open_handshake + c.open_http1 + c.open_http2 + c.open_websocket, 1);
		telemetry_leave(&c, p);
		cr_expect_eq(c.open_handshake + c.open_http1 + c.open_http2 + c.open_websocket, 0);
	}
	cr_expect_eq(c.connections_http1, 1);
	cr_expect_eq(c.connections_http2, 1);
	cr_expect_eq(c.connections_websocket, 1);
}
