// SPDX-License-Identifier: BSD-3-Clause
// Samples and models for tests of lbtop.
#pragma once

#include "l4/base/clock.h"
#include "tools/lbtop_model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

// A sample of a running lb4d at `seconds`, without rows.
static inline struct lbtop_sample *sample_at(double seconds)
{
	struct lbtop_sample *s = lbtop_sample_new();

	cr_assert(s);
	s->clock_ns = s->time_ns = (uint64_t)(seconds * 1e9);
	s->daemon[LBTOP_LB4D] = (struct lbtop_daemon){
		.state = LBTOP_RUNNING, .pid = 4711, .generation = 3, .n_lanes = 2, .epoch = 1};
	snprintf(s->node, sizeof(s->node), "edge-1");
	return s;
}

// n rows named PREFIX-1, PREFIX-2, ... with ids from 1 on.
static inline struct lbtop_row *rows_of(struct lbtop_sample *s, enum lbtop_kind kind, size_t n,
                                        const char *prefix)
{
	cr_assert_eq(lbtop_sample_make_rows(s, kind, n), 0);
	for (size_t i = 0; i < n; i++) {
		struct lbtop_row *row = &s->rows[kind].row[i];

		row->id = (uint32_t)i + 1;
		snprintf(row->name, sizeof(row->name), "%s-%zu", prefix, i + 1);
		if (kind == LBTOP_BACKEND)
			snprintf(row->pool, sizeof(row->pool), "pool");
		if (kind != LBTOP_LANE)
			snprintf(row->address, sizeof(row->address), "10.0.0.%zu:80", i + 1);
	}
	return s->rows[kind].row;
}

// A sample with one lane, three services and two backends, whose counters are multiples of `n`.
static inline struct lbtop_sample *busy_sample(double seconds, uint64_t n)
{
	struct lbtop_sample *s = sample_at(seconds);
	struct lbtop_row *lane = rows_of(s, LBTOP_LANE, 1, "lane");
	struct lbtop_row *service = rows_of(s, LBTOP_SERVICE, 3, "service");
	struct lbtop_row *backend = rows_of(s, LBTOP_BACKEND, 2, "backend");

	lane[0].id = 0;
	lane[0].value[LBTOP_VALUE(lane_counters, rx_packets)] = 100 * n;
	lane[0].value[LBTOP_VALUE(lane_counters, rx_bytes)] = 10000 * n;
	lane[0].value[LBTOP_VALUE(lane_counters, tx_packets)] = 90 * n;
	lane[0].value[LBTOP_VALUE(lane_counters, bursts)] = 10 * n;
	lane[0].value[LBTOP_VALUE(lane_counters, busy_ns)] = 5000 * n;
	lane[0].value[LBTOP_VALUE(lane_counters, flows)] = 7;
	lane[0].value[LBTOP_REASONS + REASON_NONE] = 90 * n;
	lane[0].value[LBTOP_REASONS + REASON_IP_CKSUM] = 10 * n;
	for (size_t i = 0; i < 3; i++) {
		service[i].value[LBTOP_VALUE(service_counters, packets)] = (i + 1) * 10 * n;
		service[i].value[LBTOP_VALUE(service_counters, new_flows)] = (i + 1) * n;
	}
	backend[0].value[LBTOP_VALUE(backend_counters, new_flows)] = 3 * n;
	backend[1].value[LBTOP_VALUE(backend_counters, new_flows)] = n;
	return s;
}
