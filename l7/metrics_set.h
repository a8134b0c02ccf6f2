// SPDX-License-Identifier: BSD-3-Clause
// Things of one kind (lanes, services, backends ...) that the counter store has, as /metrics shows them: what tells one from another,
// where its counters lie, and what of it is worth a line. Main thread.
#pragma once

#include "l4/model/conf.h"
#include "l4/model/stats_l7.h"
#include "l7/metrics_page.h"

enum metrics_set_kind {
	METRICS_WORKERS,
	METRICS_SERVICES,
	METRICS_BACKENDS,
	METRICS_MODELS,
	METRICS_LANES, // from here on lb4d's half
	METRICS_L4_SERVICES,
	METRICS_XDP_SERVICES,
	METRICS_TCP_SERVICES,
	METRICS_L4_BACKENDS,
	METRICS_TCP_BACKENDS,
	METRICS_XDP_PORTS,
	METRICS_KINDS
};

// What a kind has, by l4/model/counters.h; in one order: fields, then times, then log2s.
struct metrics_set_lists {
	const char *prefix; // of families
	const struct metrics_rule *rules;
	const struct stats_field *fields;
	const struct stats_time *times;
	const struct stats_log2_field *log2s;
	uint16_t n_fields, n_times, n_log2s;
};

extern const struct metrics_set_lists metrics_set_lists[METRICS_KINDS];

// A half that is not there is NULL, and its kinds are not asked for. Borrowed for as long as the set is used.
struct metrics_set_stores {
	const struct stats *l4;
	const struct stats_l7 *l7;
	const struct conf *conf; // that the page goes by; NULL = none
};

// The same throughout its lines, whatever a reload gives and takes meanwhile: who comes is not in it, who leaves stays, as ids keep
// name and counters for ten minutes at least (STATS_L7_QUARANTINE_S, ROSTER_QUARANTINE_S).
struct metrics_set {
	enum metrics_set_kind kind;
	struct metrics_set_stores stores;
	struct stats_slots counters, times;
	uint32_t n;
	uint16_t ids[STATS_L7_BACKENDS];    // [n], rising; the most that a kind has
	uint32_t hashes[STATS_L7_BACKENDS]; // of their names: one that has changed is another thing
};

// Lists what is in the configuration now; of TCP endpoints those that somebody connected to, as the kernel counts for few of them
// and a histogram is long.
void metrics_set_open(struct metrics_set *s, enum metrics_set_kind kind,
                      const struct metrics_set_stores *stores);

// Labels of thing i. False: it has another name by now, and under that another may have been shown.
bool metrics_set_label(const struct metrics_set *s, uint32_t i, char labels[METRICS_PAGE_LABELS]);

// Appends what the configuration says of the model API behind service i, as OpenTelemetry's conventions call it.
void metrics_set_label_model_api(const struct metrics_set *s, uint32_t i,
                                 char labels[METRICS_PAGE_LABELS]);

// Whether histogram number `time` of thing i is shown: from the first request, connection or stream on, as most of a
// large node's endpoints have none of one sort or other. Counters and gauges are always shown.
bool metrics_set_has_time(const struct metrics_set *s, uint32_t i, uint16_t time);
