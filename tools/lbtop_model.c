// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_model.h"

#include <math.h>
#include <string.h>

#include "l4/base/clock.h"
#include "l4/model/stats_log2.h"

void lbtop_model_init(struct lbtop_model *m)
{
	memset(m, 0, sizeof(*m));
}

void lbtop_model_fini(struct lbtop_model *m)
{
	lbtop_sample_free(m->now);
	lbtop_sample_free(m->before);
	for (size_t i = 0; i < m->n_then; i++)
		lbtop_sample_free(m->then[i]);
	memset(m, 0, sizeof(*m));
}

// --- rates ---

double lbtop_model_delta(uint64_t now, uint64_t before)
{
	uint64_t delta = now - before; // modulo 2^64, so a counter that wraps goes on

	return delta > INT64_MAX ? NAN : (double)delta;
}

static double seconds_between(const struct lbtop_sample *now, const struct lbtop_sample *before)
{
	return (double)(now->clock_ns - before->clock_ns) / (double)CLOCK_NS_PER_S;
}

// An id that changed its owner in between says nothing about it.
static const struct lbtop_row *same_row(const struct lbtop_sample *now,
                                        const struct lbtop_sample *old, enum lbtop_kind kind,
                                        const struct lbtop_row *row)
{
	const struct lbtop_row *found;
	uint8_t half = lbtop_schemas[kind].half;

	if (!old || old->daemon[half].epoch != now->daemon[half].epoch)
		return NULL;
	found = lbtop_sample_find(old, kind, row->id);
	if (!found || strcmp(found->name, row->name) != 0 || strcmp(found->pool, row->pool) != 0 ||
	    strcmp(found->address, row->address) != 0)
		return NULL;
	return found;
}

struct lbtop_pair lbtop_model_pair(const struct lbtop_model *m, enum lbtop_kind kind,
                                   const struct lbtop_row *now)
{
	const struct lbtop_sample *then = m->n_then ? m->then[0] : m->before;
	struct lbtop_pair p = {.now = now};

	if (!m->before)
		return p;
	p.before = same_row(m->now, m->before, kind, now);
	p.s = seconds_between(m->now, m->before);
	p.then = same_row(m->now, then, kind, now);
	p.window_s = seconds_between(m->now, then);
	return p;
}

double lbtop_model_rate(const struct lbtop_pair *p, uint16_t i)
{
	if (!p->before || p->s <= 0)
		return NAN;
	return lbtop_model_delta(p->now->value[i], p->before->value[i]) / p->s;
}

double lbtop_model_window_rate(const struct lbtop_pair *p, uint16_t i)
{
	if (!p->then || p->window_s <= 0)
		return NAN;
	return lbtop_model_delta(p->now->value[i], p->then->value[i]) / p->window_s;
}

// Of a bucket; `then` is NULL if there were none.
static uint64_t grown(const uint64_t *now, const uint64_t *then, size_t i)
{
	double delta = lbtop_model_delta(now[i], then ? then[i] : 0);

	return isnan(delta) ? 0 : (uint64_t)delta;
}

double lbtop_model_percentile(const struct lbtop_pair *p, uint16_t time, double share)
{
	struct stats_histogram window = {0};
	uint64_t n = 0;

	if (!p->then || !p->now->times)
		return NAN;
	for (size_t i = 0; i < STATS_HISTOGRAM_BUCKETS; i++)
		n += window.bucket[i] =
			grown(p->now->times[time].bucket,
		              p->then->times ? p->then->times[time].bucket : NULL, i);
	return n ? stats_histogram_percentile(&window, share) : NAN;
}

double lbtop_model_log_percentile(const struct lbtop_pair *p, uint16_t log, double share)
{
	struct counters_log2 window = {0};
	uint64_t n = 0;

	if (!p->then || !p->now->logs)
		return NAN;
	for (size_t i = 0; i < COUNTERS_LOG2_BUCKETS; i++)
		n += window.bucket[i] = grown(p->now->logs[log].bucket,
		                              p->then->logs ? p->then->logs[log].bucket : NULL, i);
	return n ? stats_log2_quantile(&window, share) : NAN;
}

