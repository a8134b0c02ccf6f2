// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/model/conf.h"
#include "tests/support/confcase.h"
#include "tests/support/failmalloc.h"

static struct conf_backend web3(void)
{
	return (struct conf_backend){
		.name = "web-3",
		.address = addr_ip4(be32_from(0x0a00000d)),
		.port = be16_from(80),
		.weight = 100,
	};
}

static void expect_text(const struct conf *conf, const char *want)
{
	char *text = conf_text(conf);

	cr_expect_str_eq(text, want);
	free(text);
}

Test(conf_edit, a_clone_is_equal_and_shares_nothing)
{
	struct conf *c = confcase_parse(NULL, NULL), *copy = NULL;
	char *text = conf_text(c);

	cr_assert_eq(conf_clone(&copy, c), 0);
	cr_expect_neq(copy->node, c->node);
	cr_expect_neq(copy->pools[0].backends[0].name, c->pools[0].backends[0].name);
	cr_expect_str_eq(copy->file, c->file);
	memset(c->pools, 0xff, c->n_pools * sizeof(*c->pools));
	conf_free(c);
	expect_text(copy, text);
	cr_expect_eq(conf_check(copy, NULL), 0);
	free(text);
	conf_free(copy);
}

Test(conf_edit, an_added_backend_is_found_and_written)
{
	struct conf *c = confcase_parse(NULL, NULL);
	struct conf_pool *pool = conf_pool_find(c, "web");
	char name[] = "web-3";
	struct conf_backend b = web3();

	b.name = name;
	cr_assert_eq(conf_backend_add(c, pool, &b, NULL), 0);
	strcpy(name, "gone"); // the pool has its own copy
	cr_expect_eq(pool->n_backends, 3);
	cr_expect_eq(conf_backend_find(pool, "web-3"), &pool->backends[2]);
	conf_free(c);
}

static const struct {
	const char *want;
	int rc;
	struct conf_backend b;
} refused[] = {
#define GOOD .name = "web-3", .address = {.family = ADDR_IP4, .ip6 = {10, 0, 0, 13}}, .port = 0x5000
	{"name: \"web-1\" is already in pool \"web\"",
         -EEXIST,
         {.name = "web-1", .address = {.family = ADDR_IP4, .ip6 = {1, 2, 3, 4}}, .port = 0x5000}},
	{"address: 10.0.0.11:80 is already backend \"web-1\" of pool \"web\"",
         -EEXIST,
         {.name = "web-3", .address = {.family = ADDR_IP4, .ip6 = {10, 0, 0, 11}}, .port = 0x5000}},
	{"pools[0].backends[2].port: 8080, but services[0].port is 80 and \"dsr\" rewrites no port",
         -EINVAL,
         {.name = "web-3", .address = {.family = ADDR_IP4, .ip6 = {10, 0, 0, 13}}, .port = 0x901f}},
	{"name: not a name", -EINVAL, {.name = "a b"}},
	{"address: missing", -EINVAL, {.name = "a"}},
	{"port: 0 is not in 1..65535",
         -EINVAL,
         {.name = "a", .address = {.family = ADDR_IP4, .ip6 = {10, 0, 0, 13}}}},
	{"weight: 1001 is not in 0..1000", -EINVAL, {GOOD, .weight = 1001}},
	{"state: 3 is not one of them", -EINVAL, {GOOD, .state = STATE_COUNT}},
	{"server_id: 16 bytes, not 1..15", -EINVAL, {GOOD, .server_id_len = 16}},
	{"mac: not the address of one station", -EINVAL, {GOOD, .has_mac = true}},
};

Test(conf_edit, a_refused_backend_changes_nothing)
{
	struct conf *c = confcase_parse(NULL, NULL);
	char *text = conf_text(c);

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct err err = {0};

		cr_expect_eq(conf_backend_add(c, &c->pools[0], &refused[i].b, &err), refused[i].rc);
		cr_expect_str_eq(err.msg, refused[i].want);
		expect_text(c, text);
	}
	free(text);
	conf_free(c);
}

