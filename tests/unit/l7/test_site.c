// SPDX-License-Identifier: BSD-3-Clause
#include "l7/route.h"
#include "l7/site.h"
#include "tests/support/confcase.h"
#include "tests/support/failmalloc.h"
#include "tests/unit/l7/requestbuild.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const char base[] =
	"{'l7': [{'name': 'other', 'routes': [{'path': '/', 'answer': {'status': 204}}]},\n"
	"        {'name': 'api', 'routes': [\n"
	"          {'host': 'a.example', 'path': '/', 'pool': 'rest'},\n"
	"          {'path': '/', 'pool': 'chat'}]}],\n"
	" 'pools': [\n"
	"   {'name': 'unrouted', 'balance': 'maglev', 'backends': [\n"
	"     {'name': 'u', 'address': '10.0.0.9', 'port': 80}]},\n"
	"   {'name': 'rest', 'balance': 'round_robin', 'backends': [\n"
	"     {'name': 'r1', 'address': '10.0.0.1', 'port': 80, 'weight': 30},\n"
	"     {'name': 'r2', 'address': '10.0.0.2', 'port': 80, 'weight': 10},\n"
	"     {'name': 'r3', 'address': '10.0.0.3', 'port': 80, 'weight': 0},\n"
	"     {'name': 'r4', 'address': '10.0.0.4', 'port': 80, 'state': 'drain'},\n"
	"     {'name': 'r5', 'address': '10.0.0.5', 'port': 80, 'state': 'down'}]},\n"
	"   {'name': 'chat', 'balance': 'maglev', 'table_size': 251, 'backends': [\n"
	"     {'name': 'c1', 'address': '10.0.0.1', 'port': 81},\n"
	"     {'name': 'c2', 'address': '10.0.0.2', 'port': 81}]}]}\n";

enum { UNROUTED, REST, CHAT };

static struct conf *parse(const char *text)
{
	char *json = confcase_json(text);
	struct conf *conf = NULL;
	struct err err = {0};

	cr_assert_eq(conf_parse(&conf, json, strlen(json), &err), 0, "%s", err.msg);
	free(json);
	return conf;
}

// Names of backends that are unhealthy, then of those that are healthy; the others are unknown.
struct known {
	const char *bad, *good;
};

static uint8_t health_of(void *owner, const struct conf_pool *pool,
                         const struct conf_backend *backend)
{
	const struct known *known = owner;

	if (strstr(known->bad, backend->name))
		return HEALTH_UNHEALTHY;
	return strstr(known->good, backend->name) ? HEALTH_HEALTHY : HEALTH_UNKNOWN;
}

static struct site *make(const char *text, const char *bad)
{
	struct known known = {bad, ""};
	struct site *s = NULL;
	struct err err = {0};

	cr_assert_eq(site_new(&s, parse(text), 1, health_of, &known, &err), 0, "%s", err.msg);
	return s;
}

static struct site *renew(const struct site *old, const char *bad, const char *good)
{
	struct known known = {bad, good};
	struct site *s = NULL;
	struct err err = {0};

	cr_assert_eq(site_renew(&s, old, old->generation + 1, health_of, &known, &err), 0, "%s",
	             err.msg);
	return s;
}

// "r1 r2 " of the usable ones.
static const char *usable(const struct site *s, int pool)
{
	static char text[128];
	size_t len = 0;

	text[0] = '\0';
	for (uint16_t i = 0; i < s->pools[pool].n_backends; i++)
		if (s->pools[pool].backends[i].is_usable)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s ",
			                        s->conf->pools[pool].backends[i].name);
	return text;
}

Test(site, arrays_run_parallel_to_the_configuration)
{
	struct site *s = make(base, "");

	cr_expect_eq(s->generation, 1);
	cr_expect_eq(s->conf, s->shared->conf);
	cr_expect_eq(site_l7_find(s, "other"), 0);
	cr_expect_eq(site_l7_find(s, "api"), 1);
	cr_expect_eq(site_l7_find(s, "ap"), SITE_NONE);
	cr_expect_eq(s->l7[1].conf, &s->conf->l7[1]);
	cr_expect_eq(s->l7[0].routes[0].pool, SITE_NONE);
	cr_expect_eq(s->l7[1].routes[0].pool, REST);
	cr_expect_eq(s->l7[1].routes[1].pool, CHAT);
	cr_expect_eq(s->l7[1].routes[1].conf, &s->conf->l7[1].routes[1]);
	cr_expect_eq(s->pools[REST].backends[1].weight, 10);
	site_put(s);
}

