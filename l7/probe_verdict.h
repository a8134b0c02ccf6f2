// SPDX-License-Identifier: BSD-3-Clause
// What results of probes say of a backend: `fall` failures in a row make it unhealthy, `rise` successes in a row healthy;
// of a backend that nothing is known of, the first result decides at once. Any thread; no clock, no socket.
#pragma once

#include "l4/model/health.h"

struct probe_verdict { // all zero: nothing known
	struct health_record record;
	uint16_t streak; // results in a row that speak against record.state
};

struct probe_verdict_rule {
	uint16_t rise, fall; // 1..100
};

// Takes a result; `reason` says in words why it is good or bad, now_ns is CLOCK_REALTIME. True if the state is another
// now: then the record has that reason and time. The reason of a lasting state is that of its beginning.
bool probe_verdict_take(struct probe_verdict *v, const struct probe_verdict_rule *rule,
                        bool is_good, const char *reason, uint64_t now_ns);
