// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/ctl_edit.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char text[] = "{\"pools\": [{\"name\": \"web\", \"backends\": ["
			   "{\"name\": \"a\", \"address\": \"10.0.0.1\", \"port\": 80},"
			   "{\"name\": \"b\", \"address\": \"10.0.0.2\", \"port\": 80}]}]}";

static struct conf *running;
static struct err err;

static void begin(void)
{
	cr_assert_eq(conf_parse(&running, text, strlen(text), &err), 0, "%s", err.msg);
}

static void end(void)
{
	cr_expect_eq(running->pools[0].n_backends, 2, "the running configuration is untouched");
	cr_expect_eq(running->pools[0].backends[0].weight, 100);
	conf_free(running);
}

TestSuite(ctl_edit, .init = begin, .fini = end);

static struct conf *edited(enum ctl_method method, const union ctl_params *params)
{
	struct conf *next = NULL;

	cr_assert_eq(ctl_edit_conf(&next, running, method, params, &err), 0, "%s", err.msg);
	return next;
}

Test(ctl_edit, adds)
{
	union ctl_params p = {.backend_add = {.pool = "web",
	                                      .name = "c",
	                                      .port = be16_from(81),
	                                      .weight = 7,
	                                      .state = STATE_DRAIN}};
	struct conf *next;

	cr_assert_eq(addr_parse(&p.backend_add.address, "10.0.0.3"), 0);
	next = edited(CTL_BACKEND_ADD, &p);
	cr_assert_eq(next->pools[0].n_backends, 3);
	cr_expect_str_eq(next->pools[0].backends[2].name, "c");
	cr_expect_eq(next->pools[0].backends[2].weight, 7);
	cr_expect_eq(next->pools[0].backends[2].state, STATE_DRAIN);
	conf_free(next);
}

Test(ctl_edit, removes_weighs_and_sets_states)
{
	union ctl_params p = {.backend_name = {.pool = "web", .name = "a"}};
	struct conf *next = edited(CTL_BACKEND_REMOVE, &p);

	cr_assert_eq(next->pools[0].n_backends, 1);
	cr_expect_str_eq(next->pools[0].backends[0].name, "b");
	conf_free(next);
	p.backend_weight.weight = 3;
	next = edited(CTL_BACKEND_WEIGHT, &p);
	cr_expect_eq(next->pools[0].backends[0].weight, 3);
	conf_free(next);
	p.backend_state.state = STATE_DOWN;
	next = edited(CTL_BACKEND_STATE, &p);
	cr_expect_eq(next->pools[0].backends[0].state, STATE_DOWN);
	conf_free(next);
}

static const struct {
	enum ctl_method method;
	const char *pool, *name, *sentence;
	int rc;
} refusals[] = {
	{CTL_BACKEND_REMOVE, "web", "x", "pool \"web\" has no backend \"x\"", -ENOENT},
	{CTL_BACKEND_WEIGHT, "dns", "a", "there is no pool \"dns\"", -ENOENT},
	{CTL_BACKEND_STATE, "web", "", "pool \"web\" has no backend \"\"", -ENOENT},
	{CTL_BACKEND_ADD, "dns", "a", "there is no pool \"dns\"", -ENOENT},
};

Test(ctl_edit, refusals_name_what_is_missing)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		union ctl_params p = {0};
		struct conf *next = NULL;

		snprintf(p.backend_name.pool, CTL_NAME_SIZE, "%s", refusals[i].pool);
		snprintf(p.backend_name.name, CTL_NAME_SIZE, "%s", refusals[i].name);
		cr_expect_eq(ctl_edit_conf(&next, running, refusals[i].method, &p, &err),
		             refusals[i].rc);
		cr_expect_str_eq(err.msg, refusals[i].sentence);
		cr_expect_null(next);
	}
}
