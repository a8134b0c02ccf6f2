// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include "l7/meter.h"

static const struct conf_l7_streams tokens = {.measure = MEASURE_TOKENS};
static struct l7_service_histograms times;

// No outage: what cannot be read may have been output.
Test(meter_dialect, a_stream_in_an_unknown_dialect_is_told_apart)
{
	static const struct token known = {.is_known = true}, foreign = {.is_foreign = true},
				  heartbeat = {.is_known = false};
	static const struct {
		const struct token *first, *second;
		enum meter_end end;
		uint64_t no_output, not_understood;
	} cases[] = {
		{&foreign, &foreign, METER_END_COMPLETED, 0, 1},
		{&foreign, &heartbeat, METER_END_COMPLETED, 0, 1},
		{&foreign, &known, METER_END_COMPLETED, 1, 0},
		{&known, NULL, METER_END_COMPLETED, 1, 0},
		{NULL, NULL, METER_END_COMPLETED, 0, 1},
		{&foreign, &foreign, METER_END_TIMEOUT, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct l7_service_counters c = {.events = 0};
		struct meter m = {.in = {.counters = &c,
		                         .times = &times,
		                         .conf = &tokens,
		                         .is_ok = true,
		                         .asked_ns = 1}};

		meter_begin(&m);
		if (cases[i].first)
			meter_event(&m, cases[i].first, 510);
		if (cases[i].second)
			meter_event(&m, cases[i].second, 520);
		else
			meter_oversize(&m, 520);
		meter_end(&m, cases[i].end);
		cr_expect_eq(c.no_first_token_no_output, cases[i].no_output, "%zu", i);
		cr_expect_eq(c.no_first_token_not_understood, cases[i].not_understood, "%zu", i);
	}
}
