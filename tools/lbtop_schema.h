// SPDX-License-Identifier: BSD-3-Clause
// What lbtop knows of the counter store's shape, taken from counters.h: kinds of rows, and the names of the
// values in each. A row's values are the words of its counters' struct, in order.
#pragma once

#include "l4/model/stats_l7.h"

enum lbtop_kind {
	LBTOP_LANE,
	LBTOP_SERVICE,
	LBTOP_BACKEND,
	LBTOP_STEER, // of services, by the XDP programs
	LBTOP_WORKER,
	LBTOP_L7_SERVICE,
	LBTOP_L7_BACKEND,
	LBTOP_TCP_SERVICE, // connections of clients to L7 services, by the kernel
	LBTOP_TCP_BACKEND, // connections of this host to backends, ditto
	LBTOP_KIND_COUNT
};

enum lbtop_half { LBTOP_LB4D, LBTOP_LB7D, LBTOP_HALVES }; // who writes it

struct lbtop_schema {
	const char *word;                 // the kind's key in JSON: "lanes"
	const struct stats_field *fields; // [n_fields]: value i of a row is fields[i]
	uint16_t n_fields;
	uint16_t n_values; // the fields, and a lane's reasons after them
	uint16_t n_times;
	const struct stats_time *times; // [n_times], histograms of a row
	uint16_t n_logs;
	const struct stats_log2_field *logs; // [n_logs], histograms that the kernel fills
	uint8_t half;                        // enum lbtop_half
};

extern const struct lbtop_schema lbtop_schemas[LBTOP_KIND_COUNT];

// The index of a field among the values of its row: LBTOP_VALUE(lane_counters, rx_packets).
#define LBTOP_VALUE(type, field) ((uint16_t)(offsetof(struct type, field) / sizeof(uint64_t)))

// The values of a lane that count a reason begin here.
#define LBTOP_REASONS LBTOP_VALUE(lane_counters, reason)

// Of value i of a kind, i < n_values. A reason's name is the operator's ("ip_cksum"); REASON_NONE is "forwarded".
const char *lbtop_schema_name(enum lbtop_kind kind, uint16_t i);
const char *lbtop_schema_unit(enum lbtop_kind kind, uint16_t i);
const char *lbtop_schema_help(enum lbtop_kind kind, uint16_t i);
bool lbtop_schema_is_gauge(enum lbtop_kind kind, uint16_t i);

// Nanoseconds in one of what log i of a kind counts; 0 = it counts no time.
double lbtop_schema_log_ns(enum lbtop_kind kind, uint16_t i);
