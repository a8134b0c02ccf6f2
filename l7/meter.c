// SPDX-License-Identifier: BSD-3-Clause
#include "l7/meter.h"

#include "l4/base/clock.h"
#include "l4/model/stats_histogram.h"

#define X(SYMBOL, name) [METER_END_##SYMBOL] = #name,
const char *const meter_end_names[METER_END_COUNT] = {METER_ENDS(X)};
#undef X

static uint64_t span(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? to_ns - from_ns : 0;
}

static void keep_most(uint64_t *most, uint64_t ns)
{
	*most = ns > *most ? ns : *most;
}

void meter_begin(struct meter *m)
{
	const struct meter_input *in = &m->in;

	m->asked_ns = in->asked_ns;
	m->last_ns = m->heard_ns = in->now_ns;
	m->is_asked = m->in_turn = in->kind != METER_WEBSOCKET;
	m->has_tokens = in->conf->measure == MEASURE_TOKENS && in->is_ok && !in->is_opaque;
	in->counters->streams_opaque += in->is_opaque;
}

// --- events ---

static void wake(struct meter *m)
{
	if (m->is_stalled)
		m->in.counters->streams_stalled--;
	m->is_stalled = false;
}

void meter_heard(struct meter *m, uint64_t now_ns)
{
	m->heard_ns = now_ns;
	wake(m);
}

// The first event of a turn has a time from the request, the others one from the event before.
static void time_event(struct meter *m, uint64_t now_ns)
{
	struct l7_service_histograms *h = m->in.times;
	uint64_t gap = span(m->last_ns, now_ns);

	if (m->is_asked) {
		stats_histogram_record(&h->time_to_first_event, span(m->asked_ns, now_ns));
		m->is_asked = false;
		if (!m->first_event_ns)
			m->first_event_ns = span(m->asked_ns, now_ns);
	} else if (m->first_ns) {
		stats_histogram_record(&h->inter_event_gap, gap);
		m->in.counters->events_coalesced += gap == 0;
		keep_most(&m->gap_most_ns, gap);
	}
	if (!m->first_ns)
		m->first_ns = now_ns;
	m->last_ns = now_ns;
}

static void time_token(struct meter *m, uint64_t now_ns)
{
	m->in.counters->events_content++;
	m->token_last_ns = now_ns;
	if (m->n_contents++)
		return;
	m->token_first_ns = now_ns;
	m->is_token_waiting = true;
	m->token_end = m->end;
	stats_histogram_record(&m->in.times->time_to_first_token, span(m->asked_ns, now_ns));
	if (!m->first_token_ns)
		m->first_token_ns = span(m->asked_ns, now_ns);
}

static uint8_t find_model(const struct conf_l7_streams *conf, struct slice name)
{
	for (uint8_t i = 0; i < conf->n_models; i++)
		if (slice_eq(name, slice_of(conf->models[i], strlen(conf->models[i]))))
			return METER_MODEL_FIRST + i;
	return METER_MODEL_OTHER;
}

// What was stated last counts: usage is cumulative where it comes more than once.
static void see_usage(struct meter *m, const struct token *t)
{
	if (t->has_tokens_in)
		m->tokens_in = t->tokens_in;
	if (t->has_tokens_out) {
		m->tokens_out = t->tokens_out;
		m->tokens_reasoning = t->tokens_reasoning;
		m->tokens_rejected = t->tokens_rejected;
		m->contents_stated = m->n_contents + 1;
	}
}

// Whether it counts as a token.
static bool see_token(struct meter *m, const struct token *t)
{
	struct l7_service_counters *c = m->in.counters;

	c->events_malformed += t->is_malformed;
	c->events_error += t->is_error;
	m->was_error |= t->is_error;
	m->was_ending |= t->is_end;
	m->was_known |= t->is_known;
	m->was_foreign |= t->is_foreign;
	if (t->model.len && !m->model)
		m->model = find_model(m->in.conf, t->model);
	m->was_reasoning |= t->is_reasoning;
	return t->is_content;
}

