// SPDX-License-Identifier: BSD-3-Clause
#include "l7/probe_verdict.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

// results: + good, - bad; states after each: u unknown, h healthy, n unhealthy
static const struct {
	const char *name;
	uint16_t rise, fall;
	const char *results, *states;
} cases[] = {
	{"the first result decides, good", 3, 3, "+", "h"},
	{"the first result decides, bad", 3, 3, "-", "n"},
	{"three failures in a row", 2, 3, "+---", "hhhn"},
	{"a success between begins anew", 2, 3, "+--+--", "hhhhhh"},
	{"and then three", 2, 3, "+--+---", "hhhhhhn"},
	{"two successes in a row", 2, 3, "-++", "nnh"},
	{"a failure between begins anew", 2, 3, "-+-++", "nnnnh"},
	{"one of each is enough", 1, 1, "+-+-", "hnhn"},
	{"there and back", 2, 2, "+--++--", "hhnnhhn"},
	{"streaks do not outlive a transition", 2, 2, "+--+-+-+", "hhnnnnnn"},
};

static char letter(const struct probe_verdict *v)
{
	return "uhn"[v->record.state];
}

Test(probe_verdict, rise_and_fall)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct probe_verdict_rule rule = {cases[i].rise, cases[i].fall};
		struct probe_verdict v = {0};

		cr_expect_eq(letter(&v), 'u');
		for (size_t r = 0; cases[i].results[r]; r++) {
			char before = letter(&v);
			bool changed = probe_verdict_take(&v, &rule, cases[i].results[r] == '+',
			                                  "because", r + 1);

			cr_expect_eq(letter(&v), cases[i].states[r], "%s: result %zu: %c",
			             cases[i].name, r, letter(&v));
			cr_expect_eq(changed, before != letter(&v), "%s: result %zu", cases[i].name,
			             r);
		}
	}
}

Test(probe_verdict, a_transition_has_its_own_reason_and_time)
{
	struct probe_verdict_rule rule = {.rise = 1, .fall = 2};
	struct probe_verdict v = {0};

	cr_expect(probe_verdict_take(&v, &rule, true, "status 200", 10));
	cr_expect_not(probe_verdict_take(&v, &rule, true, "status 204", 20));
	cr_expect_str_eq(v.record.reason, "status 200");
	cr_expect_not(probe_verdict_take(&v, &rule, false, "status 503", 30));
	cr_expect_eq(v.record.changed_ns, 10);
	cr_expect(probe_verdict_take(&v, &rule, false, "status 500", 40));
	cr_expect_str_eq(v.record.reason, "status 500");
	cr_expect_eq(v.record.changed_ns, 40);
}

Test(probe_verdict, a_long_reason_is_cut)
{
	struct probe_verdict_rule rule = {1, 1};
	struct probe_verdict v = {0};
	char reason[2 * HEALTH_REASON_SIZE];

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = 0;
	cr_expect(probe_verdict_take(&v, &rule, false, reason, 1));
	cr_expect_eq(strlen(v.record.reason), HEALTH_REASON_SIZE - 1);
}
