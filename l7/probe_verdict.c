// SPDX-License-Identifier: BSD-3-Clause
#include "l7/probe_verdict.h"

#include <stdio.h>

static uint16_t needed(const struct probe_verdict *v, const struct probe_verdict_rule *rule,
                       bool is_good)
{
	if (v->record.state == HEALTH_UNKNOWN)
		return 1;
	return is_good ? rule->rise : rule->fall;
}

bool probe_verdict_take(struct probe_verdict *v, const struct probe_verdict_rule *rule,
                        bool is_good, const char *reason, uint64_t now_ns)
{
	uint8_t state = is_good ? HEALTH_HEALTHY : HEALTH_UNHEALTHY;

	if (v->record.state == state) {
		v->streak = 0;
		return false;
	}
	v->streak++;
	if (v->streak < needed(v, rule, is_good))
		return false;
	v->streak = 0;
	v->record.state = state;
	v->record.changed_ns = now_ns;
	snprintf(v->record.reason, sizeof(v->record.reason), "%s", reason);
	return true;
}
