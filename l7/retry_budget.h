// SPDX-License-Identifier: BSD-3-Clause
// How many requests may be sent once more (after Finagle's RetryBudget): each request puts a part of a retry aside, each second some whole ones,
// each retry takes one. So retries never multiply what an outage leaves of a pool. What is put aside is bounded.
// Of one worker for one pool; one thread.
#pragma once

#include "l4/model/conf.h"

struct retry_budget {
	uint64_t refilled_ms; // last; 0 = never
	uint32_t saved;       // hundredths of a retry
};

void retry_budget_count(struct retry_budget *b,
                        const struct conf_retry_budget *conf); // a request began

// Whether a request may be sent once more.
NODISCARD bool retry_budget_take(struct retry_budget *b, const struct conf_retry_budget *conf,
                                 uint64_t now_ms);