Test(site, routes_are_compiled)
{
	struct site *s = make(base, "");

	cr_expect_eq(route_find(&s->l7[1], requestbuild("a.example", "/x")), &s->l7[1].routes[0]);
	cr_expect_eq(route_find(&s->l7[1], requestbuild("b.example", "/x")), &s->l7[1].routes[1]);
	site_put(s);
}

Test(site, only_up_backends_with_weight_are_usable)
{
	struct site *s = make(base, "");

	cr_expect_str_eq(usable(s, REST), "r1 r2 ");
	cr_expect_eq(s->pools[REST].n_usable, 2);
	cr_expect_eq(s->pools[REST].n_schedule, 4);
	cr_expect(!s->pools[REST].is_open);
	site_put(s);
}

Test(site, an_unhealthy_backend_is_not_used_while_another_can_be)
{
	struct site *s = make(base, "r1 c2");

	cr_expect_str_eq(usable(s, REST), "r2 ");
	cr_expect_eq(s->pools[REST].n_schedule, 1);
	cr_expect_eq(s->pools[REST].schedule[0], 1);
	cr_expect_eq(s->pools[REST].backends[0].health, HEALTH_UNHEALTHY);
	for (uint32_t i = 0; i < 251; i++)
		cr_assert_eq(s->pools[CHAT].maglev.slot[i], 0);
	site_put(s);
}

Test(site, a_pool_fails_open_when_all_are_unhealthy)
{
	struct site *s = make(base, "r1 r2 r3 r4 r5");

	cr_expect_str_eq(usable(s, REST), "r1 r2 ", "neither drain, down nor weight 0");
	cr_expect(s->pools[REST].is_open);
	cr_expect_eq(s->pools[REST].n_schedule, 4);
	site_put(s);
}

Test(site, a_pool_does_not_fail_open_if_the_operator_says_none)
{
	static const char none[] =
		"{'l7': [{'name': 'api', 'routes': [{'path': '/', 'pool': 'rest'},\n"
		"                                   {'path': '/c', 'pool': 'chat'}]}],\n"
		" 'pools': [\n"
		"   {'name': 'rest', 'balance': 'round_robin', 'when_unhealthy': 'none',\n"
		"    'backends': [{'name': 'r1', 'address': '10.0.0.1', 'port': 80}]},\n"
		"   {'name': 'chat', 'balance': 'maglev', 'when_unhealthy': 'none',\n"
		"    'backends': [{'name': 'c1', 'address': '10.0.0.1', 'port': 80}]}]}";
	struct site *s = make(none, "r1 c1");

	for (int i = 0; i < 2; i++) {
		cr_expect_eq(s->pools[i].n_usable, 0);
		cr_expect(!s->pools[i].is_open);
	}
	cr_expect_eq(s->pools[0].n_schedule, 0);
	cr_expect_eq(maglev_pick(&s->pools[1].maglev, 1), MAGLEV_NONE);
	site_put(s);
}

Test(site, an_empty_pool_is_a_pool_of_which_nobody_is_usable)
{
	struct site *s = make("{'l7': [{'name': 'api', 'routes': [{'path': '/', 'pool': 'p'}]}],\n"
	                      " 'pools': [{'name': 'p', 'backends': []}]}",
	                      "");

	cr_expect_eq(s->pools[0].n_usable, 0);
	cr_expect(!s->pools[0].is_open);
	site_put(s);
}

Test(site, a_pool_that_no_route_names_has_no_table)
{
	struct site *s = make(base, "");

	cr_expect_null(s->pools[UNROUTED].maglev.slot);
	cr_expect_not_null(s->pools[CHAT].maglev.slot);
	cr_expect_eq(s->pools[UNROUTED].n_usable, 1);
	site_put(s);
}

Test(site, a_renewed_site_has_the_health_of_now_and_the_same_routes)
{
	struct site *old = make(base, ""), *s = renew(old, "r2 c1", "r1");

	cr_expect_eq(s->generation, 2);
	cr_expect_eq(s->l7, old->l7);
	cr_expect_str_eq(usable(s, REST), "r1 ");
	cr_expect_str_eq(usable(old, REST), "r1 r2 ", "the old one is immutable");
	site_put(old);
	cr_expect_eq(s->pools[REST].backends[0].health, HEALTH_HEALTHY);
	cr_expect_eq(maglev_pick(&s->pools[CHAT].maglev, 0), 1);
	cr_expect_eq(route_find(&s->l7[1], requestbuild("a.example", "/x")), &s->l7[1].routes[0]);
	site_put(s);
}

