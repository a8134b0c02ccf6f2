// SPDX-License-Identifier: BSD-3-Clause
// How a counter of l4/model/counters.h is called in Prometheus (prometheus.io, "Metric and label naming"): "lb_", a prefix for the kind
// of thing, the name, the base unit, "_total" for counters. Counters that differ in one word are one family with a label for it:
// responses_2xx and responses_5xx of a service are lb_responses_total{code="2xx"} and {code="5xx"}. What no rule
// mentions is a family of its own, so that a new line in counters.h shows without a line here.
#pragma once

#include "l4/model/stats_l7.h"

enum { METRICS_FAMILY_NAME = 96 };

struct metrics_rule {
	const char *match; // of the counter's name; ends with '_': the beginning of it
	const char *name;  // instead
	const char *label; // NULL = none
	const char *value; // of the label; NULL = what follows the match
	const char *help;  // of the family; NULL = the counter's own
};

struct metrics_family {
	char name[METRICS_FAMILY_NAME];
	const char *label; // NULL = none
	const char *value;
	const char *help;
	uint32_t
		unit_ns; // of times, which are shown in seconds: how long the counter's unit is; 0 = no time
	bool is_counter;
	bool is_gen_ai; // of services, with the labels that OpenTelemetry's conventions require
};

// Rules of the kinds of things; each ends with an empty one.
extern const struct metrics_rule metrics_family_service[], metrics_family_backend[],
	metrics_family_worker[], metrics_family_model[], metrics_family_lane[],
	metrics_family_port[], metrics_family_none[];

// `prefix`: "backend_", "" ...
void metrics_family_of(struct metrics_family *out, const char *prefix, const struct stats_field *f,
                       const struct metrics_rule *rules);

// Likewise for times, always in seconds; names of OpenTelemetry's GenAI conventions where they fit.
void metrics_family_of_time(struct metrics_family *out, const char *prefix,
                            const struct stats_time *f);

// Likewise for the histograms of TCP.
void metrics_family_of_log2(struct metrics_family *out, const char *prefix,
                            const struct stats_log2_field *f);

// Upper bounds of a family's buckets in ns, rising, 0 at the end; each is one of stats_histogram_bounds.
const uint64_t *metrics_family_bounds(const char *time_name);