static const struct {
	const char *want;
	uint8_t server_id_len, server_id[CONF_SERVER_ID_MAX];
} refused_ids[] = {
	{"pools[1].backends[2].server_id: missing, services[1].quic_lb needs it", 0, {0}},
	{"pools[1].backends[2].server_id: already that of backends[1]", 3, {0, 0, 2}},
	{"pools[1].backends[2].server_id: 2 bytes, but services[1].quic_lb[0] wants 3", 2, {0, 3}},
};

Test(conf_edit, a_backend_without_a_server_id_of_its_own_is_refused)
{
	struct conf *c = confcase_parse(NULL, NULL);
	struct conf_backend b = {GOOD};
	char *text = conf_text(c);

	for (size_t i = 0; i < ARRAY_LEN(refused_ids); i++) {
		struct err err = {0};

		b.server_id_len = refused_ids[i].server_id_len;
		memcpy(b.server_id, refused_ids[i].server_id, sizeof(b.server_id));
		cr_expect_eq(conf_backend_add(c, &c->pools[1], &b, &err), -EINVAL);
		cr_expect_str_eq(err.msg, refused_ids[i].want);
		expect_text(c, text);
	}
	free(text);
	conf_free(c);
}

Test(conf_edit, a_full_pool_takes_no_more)
{
	struct conf *c = confcase_parse("'table_size': 251", "'table_size': 65537");
	char name[CONF_NAME_MAX];
	struct err err = {0};

	for (unsigned int i = 2; i <= CONF_MAX_POOL_BACKENDS; i++) {
		struct conf_backend b = web3();
		int rc;

		snprintf(name, sizeof(name), "b%u", i);
		b.name = name;
		b.address = addr_ip4(be32_from(0x0a010000 + i));
		// Checking the whole each time is quadratic; one failure is enough to know.
		rc = conf_backend_add(c, &c->pools[0], &b, &err);
		cr_assert_eq(rc, i < CONF_MAX_POOL_BACKENDS ? 0 : -EINVAL, "%u %s", i, err.msg);
	}
	cr_expect_str_eq(err.msg, "pool \"web\" has 1024 backends, no more are possible");
	conf_free(c);
}

Test(conf_edit, those_behind_a_removed_backend_move_up)
{
	struct conf *c = confcase_parse(NULL, NULL);
	struct conf_pool *pool = &c->pools[0];

	conf_backend_remove(pool, 0);
	cr_assert_eq(pool->n_backends, 1);
	cr_expect_str_eq(pool->backends[0].name, "web-2");
	conf_backend_remove(pool, 0);
	cr_expect_eq(pool->n_backends, 0);
	cr_expect_eq(conf_check(c, NULL), 0);
	conf_free(c);
}

Test(conf_edit, no_memory_at_any_point_changes_nothing)
{
	struct conf *c = confcase_parse(NULL, NULL), *copy = NULL;
	struct conf_backend b = web3();
	int rc = -ENOMEM;

	if (!failmalloc_works())
		cr_skip("the sanitizer has its own malloc");
	for (unsigned int n = 1; rc; n++) {
		failmalloc_arm(n);
		rc = conf_clone(&copy, c);
		cr_expect_eq(failmalloc_disarm(), rc != 0);
		cr_expect(rc == 0 || rc == -ENOMEM);
	}
	conf_free(copy);
	for (unsigned int n = 1; conf_backend_find(&c->pools[0], "web-3") == NULL; n++) {
		failmalloc_arm(n);
		rc = conf_backend_add(c, &c->pools[0], &b, NULL);
		cr_expect_eq(failmalloc_disarm(), rc == -ENOMEM);
		cr_expect_eq(c->pools[0].n_backends, rc ? 2 : 3);
	}
	conf_free(c);
}
