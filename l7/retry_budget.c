// SPDX-License-Identifier: BSD-3-Clause
#include "l7/retry_budget.h"

enum {
	RETRY = 100,           // hundredths
	SAVED_REQUESTS = 2500, // requests that are put aside for, at most
	SAVED_S = 10,          // seconds, likewise; also what is there at first
};

static uint32_t saved_most(const struct conf_retry_budget *conf)
{
	return SAVED_REQUESTS * conf->percent + RETRY * SAVED_S * conf->per_second;
}

static void save(struct retry_budget *b, const struct conf_retry_budget *conf, uint64_t more)
{
	uint64_t most = saved_most(conf), saved = b->saved + more;

	b->saved = (uint32_t)(saved < most ? saved : most);
}

void retry_budget_count(struct retry_budget *b, const struct conf_retry_budget *conf)
{
	save(b, conf, conf->percent);
}

static void refill(struct retry_budget *b, const struct conf_retry_budget *conf, uint64_t now_ms)
{
	uint64_t passed = b->refilled_ms ? now_ms - b->refilled_ms : SAVED_S * UINT64_C(1000);
	uint64_t gain;

	if (passed > SAVED_S * UINT64_C(1000))
		passed = SAVED_S * UINT64_C(1000);
	gain = RETRY * passed * conf->per_second;
	if (gain < RETRY * 1000)
		return; // not yet one: the time goes on counting, as rounding would eat it
	b->refilled_ms = now_ms - gain % 1000 / (RETRY * conf->per_second);
	save(b, conf, gain / 1000);
}

bool retry_budget_take(struct retry_budget *b, const struct conf_retry_budget *conf,
                       uint64_t now_ms)
{
	refill(b, conf, now_ms);
	if (b->saved < RETRY)
		return false;
	b->saved -= RETRY;
	return true;
}
