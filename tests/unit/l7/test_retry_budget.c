// SPDX-License-Identifier: BSD-3-Clause
#include "l7/retry_budget.h"

#include <criterion/criterion.h>

static uint32_t take_all(struct retry_budget *b, const struct conf_retry_budget *conf,
                         uint64_t now_ms)
{
	uint32_t n = 0;

	while (retry_budget_take(b, conf, now_ms))
		n++;
	return n;
}

static void count(struct retry_budget *b, const struct conf_retry_budget *conf, uint32_t n)
{
	while (n--)
		retry_budget_count(b, conf);
}

Test(retry_budget, each_request_puts_its_part_aside)
{
	static const struct conf_retry_budget conf = {.percent = 20};
	struct retry_budget b = {0};

	cr_expect_eq(take_all(&b, &conf, 1000), 0);
	count(&b, &conf, 4);
	cr_expect_eq(take_all(&b, &conf, 1000), 0);
	count(&b, &conf, 1);
	cr_expect_eq(take_all(&b, &conf, 1000), 1, "five times a fifth");
	count(&b, &conf, 1000);
	cr_expect_eq(take_all(&b, &conf, 1000), 200);
}

Test(retry_budget, each_second_puts_some_aside)
{
	static const struct conf_retry_budget conf = {.per_second = 3};
	struct retry_budget b = {0};

	cr_expect_eq(take_all(&b, &conf, 5000), 30, "ten seconds' worth at first");
	cr_expect_eq(take_all(&b, &conf, 5333), 0);
	cr_expect_eq(take_all(&b, &conf, 6000), 3, "what rounding left counts later");
	cr_expect_eq(take_all(&b, &conf, 8000), 6);
}

Test(retry_budget, asking_all_the_time_loses_no_time)
{
	static const struct conf_retry_budget conf = {.per_second = 3};
	struct retry_budget b = {0};
	int n = 0;

	take_all(&b, &conf, 5000);
	for (uint64_t ms = 5001; ms <= 15000; ms++)
		n += retry_budget_take(&b, &conf, ms);
	cr_expect_geq(n, 29);
	cr_expect_leq(n, 30);
}

Test(retry_budget, what_is_put_aside_is_bounded)
{
	static const struct conf_retry_budget conf = {.percent = 20, .per_second = 3};
	struct retry_budget b = {0};

	cr_expect_eq(take_all(&b, &conf, 1000), 30);
	count(&b, &conf, 1000000);
	cr_expect_eq(take_all(&b, &conf, 1000000000), 530);
}

Test(retry_budget, none_is_none)
{
	static const struct conf_retry_budget conf = {0};
	struct retry_budget b = {0};

	count(&b, &conf, 1000);
	cr_expect_eq(take_all(&b, &conf, 1000), 0);
	cr_expect_eq(take_all(&b, &conf, 1000000), 0);
}

Test(retry_budget, retries_never_exceed_their_part_of_the_requests)
{
	static const struct conf_retry_budget conf = {.percent = 100, .per_second = 65535};
	struct retry_budget b = {0};

	count(&b, &conf, 5000);
	cr_expect_eq(take_all(&b, &conf, UINT64_MAX / 2), 2500 + 655350,
	             "the most that is set aside");
}