// NAN is nothing to add, but a sum of nothing is NAN.
static double add_known(double sum, double more)
{
	if (isnan(more))
		return sum;
	return isnan(sum) ? more : sum + more;
}

double lbtop_model_total_rate(const struct lbtop_model *m, enum lbtop_kind kind, uint16_t i)
{
	double sum = NAN;

	for (size_t k = 0; m->now && k < m->now->rows[kind].n; k++) {
		struct lbtop_pair p = lbtop_model_pair(m, kind, &m->now->rows[kind].row[k]);

		sum = add_known(sum, lbtop_model_rate(&p, i));
	}
	return sum;
}

uint64_t lbtop_model_total(const struct lbtop_sample *s, enum lbtop_kind kind, uint16_t i)
{
	uint64_t sum = 0;

	for (size_t k = 0; k < s->rows[kind].n; k++)
		sum += s->rows[kind].row[k].value[i];
	return sum;
}

double lbtop_model_drop_rate(const struct lbtop_pair *p)
{
	double sum = NAN;

	for (size_t i = 0; i < REASON_COUNT; i++)
		if (stats_reason_verdicts[i] == VERDICT_DROP)
			sum = add_known(sum, lbtop_model_rate(p, (uint16_t)(LBTOP_REASONS + i)));
	return sum;
}

// --- series ---

static double total_drop_rate(const struct lbtop_model *m)
{
	double sum = NAN;

	for (size_t k = 0; k < m->now->rows[LBTOP_LANE].n; k++) {
		struct lbtop_pair p =
			lbtop_model_pair(m, LBTOP_LANE, &m->now->rows[LBTOP_LANE].row[k]);

		sum = add_known(sum, lbtop_model_drop_rate(&p));
	}
	return sum;
}

static void clear_second(struct lbtop_model *m, uint64_t second)
{
	for (size_t i = 0; i < LBTOP_SERIES_COUNT; i++)
		m->series[i][second % LBTOP_SECONDS] = (struct lbtop_second){0};
}

static void advance(struct lbtop_model *m, uint64_t second)
{
	if (second < m->second || second - m->second >= LBTOP_SECONDS) {
		memset(m->series, 0, sizeof(m->series));
		m->second = second;
	}
	while (m->second < second)
		clear_second(m, ++m->second);
}

// What holds between two moments counts for each second as much as it covers of it.
static void spread(struct lbtop_model *m, const double *value, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t oldest_ns = (m->second + 1) * CLOCK_NS_PER_S;

	oldest_ns -= LBTOP_SECONDS * CLOCK_NS_PER_S < oldest_ns ? LBTOP_SECONDS * CLOCK_NS_PER_S
	                                                        : oldest_ns;
	for (uint64_t ns = from_ns > oldest_ns ? from_ns : oldest_ns, next; ns < to_ns; ns = next) {
		uint64_t second = ns / CLOCK_NS_PER_S;

		next = (second + 1) * CLOCK_NS_PER_S;
		if (next > to_ns)
			next = to_ns;
		for (size_t i = 0; i < LBTOP_SERIES_COUNT; i++) {
			struct lbtop_second *at = &m->series[i][second % LBTOP_SECONDS];
			double weight = (double)(next - ns) / (double)CLOCK_NS_PER_S;

			if (isnan(value[i]))
				continue;
			at->sum += value[i] * weight;
			at->weight += weight;
		}
	}
}

