// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include "l4/model/conf_near.h"

static const struct {
	const char *name, *want; // want NULL = nothing is near
} cases[] = {
	{"nodes", "node"},
	{"noed", "node"},
	{"services", "services"},
	{"service", "services"},
	{"lane", "lanes"},
	{"idlemaxus", "idle_max_us"},
	{"hugepage", "hugepages"},
	{"tim", "timeouts"},
	{"hugep", "hugepages"},
	{"flow", "flows"},
	{"xyzzy", NULL},
	{"", NULL},
	{"n", NULL},
	{"l8", NULL},
	{"a_name_that_is_longer_than_any_key_of_ours", NULL},
};

Test(conf_near, two_slips_are_forgiven_and_beginnings_completed)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *near = conf_near_find(&conf_key_root, cases[i].name);

		cr_expect_str_eq(near ? near : "-", cases[i].want ? cases[i].want : "-", "%s",
		                 cases[i].name);
	}
}
