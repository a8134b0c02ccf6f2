// SPDX-License-Identifier: BSD-3-Clause
#include "l7/stream_meter.h"

#include "l4/base/clock.h"
#include "l7/grpc.h"
#include "l7/grpc_message.h"
#include "l7/meter_rest.h"
#include "l7/stream.h"
#include "l7/stream_clock.h"
#include "l7/stream_count.h"
#include "l7/token_pattern.h"
#include "l7/tunnel.h"
#include "l7/worker_state.h"

struct stream_meter {
	struct meter meter; // first
	struct stream *stream;
	struct worker *w;
	uint64_t n_client, n_backend;  // messages of a WebSocket seen
	struct token_pattern *pattern; // of the stream's events; NULL = none
	const uint8_t *input_end;      // of the bytes that are looked at
	uint32_t given; // bytes for the client up to there, modulo 2^32; the heartbeat's are none
	bool is_read;   // what events say
};

// Of streams that ended, what leaves with the turn.
struct stream_meter_leaving {
	struct meter_rests rests;
	struct worker *w;
	struct loop_task task; // counts it, and frees
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

static void watch(struct stream *s)
{
	if (!s->stall_ms)
		stream_clock_stall(s, stream_meter_stall(s));
}

// Base64 hides where messages end, too; a call that is bridged to gRPC has none between us and the backend.
static bool is_opaque(const struct stream *s, const struct response *r)
{
	if (s->is_grpc)
		return s->grpc == GRPC_WEB_TEXT && !s->web.is_bridged;
	return s->is_event_stream && !event_stream_is_plain(r);
}

// --- what passes ---

static uint64_t read_ns(struct stream_meter *m)
{
	return loop_read_ns(&m->w->loop);
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

// The next event ends at `behind`, of the bytes that are looked at.
static void place(struct stream_meter *m, const uint8_t *behind)
{
	m->meter.end = m->given - (uint32_t)(m->input_end - behind);
}

static void see_event(void *owner, const struct event *e)
{
	struct stream_meter *m = owner;
	struct token t;

	place(m, e->behind);
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

	if (!n)
		return 0;
	place(m, bytes.ptr + n);
	meter_event(&m->meter, token_pattern_token(m->pattern), read_ns(m));
	return n;
}

static void see_tunnel(struct stream_meter *m)
{
	uint64_t n = tunnel_messages(m->stream->tunnel, false);

	place(m, m->input_end);
	for (; m->n_backend != n; m->n_backend++)
		meter_event(&m->meter, NULL, read_ns(m));
}

static void see_messages(struct stream_meter *m, struct slice bytes)
{
	struct grpc_message *g = &m->stream->messages[1];

	while (grpc_message_next(g, &bytes)) {
		place(m, bytes.ptr);
		meter_event(&m->meter, NULL, read_ns(m));
	}
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

// From the loop's memory: calls come and go by the dozen, and malloc(3) sorts what it gets back.
static struct stream_meter *new_meter(struct stream *s)
{
	struct stream_meter *m = slab_get_zero(&s->w->loop.slab, sizeof(*m));

	if (!m)
		return NULL;
	m->stream = s;
	m->w = s->w;
	return m;
}

static void set_input(struct stream_meter *m, const struct response *r)
{
	struct meter_input *in = &m->meter.in;
	const struct stream *s = m->stream;

	in->counters = s->service.counters;
	in->times = s->service.times;
	in->conf = &s->l7->streams;
	in->asked_ns = s->started_ns;
	in->now_ns = read_ns(m);
	in->kind = kind_of(s);
	in->is_ok = r->status < 300;
	in->is_opaque = is_opaque(s, r);
}

void stream_meter_begin(struct stream *s, const struct response *r)
{
	if (s->grpc && !has_kind(s)) {
		s->is_grpc = true;
		stream_count_kind(s);
	}
	if (s->l7->streams.measure == MEASURE_OFF || !has_kind(s))
		return;
	s->meter = new_meter(s);
	if (!s->meter)
		return;
	set_input(s->meter, r);
	meter_begin(&s->meter->meter);
	if (!s->meter->meter.in.is_opaque)
		read_content(s);
}

void stream_meter_received(struct stream *s, struct slice bytes)
{
	struct stream_meter *m = s->meter;
	bool is_seen = m && !m->meter.in.is_opaque;

	if (m) {
		m->given += (uint32_t)bytes.len;
		m->input_end = bytes.ptr + bytes.len;
		meter_heard(&m->meter, s->w->loop.now_ns);
	}
	if (s->is_event_stream)
		event_stream_take(&s->events, bytes, is_seen ? see_event : NULL, m);
	else if (s->is_grpc && !is_seen)
		grpc_message_take(&s->messages[1], bytes);
	if (!is_seen)
		return;
	if (s->tunnel)
		see_tunnel(m);
	else if (s->is_grpc)
		see_messages(m, bytes);
	watch(s);
}

void stream_meter_asked(struct stream *s)
{
	struct stream_meter *m = s->meter;
	uint64_t n;

	if (!m)
		return;
	n = tunnel_messages(s->tunnel, true);
	if (n == m->n_client)
		return;
	m->n_client = n;
	meter_asked(&m->meter, read_ns(m));
	watch(s);
}

uint64_t stream_meter_stall(struct stream *s)
{
	uint64_t ns = s->meter ? meter_stall(&s->meter->meter, s->w->loop.now_ns) : 0;

	return (ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;
}

void stream_meter_sent(struct stream *s, bool is_held)
{
	struct stream_meter *m = s->meter;
	uint32_t sent;

	if (!m || !m->meter.waiting.n)
		return;
	sent = m->given - (uint32_t)s->from->ops->unsent(s->from->client);
	if (meter_is_due(&m->meter, sent))
		meter_delivered(&m->meter, sent, loop_sent_ns(&s->w->loop));
	if (is_held)
		meter_held(&m->meter);
}

void stream_meter_finish(struct stream *s)
{
	bool is_held;

	if (!s->meter)
		return;
	is_held = s->from->ops->pending(s->from->client) > 0;
	stream_meter_sent(s, is_held);
	if (!is_held && s->meter->meter.waiting.n)
		meter_leaves(&s->meter->meter, s->note ? clock_now_ns() : 0);
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

	if (s->is_grpc && e == METER_END_COMPLETED && grpc_is_server_error(s->grpc_status))
		e = METER_END_ERROR_EVENT;
	if (m)
		e = meter_end(&m->meter, e);
	else if (has_kind(s))
		meter_count_end(s->service.counters, e);
	s->stream_end = m || has_kind(s) ? (uint8_t)(1 + e) : 0;
	if (e == METER_END_ERROR_EVENT && s->peer)
		s->peer->telemetry.counters->stream_errors++;
}

const struct meter *stream_meter_of(const struct stream *s)
{
	return s->meter ? &s->meter->meter : NULL;
}

// What was given has left: the clients' connections deferred that before.
static void run_task(struct loop_task *task)
{
	struct stream_meter_leaving *l = CONTAINER_OF(task, struct stream_meter_leaving, task);
	struct worker *w = l->w;

	if (w->leaving == l)
		w->leaving = NULL;
	meter_rest_delivered(&l->rests, loop_sent_ns(&w->loop));
	slab_put(&w->loop.slab, l);
}

static struct stream_meter_leaving *new_leaving(struct worker *w)
{
	struct stream_meter_leaving *l = slab_get(&w->loop.slab, sizeof(*l));

	if (!l)
		return NULL;
	l->rests.n = 0;
	l->w = w;
	l->task = (struct loop_task){.run = run_task};
	loop_defer(&w->loop, &l->task);
	w->leaving = l;
	return l;
}

// One task does for all between which nothing else was deferred, as a connection that sends would have been.
static void leave(struct stream_meter *m)
{
	struct stream_meter_leaving *l = m->w->leaving;

	if (l && loop_is_last(&m->w->loop, &l->task) && meter_rest_take(&l->rests, &m->meter))
		return;
	l = new_leaving(m->w);
	if (!l || !meter_rest_take(&l->rests, &m->meter)) // without memory, as if it had left
		meter_delivered(&m->meter, m->given, clock_now_ns());
}

void stream_meter_free(struct stream *s)
{
	struct stream_meter *m = s->meter;

	if (s->is_event_stream)
		event_stream_fini(&s->events);
	s->meter = NULL;
	if (!m)
		return;
	if (m->meter.is_leaving)
		leave(m);
	token_pattern_free(m->pattern);
	slab_put(&m->w->loop.slab, m);
}