// Tables that are copied from the old site, and those that are built, must not differ.
Test(site, a_renewed_site_equals_one_that_was_built_from_nothing)
{
	static const char *const bads[] = {"", "r1", "r2", "c1", "c1 c2", "r1 r2 c2", "r1 c2", ""};
	struct site *s = make(base, "r1");

	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		struct site *next = renew(s, bads[i], ""), *built = make(base, bads[i]);
		const struct site_pool *a = &next->pools[REST], *b = &built->pools[REST];

		cr_expect_eq(a->n_schedule, b->n_schedule);
		cr_expect_eq(memcmp(a->schedule, b->schedule, a->n_schedule * 2), 0);
		a = &next->pools[CHAT];
		b = &built->pools[CHAT];
		cr_expect_eq(memcmp(a->maglev.slot, b->maglev.slot, a->maglev.n_slots * 2), 0);
		site_put(s);
		site_put(built);
		s = next;
	}
	site_put(s);
}

Test(site, a_backends_key_is_made_of_pool_name_address_and_port)
{
	struct conf *conf = parse(base);
	struct conf_pool pool = conf->pools[REST], renamed = pool;
	struct conf_backend b = pool.backends[0];
	uint64_t key = site_backend_key(&pool, &b);

	b.weight++;
	b.state = STATE_DRAIN;
	cr_expect_eq(site_backend_key(&pool, &b), key);
	renamed.name = "other";
	cr_expect_neq(site_backend_key(&renamed, &b), key);
	b.port = be16_from(81);
	cr_expect_neq(site_backend_key(&pool, &b), key);
	b = pool.backends[0];
	b.name = "r9";
	cr_expect_neq(site_backend_key(&pool, &b), key);
	b = pool.backends[0];
	b.address = pool.backends[1].address;
	cr_expect_neq(site_backend_key(&pool, &b), key);
	conf_free(conf);
}

Test(site, keys_stay_the_same_from_site_to_site)
{
	struct site *a = make(base, ""), *b = make(base, "r1");

	for (int i = 0; i < 5; i++)
		cr_expect_eq(a->pools[REST].backends[i].key, b->pools[REST].backends[i].key);
	site_put(a);
	site_put(b);
}

static void *get_and_put(void *arg)
{
	for (int i = 0; i < 100000; i++)
		site_put(site_get(arg));
	site_put(arg);
	return NULL;
}

Test(site, references_may_come_and_go_in_any_thread)
{
	struct site *s = make(base, "");
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, get_and_put, site_get(s)), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(atomic_load(&s->n_refs), 1);
	site_put(s);
	site_put(NULL);
}

Test(site, running_out_of_memory_frees_all_and_says_so)
{
	struct known known = {"r1", ""};
	struct site *s = NULL;
	struct err err = {0};
	unsigned int n = 1;
	int rc = -1;

	for (; rc && failmalloc_works(); n++) {
		struct conf *conf = parse(base);

		failmalloc_arm(n);
		rc = site_new(&s, conf, 1, health_of, &known, &err);
		failmalloc_disarm();
		if (rc) {
			cr_assert_eq(rc, -ENOMEM);
			cr_assert_null(s);
			cr_assert(strstr(err.msg, "memory"));
		}
	}
	cr_expect(!failmalloc_works() || n > 10);
	site_put(s);
}

Test(site, renewing_without_memory_leaves_the_old_site_alone)
{
	struct site *old = make(base, ""), *s = NULL;
	struct known known = {"r1", ""};
	struct err err = {0};
	int rc = -1;

	for (unsigned int n = 1; rc && failmalloc_works(); n++) {
		failmalloc_arm(n);
		rc = site_renew(&s, old, 2, health_of, &known, &err);
		failmalloc_disarm();
		cr_assert_eq(atomic_load(&old->shared->n_refs), rc ? 1 : 2);
	}
	site_put(s);
	cr_expect_eq(atomic_load(&old->shared->n_refs), 1);
	cr_expect_str_eq(usable(old, REST), "r1 r2 ");
	site_put(old);
}
