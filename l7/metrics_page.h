// SPDX-License-Identifier: BSD-3-Clause
// Writes Prometheus' text format 0.0.4 (prometheus.io, "Exposition formats"): families in one piece, each with help and type.
// Main thread.
#pragma once

#include "l7/metrics_family.h"

#include <stdio.h>

enum { METRICS_PAGE_LABELS = 192 }; // two names of the configuration with their labels

// Things of one kind: values[n] of `stride` bytes each, and what tells them apart, `service="web"`.
struct metrics_page_set {
	const char *prefix; // of their families
	const void *values;
	size_t stride;
	const char (*labels)[METRICS_PAGE_LABELS];
	size_t n;
};

void metrics_page_head(FILE *out, const char *name, const char *type, const char *help);

// One sample; labels without braces, "" = none.
void metrics_page_value(FILE *out, const char *name, const char *labels, double value);

// Families of all fields.
void metrics_page_counters(FILE *out, const struct metrics_page_set *set,
                           const struct stats_field *fields, size_t n,
                           const struct metrics_rule *rules);
void metrics_page_times(FILE *out, const struct metrics_page_set *set,
                        const struct stats_time *fields, size_t n);
void metrics_page_log2(FILE *out, const struct metrics_page_set *set,
                       const struct stats_log2_field *fields, size_t n);

// Appends label="value", escaped, behind what is there already. What does not fit is cut.
void metrics_page_label(char labels[METRICS_PAGE_LABELS], const char *label, const char *value);
