// SPDX-License-Identifier: BSD-3-Clause
#include "l7/stream_meter.h"

#include <stdlib.h>

#include "l4/base/clock.h"
#include "l7/grpc.h"
#include "l7/grpc_message.h"
#include "l7/stream.h"
#include "l7/stream_count.h"
#include "l7/token_pattern.h"
#include "l7/tunnel.h"
#include "l7/worker_state.h"

struct stream_meter {
	struct meter meter;
	struct stream *stream;
	struct timer timer; // when it would count as stalled
	uint64_t turn_ns;   // the loop's turn that read_ns belongs to: one read each
	uint64_t read_ns;
	uint64_t n_client, n_backend;  // messages of a WebSocket seen
	struct grpc_message messages;  // of a gRPC call
	struct token_pattern *pattern; // of the stream's events; NULL = none
	bool is_read;                  // what events say
};

// --- beginning ---

static uint8_t kind_of(const struct stream *s)
{
	if (s->tunnel)
		return METER_WEBSOCKET;
	return s->is_event_stream ? METER_SSE : METER_GRPC;
}

static bool has_kind(const struct stream *s)
{
	return s->tunnel || s->is_event_stream || s->is_grpc;
}

static void start_timer(struct stream_meter *m, uint64_t ns)
{
	if (ns)
		loop_timer_start(&m->stream->w->loop, &m->timer,
		                 (ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS);
}

static void on_timer(struct timer *t)
{
	struct stream_meter *m = CONTAINER_OF(t, struct stream_meter, timer);

	start_timer(m, meter_stall(&m->meter, clock_now_ns()));
}

// Base64 hides where messages end, too; a call that is bridged to gRPC has none between us and the backend.
static bool is_opaque(const struct stream *s, const struct response *r)
{
	if (s->is_grpc)
		return s->grpc == GRPC_WEB_TEXT && !s->web.is_bridged;
	return s->is_event_stream && !event_stream_is_plain(r);
}

// --- what passes ---

// The clock once a read, however many pieces it is given in.
static uint64_t read_ns(struct stream_meter *m)
{
	uint64_t turn_ns = m->stream->w->loop.now_ns;

	if (m->turn_ns != turn_ns) {
		m->turn_ns = turn_ns;
		m->read_ns = clock_now_ns();
	}
	return m->read_ns;
}

// The stream said its model: where that is counted, by the ids of the stream's own configuration.
static void find_model(struct stream_meter *m)
{
	const struct stream *s = m->stream;
	const struct site_conf *c = s->view ? s->view->site->shared : s->shared;
	uint16_t id = STATS_L7_OTHER;
	struct telemetry_model of;

	if (m->meter.model >= METER_MODEL_FIRST)
		id = c->model_ids[s->l7 - c->conf->l7][m->meter.model - METER_MODEL_FIRST];
	of = telemetry_model(s->w->telemetry, s->w->index, id);
	meter_set_model(&m->meter, (struct meter_model){of.counters, of.times});
}

static void see_event(void *owner, const struct event *e)
{
	struct stream_meter *m = owner;
	struct token t;

	if (!m->is_read) {
		meter_event(&m->meter, NULL, read_ns(m));
	} else if (e->is_oversize) {
		meter_oversize(&m->meter, read_ns(m));
	} else {
		token_read(&t, e);
		meter_event(&m->meter, &t, read_ns(m));
		if (m->meter.model && !m->meter.of.counters)
			find_model(m);
		m->pattern = token_pattern_learn(m->pattern, e, &t);
	}
}

// An event like the one before: there is nothing to read.
static size_t see_known(void *owner, struct slice bytes)
{
	struct stream_meter *m = owner;
	size_t n = m->pattern ? token_pattern_match(m->pattern, bytes) : 0;

	if (n)
		meter_event(&m->meter, token_pattern_token(m->pattern), read_ns(m));
	return n;
}

static void see_messages(struct stream_meter *m, uint64_t n)
{
	while (n--)
		meter_event(&m->meter, NULL, read_ns(m));
}

static void see_tunnel(struct stream_meter *m)
{
	uint64_t n = tunnel_messages(m->stream->tunnel, false);

	see_messages(m, n - m->n_backend);
	m->n_backend = n;
}

// --- for stream.c ---

static void read_content(struct stream *s)
{
	const struct conf_l7_streams *conf = &s->l7->streams;

	if (s->is_event_stream && conf->measure == MEASURE_TOKENS) {
		s->events.bufs = &s->w->loop.bufs;
		s->events.limit = conf->event_kb * 1024;
		s->events.known = see_known;
		s->meter->is_read = true;
	}
}

void stream_meter_begin(struct stream *s, const struct response *r)
{
	struct meter_input in = {
		.counters = s->service.counters,
		.times = s->service.times,
		.conf = &s->l7->streams,
		.asked_ns = s->started_ns,
		.is_ok = r->status < 300,
	};

	if (s->grpc && !has_kind(s)) {
		s->is_grpc = true;
		stream_count_kind(s);
	}
	if (in.conf->measure == MEASURE_OFF || !has_kind(s))
		return;
	s->meter = calloc(1, sizeof(*s->meter));
	if (!s->meter)
		return;
	in.kind = kind_of(s);
	in.now_ns = clock_now_ns();
	in.is_opaque = is_opaque(s, r);
	meter_begin(&s->meter->meter, &in);
	s->meter->stream = s;
	s->meter->timer.fire = on_timer;
	if (in.is_opaque)
		return;
	read_content(s);
	start_timer(s->meter, meter_stall(&s->meter->meter, in.now_ns));
}

void stream_meter_received(struct stream *s, struct slice bytes)
{
	struct stream_meter *m = s->meter;
	bool is_seen = m && !m->meter.in.is_opaque;

	if (s->is_event_stream)
		event_stream_take(&s->events, bytes, is_seen ? see_event : NULL, m);
	if (!is_seen)
		return;
	if (s->tunnel)
		see_tunnel(m);
	else if (!s->is_event_stream)
		see_messages(m, grpc_message_take(&m->messages, bytes));
	if (!timer_is_running(&m->timer))
		start_timer(m, meter_stall(&m->meter, read_ns(m)));
}

void stream_meter_asked(struct stream *s)
{
	struct stream_meter *m = s->meter;
	uint64_t n;

	if (!m)
		return;
	n = tunnel_messages(s->tunnel, true);
	if (n != m->n_client)
		meter_asked(&m->meter, clock_now_ns());
	m->n_client = n;
}

void stream_meter_sent(struct stream *s, size_t pending)
{
	if (s->meter && s->meter->meter.n_waiting && !pending)
		meter_delivered(&s->meter->meter, clock_now_ns());
}

void stream_meter_finish(struct stream *s)
{
	if (s->meter)
		stream_meter_sent(s, s->from->ops->pending(s->from->client));
}

// --- the end ---

static enum meter_end end_of(enum access_end end)
{
	switch (end) {
	case ACCESS_COMPLETED:
	case ACCESS_CLOSED:
		return METER_END_COMPLETED;
	case ACCESS_CLIENT_ABORT:
	case ACCESS_REFUSED:
	case ACCESS_TOO_LARGE:
		return METER_END_CLIENT_ABORT;
	case ACCESS_CLIENT_TIMEOUT:
	case ACCESS_FIRST_BYTE_TIMEOUT:
	case ACCESS_STREAM_IDLE:
	case ACCESS_TOTAL_TIMEOUT:
	case ACCESS_DEADLINE:
		return METER_END_TIMEOUT;
	case ACCESS_DRAINED:
		return METER_END_DRAINED;
	default:
		return METER_END_UPSTREAM_ERROR;
	}
}

void stream_meter_end(struct stream *s, enum access_end end)
{
	struct stream_meter *m = s->meter;
	enum meter_end e = end_of(end);

	if (s->is_grpc && e == METER_END_COMPLETED && s->grpc_status != GRPC_OK)
		e = METER_END_ERROR_EVENT;
	if (m) {
		loop_timer_stop(&s->w->loop, &m->timer);
		e = meter_end(&m->meter, e);
	} else if (has_kind(s)) {
		meter_count_end(s->service.counters, e);
	}
	if (e == METER_END_ERROR_EVENT && s->peer)
		s->peer->telemetry.counters->stream_errors++;
}

const struct meter *stream_meter_of(const struct stream *s)
{
	return s->meter ? &s->meter->meter : NULL;
}

void stream_meter_free(struct stream *s)
{
	event_stream_fini(&s->events);
	if (s->meter)
		token_pattern_free(s->meter->pattern);
	free(s->meter);
	s->meter = NULL;
}
