// SPDX-License-Identifier: BSD-3-Clause
// What lbtop remembers: the last two samples for rates, a few older ones for figures of the last minute, and
// series of the overview's figures, second by second, for sparklines.
//
// What is not known is NAN, never 0: a counter that was set back, a row that is new, a time without samples.
// One thread.
#pragma once

#include "l4/base/err.h"
#include "tools/lbtop_sample.h"

enum {
	LBTOP_SECONDS = 600, // length of the series
	LBTOP_WINDOW = 16,   // older samples, LBTOP_WINDOW_STEP_S apart
	LBTOP_WINDOW_STEP_S = 5,
	LBTOP_WINDOW_S = 60, // how old the oldest of them gets
};

enum lbtop_series {
	LBTOP_PACKETS, // received, a second; so are the others but for the gauges
	LBTOP_BITS,
	LBTOP_SENT,
	LBTOP_NEW_FLOWS,
	LBTOP_DROPS,
	LBTOP_FLOWS, // gauge
	LBTOP_REQUESTS,
	LBTOP_ERRORS,      // answers of the class 5xx
	LBTOP_CONNECTIONS, // gauge: of clients to the workers
	LBTOP_STREAMS,     // gauge
	LBTOP_SERIES_COUNT
};

// A second of a series: the mean over the part of it that samples cover.
struct lbtop_second {
	double sum;    // value times weight
	double weight; // seconds, 0..1; 0 = not known
};

struct lbtop_model {
	struct lbtop_sample *now;                // NULL before the first; owned
	struct lbtop_sample *before;             // the one before it; owned
	struct lbtop_sample *then[LBTOP_WINDOW]; // [n_then], older ones, oldest first; owned
	size_t n_then;
	struct err err; // why there is no newer sample; code 0: there is
	struct lbtop_second series[LBTOP_SERIES_COUNT][LBTOP_SECONDS];
	uint64_t
		second; // the latest in the series, of clock_ns; at its number modulo LBTOP_SECONDS
};

void lbtop_model_init(struct lbtop_model *m);
void lbtop_model_fini(struct lbtop_model *m);

// The next sample, consumed. One that is not newer than the last (a record put together of two) starts anew.
void lbtop_model_push(struct lbtop_model *m, struct lbtop_sample *s);

// There is no sample now, and why. What there was stays.
void lbtop_model_miss(struct lbtop_model *m, const struct err *err);

// The same row at two or three moments.
struct lbtop_pair {
	const struct lbtop_row *now;
	const struct lbtop_row *before; // NULL: was not there, or its counters are others
	const struct lbtop_row
		*then;   // about a minute ago, or as long as there are samples; NULL likewise
	double s;        // seconds between now and before
	double window_s; // and then
};

struct lbtop_pair lbtop_model_pair(const struct lbtop_model *m, enum lbtop_kind kind,
                                   const struct lbtop_row *now);

// now - before; NAN if the counter was set back. One that passed 2^64 goes on.
double lbtop_model_delta(uint64_t now, uint64_t before);

// Of value i: its growth a second between the last two samples, and over the window.
double lbtop_model_rate(const struct lbtop_pair *p, uint16_t i);
double lbtop_model_window_rate(const struct lbtop_pair *p, uint16_t i);

// The time that a share of 0..1 of what was recorded over the window did not exceed, in ns; NAN if nothing was.
double lbtop_model_percentile(const struct lbtop_pair *p, uint16_t time, double share);
// The same of a log, in its unit; at most a factor of two off.
double lbtop_model_log_percentile(const struct lbtop_pair *p, uint16_t log, double share);

// Over all rows of a kind: the sum of what is known of the rates (NAN if nothing is), and of the values.
double lbtop_model_total_rate(const struct lbtop_model *m, enum lbtop_kind kind, uint16_t i);
uint64_t lbtop_model_total(const struct lbtop_sample *s, enum lbtop_kind kind, uint16_t i);

// Drops of a row of lanes, a second.
double lbtop_model_drop_rate(const struct lbtop_pair *p);

// The mean of `step` seconds of a series that end `age` seconds before its latest; NAN if nothing is known.
double lbtop_model_series(const struct lbtop_model *m, enum lbtop_series series, unsigned age,
                          unsigned step);