void meter_event(struct meter *m, const struct token *t, uint64_t now_ns)
{
	bool is_token = t ? see_token(m, t) : m->in.kind != METER_SSE;

	m->n_events++;
	m->in.counters->events++;
	if (!meter_mark_add(&m->waiting, m->end, now_ns))
		m->in.counters->events_undelivered++; // for all that is known
	meter_heard(m, now_ns);
	time_event(m, now_ns);
	if (!m->has_tokens || !m->in_turn)
		return;
	if (is_token)
		time_token(m, now_ns);
	if (t)
		see_usage(m, t);
}

void meter_oversize(struct meter *m, uint64_t now_ns)
{
	meter_event(m, NULL, now_ns);
	m->in.counters->events_oversize++;
	m->was_foreign = true;
}

// --- delivery ---

static void deliver(struct meter *m, const struct meter_mark *mark, uint64_t now_ns)
{
	bool is_held = meter_mark_is_held(&m->waiting, mark);
	uint64_t delay = span(mark->read_ns, now_ns);

	stats_histogram_record_all(is_held ? &m->in.times->delay_client : &m->in.times->delay_added,
	                           delay, mark->n);
	keep_most(is_held ? &m->held_most_ns : &m->delay_most_ns, delay);
}

static void deliver_token(struct meter *m, uint64_t now_ns)
{
	m->is_token_waiting = false;
	stats_histogram_record(&m->in.times->ttft_delivered, span(m->asked_ns, now_ns));
	if (!m->first_token_delivered_ns)
		m->first_token_delivered_ns = span(m->asked_ns, now_ns);
}

void meter_delivered(struct meter *m, uint32_t sent, uint64_t now_ns)
{
	uint8_t n = meter_mark_due(&m->waiting, sent);

	if (!n)
		return;
	for (uint8_t i = 0; i < n; i++)
		deliver(m, &m->waiting.at[i], now_ns);
	meter_mark_drop(&m->waiting, n);
	if (m->is_token_waiting && (int32_t)(m->token_end - sent) <= 0)
		deliver_token(m, now_ns);
}

void meter_held(struct meter *m)
{
	meter_mark_hold(&m->waiting);
}

void meter_leaves(struct meter *m, uint64_t now_ns)
{
	m->is_leaving = true;
	if (!now_ns)
		return;
	for (uint8_t i = 0; i < m->waiting.n; i++)
		keep_most(&m->delay_most_ns, span(m->waiting.at[i].read_ns, now_ns));
	if (m->is_token_waiting && !m->first_token_delivered_ns)
		m->first_token_delivered_ns = span(m->asked_ns, now_ns);
}

// --- turns and ends ---

// Of those that usage states, the tokens that were generated from the first one on that was seen.
static uint64_t shown_tokens(const struct meter *m)
{
	uint64_t hidden = m->was_reasoning ? 0 : m->tokens_reasoning;

	hidden += m->tokens_rejected;
	return m->tokens_out > hidden ? m->tokens_out - hidden : 0;
}

uint64_t meter_per_token(const struct meter *m, bool *is_stated)
{
	uint64_t n = m->n_contents;

	// Usage that was stated before the last content does not count it: the stream was cut before its last word.
	*is_stated = m->contents_stated > m->n_contents && m->tokens_out > 0;
	if (*is_stated)
		n = shown_tokens(m);
	return m->n_contents && n > 1 ? (m->token_last_ns - m->token_first_ns) / (n - 1) : 0;
}

static void settle_turn(struct meter *m)
{
	struct l7_service_histograms *h = m->in.times;
	bool is_stated;
	uint64_t ns = meter_per_token(m, &is_stated);

	if (ns)
		stats_histogram_record(is_stated ? &h->time_per_output_token_usage
		                                 : &h->time_per_output_token_events,
		                       ns);
	if (is_stated) {
		m->in.counters->tokens_out += m->tokens_out;
		m->in.counters->events_of_usage += m->n_contents;
	}
}

void meter_asked(struct meter *m, uint64_t now_ns)
{
	if (m->is_asked)
		return;
	settle_turn(m);
	m->is_asked = m->in_turn = true;
	m->is_token_waiting = false;
	m->asked_ns = now_ns;
	m->last_ns = m->heard_ns = now_ns;
	m->first_ns = m->token_first_ns = m->token_last_ns = 0;
	m->n_contents = 0;
	m->was_reasoning = false;
}

