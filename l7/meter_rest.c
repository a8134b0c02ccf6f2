// SPDX-License-Identifier: BSD-3-Clause
#include "l7/meter_rest.h"

#include "l4/model/stats_histogram.h"

static bool is_alike(const struct meter_rest *a, const struct meter_rest *b)
{
	return a->read_ns == b->read_ns && a->asked_ns == b->asked_ns && a->delay == b->delay &&
	       a->ttft == b->ttft;
}

// The next one was written behind the last one: it counts, or with that.
static void add_next(struct meter_rests *r)
{
	struct meter_rest *next = &r->at[r->n], *last = next - 1;

	if (r->n && is_alike(last, next)) {
		last->n_events += next->n_events;
		last->n_streams++;
	} else {
		r->n++;
	}
}

// The mark that the turn's first token is delivered with.
static bool is_token_of(const struct meter *m, const struct meter_mark *mark)
{
	return m->is_token_waiting && (int32_t)(m->token_end - mark->end) <= 0;
}

bool meter_rest_take(struct meter_rests *r, struct meter *m)
{
	struct l7_service_histograms *times = m->in.times;

	if (r->n + m->waiting.n > METER_RESTS)
		return false;
	for (uint8_t i = 0; i < m->waiting.n; i++) {
		const struct meter_mark *mark = &m->waiting.at[i];
		bool is_held = meter_mark_is_held(&m->waiting, mark);
		bool has_token = is_token_of(m, mark);

		r->at[r->n] = (struct meter_rest){
			.delay = is_held ? &times->delay_client : &times->delay_added,
			.ttft = has_token ? &times->ttft_delivered : NULL,
			.read_ns = mark->read_ns,
			.asked_ns = m->asked_ns,
			.n_events = mark->n,
			.n_streams = 1,
		};
		add_next(r);
		m->is_token_waiting &= !has_token;
	}
	meter_mark_drop(&m->waiting, m->waiting.n);
	return true;
}

static uint64_t span(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? to_ns - from_ns : 0;
}

void meter_rest_delivered(struct meter_rests *r, uint64_t now_ns)
{
	for (uint32_t i = 0; i < r->n; i++) {
		const struct meter_rest *rest = &r->at[i];

		stats_histogram_record_all(rest->delay, span(rest->read_ns, now_ns),
		                           rest->n_events);
		if (rest->ttft)
			stats_histogram_record_all(rest->ttft, span(rest->asked_ns, now_ns),
			                           rest->n_streams);
	}
	r->n = 0;
}
