// SPDX-License-Identifier: BSD-3-Clause
// Writes Prometheus' text format 0.0.4 (prometheus.io, "Exposition formats") to a text that has room: a head takes at most
// METRICS_PAGE_HEAD bytes, a row METRICS_PAGE_ROW. Any thread.
#pragma once

#include "l7/metrics_family.h"
#include "l7/text.h"

enum {
	METRICS_PAGE_LABELS = 256, // names of the configuration with their labels, and the end
	METRICS_PAGE_HEAD = 512,
	METRICS_PAGE_ROW = 10240, // a histogram: 25 lines of 400 bytes at most
};

// "# HELP" and "# TYPE" of a family, before its rows.
void metrics_page_head(struct text *out, const char *name, const char *type, const char *help);

// One sample; labels without braces, "" = none.
void metrics_page_count(struct text *out, const char *name, const char *labels, uint64_t value);
void metrics_page_gauge(struct text *out, const char *name, const char *labels, int64_t value);
void metrics_page_seconds(struct text *out, const char *name, const char *labels, uint64_t ns);

// A histogram, cumulative, to its bounds.
void metrics_page_time(struct text *out, const char *name, const char *labels,
                       const struct stats_histogram *h, const uint64_t *bounds);
// Those of TCP, of numbers or of times; family->unit_ns says which.
void metrics_page_log2(struct text *out, const struct metrics_family *family, const char *labels,
                       const struct counters_log2 *h);

// Appends label="value", escaped, behind what is there already. What does not fit is cut.
void metrics_page_label(char labels[METRICS_PAGE_LABELS], const char *label, const char *value);
void metrics_page_label_number(char labels[METRICS_PAGE_LABELS], const char *label, uint32_t value);