// More of an answer is to come.
static bool is_under_way(const struct meter *m)
{
	if (!m->has_tokens)
		return false;
	if (m->in.kind == METER_WEBSOCKET)
		return m->is_asked;
	return m->n_contents && !m->was_ending && !m->was_error;
}

uint64_t meter_stall(struct meter *m, uint64_t now_ns)
{
	uint64_t limit = m->in.conf->stalled_ms * CLOCK_NS_PER_MS;
	uint64_t silent = span(m->heard_ns, now_ns);

	if (!limit || m->is_stalled || !is_under_way(m))
		return 0;
	if (silent < limit)
		return limit - silent;
	m->is_stalled = true;
	m->in.counters->streams_stalled++;
	m->in.counters->stalls++;
	return 0;
}

static void count_no_token(const struct meter *m, enum meter_end end)
{
	struct l7_service_counters *c = m->in.counters;
	uint64_t *const reasons[METER_END_COUNT] = {
		[METER_END_COMPLETED] = &c->no_first_token_no_output,
		[METER_END_CLIENT_ABORT] = &c->no_first_token_canceled,
		[METER_END_UPSTREAM_ERROR] = &c->no_first_token_error,
		[METER_END_TIMEOUT] = &c->no_first_token_timeout,
		[METER_END_DRAINED] = &c->no_first_token_drained,
		[METER_END_ERROR_EVENT] = &c->no_first_token_error,
	};

	// Whether there was output is not known, then: no backend is to blame.
	if (end == METER_END_COMPLETED && m->was_foreign && !m->was_known)
		c->no_first_token_not_understood++;
	else
		++*reasons[end];
}

void meter_count_end(struct l7_service_counters *c, enum meter_end end)
{
#define X(SYMBOL, name) [METER_END_##SYMBOL] = &c->stream_ends_##name,
	uint64_t *const ends[METER_END_COUNT] = {METER_ENDS(X)};
#undef X

	++*ends[end];
}

void meter_set_model(struct meter *m, struct meter_model of)
{
	m->of = of;
	of.counters->streams++;
	of.counters->active++;
}

static void count_model(const struct meter *m, enum meter_end end)
{
	struct l7_model_counters *c = m->of.counters;
	uint64_t per_token;
	bool is_stated;

	if (!c)
		return;
	per_token = meter_per_token(m, &is_stated);
	c->active--;
	c->errors += end == METER_END_ERROR_EVENT;
	c->events_content += m->n_contents;
	c->tokens_in += m->tokens_in;
	if (is_stated) {
		c->tokens_out += m->tokens_out;
		c->events_of_usage += m->n_contents;
	}
	if (m->first_token_ns)
		stats_histogram_record(&m->of.times->ttft, m->first_token_ns);
	else
		c->no_first_token++;
	if (per_token)
		stats_histogram_record(is_stated ? &m->of.times->tpot_usage
		                                 : &m->of.times->tpot_events,
		                       per_token);
}

enum meter_end meter_end(struct meter *m, enum meter_end end)
{
	// Many clients go when they have seen the last event, before the end of the response.
	if (end == METER_END_CLIENT_ABORT && m->was_ending && !m->waiting.n)
		end = METER_END_COMPLETED;
	if (m->was_error && end != METER_END_DRAINED)
		end = METER_END_ERROR_EVENT;
	wake(m);
	settle_turn(m);
	if (m->has_tokens && (m->in.kind == METER_WEBSOCKET ? m->is_asked : !m->n_contents))
		count_no_token(m, end);
	if (!m->is_leaving) {
		m->in.counters->events_undelivered += meter_mark_events(&m->waiting);
		meter_mark_drop(&m->waiting, m->waiting.n);
	}
	m->in.counters->tokens_in += m->tokens_in;
	meter_count_end(m->in.counters, end);
	count_model(m, end);
	return end;
}

const char *meter_model(const struct meter *m)
{
	if (m->model == METER_MODEL_NONE)
		return NULL;
	return m->model == METER_MODEL_OTHER ? "other"
	                                     : m->in.conf->models[m->model - METER_MODEL_FIRST];
}
