// SPDX-License-Identifier: BSD-3-Clause
#include "l7/descriptors.h"

#include <criterion/criterion.h>

#include <sys/resource.h>

static const struct {
	const char *name;
	uint64_t limit;
	uint32_t wanted; // worker_connections
	uint16_t n_workers;
	uint32_t share;
} cases[] = {
	{"two for each, an eighth kept", 16000, 0, 1, 7000},
	{"shared by all", 16000, 0, 4, 1750},
	{"what the operator says", 16000, 100, 4, 100},
	{"what the operator says, though it is too much", 1024, 100000, 4, 100000},
	{"never too few to be of use", 64, 0, 8, 16},
	{"no limit at all", RLIM_INFINITY, 0, 2, 1048576},
};

Test(descriptors, are_shared_by_the_workers)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct conf conf = {.worker_connections = cases[i].wanted};

		cr_expect_eq(descriptors_share(&conf, cases[i].n_workers, cases[i].limit),
		             cases[i].share, "%s", cases[i].name);
	}
}

Test(descriptors, the_limit_is_raised_as_far_as_it_goes)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 64;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(descriptors_raise(), limit.rlim_max);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(limit.rlim_cur, limit.rlim_max);
}