// Where the figures of the series come from; drops have reasons instead.
static const struct {
	enum lbtop_kind kind;
	bool is_gauge;
	uint8_t scale;
	uint16_t values[4]; // that are added up
	uint8_t n;
} sources[LBTOP_SERIES_COUNT] = {
#define LANE(field) LBTOP_VALUE(lane_counters, field)
#define L7(field) LBTOP_VALUE(l7_service_counters, field)
	[LBTOP_PACKETS] = {LBTOP_LANE, false, 1, {LANE(rx_packets)}, 1},
	[LBTOP_BITS] = {LBTOP_LANE, false, 8, {LANE(rx_bytes)}, 1},
	[LBTOP_SENT] = {LBTOP_LANE, false, 1, {LANE(tx_packets)}, 1},
	[LBTOP_NEW_FLOWS] =
		{LBTOP_SERVICE, false, 1, {LBTOP_VALUE(service_counters, new_flows)}, 1},
	[LBTOP_FLOWS] = {LBTOP_LANE, true, 1, {LANE(flows)}, 1},
	[LBTOP_REQUESTS] = {LBTOP_L7_SERVICE, false, 1, {L7(requests)}, 1},
	[LBTOP_ERRORS] = {LBTOP_L7_SERVICE, false, 1, {L7(responses_5xx)}, 1},
	[LBTOP_CONNECTIONS] = {LBTOP_L7_SERVICE,
                               true,
                               1,
                               {L7(open_handshake), L7(open_http1), L7(open_http2),
                                L7(open_websocket)},
                               4},
	[LBTOP_STREAMS] = {LBTOP_L7_SERVICE,
                           true,
                           1,
                           {L7(active_sse), L7(active_websocket), L7(active_grpc)},
                           3},
#undef LANE
#undef L7
};

static double series_value(const struct lbtop_model *m, enum lbtop_series series)
{
	enum lbtop_kind kind = sources[series].kind;
	double sum = NAN;

	if (series == LBTOP_DROPS)
		return total_drop_rate(m);
	if (m->now->rows[kind].n == 0)
		return NAN;
	for (size_t i = 0; i < sources[series].n; i++) {
		uint16_t value = sources[series].values[i];

		sum = add_known(sum, sources[series].is_gauge
		                             ? (double)lbtop_model_total(m->now, kind, value)
		                             : lbtop_model_total_rate(m, kind, value));
	}
	return sum * sources[series].scale;
}

static void push_series(struct lbtop_model *m)
{
	double value[LBTOP_SERIES_COUNT];

	for (size_t i = 0; i < LBTOP_SERIES_COUNT; i++)
		value[i] = series_value(m, i);
	advance(m, (m->now->clock_ns - 1) / CLOCK_NS_PER_S);
	spread(m, value, m->before->clock_ns, m->now->clock_ns);
}

double lbtop_model_series(const struct lbtop_model *m, enum lbtop_series series, unsigned age,
                          unsigned step)
{
	double sum = 0, weight = 0;

	for (unsigned i = age; i < age + step && i < LBTOP_SECONDS && i <= m->second; i++) {
		const struct lbtop_second *at = &m->series[series][(m->second - i) % LBTOP_SECONDS];

		sum += at->sum;
		weight += at->weight;
	}
	return weight > 0 ? sum / weight : NAN;
}

// --- samples ---

static void forget_oldest(struct lbtop_model *m)
{
	lbtop_sample_free(m->then[0]);
	m->n_then--;
	memmove(&m->then[0], &m->then[1], m->n_then * sizeof(*m->then));
}

static void forget_window(struct lbtop_model *m)
{
	while (m->n_then)
		forget_oldest(m);
	lbtop_sample_free(m->before);
	m->before = NULL;
}

// Keeps the last but one sample if it is a step younger than the newest kept.
static void keep_or_free(struct lbtop_model *m, struct lbtop_sample *s)
{
	if (!s)
		return;
	if (m->n_then && seconds_between(s, m->then[m->n_then - 1]) < LBTOP_WINDOW_STEP_S) {
		lbtop_sample_free(s);
		return;
	}
	if (m->n_then == LBTOP_WINDOW)
		forget_oldest(m);
	m->then[m->n_then++] = s;
}

void lbtop_model_push(struct lbtop_model *m, struct lbtop_sample *s)
{
	m->err.code = 0;
	if (m->now && s->clock_ns <= m->now->clock_ns) {
		forget_window(m);
		lbtop_sample_free(m->now);
		m->now = NULL;
	}
	keep_or_free(m, m->before);
	m->before = m->now;
	m->now = s;
	while (m->n_then > 1 && seconds_between(s, m->then[1]) >= LBTOP_WINDOW_S)
		forget_oldest(m);
	if (m->before)
		push_series(m);
}

void lbtop_model_miss(struct lbtop_model *m, const struct err *err)
{
	m->err = *err;
}
