// SPDX-License-Identifier: BSD-3-Clause
#include "l7/stream_count.h"

#include "l7/stream.h"
#include "l7/worker_state.h"

// The ends lie in the order of their enum.
static_assert(offsetof(struct l7_service_counters, ends_overload) -
                              offsetof(struct l7_service_counters, ends_completed) ==
                      sizeof(uint64_t) * (ACCESS_OVERLOAD - ACCESS_COMPLETED),
              "REQUEST_ENDS is one block");

static void count_ended(struct l7_service_counters *c, enum access_end end)
{
	uint64_t *ends = (uint64_t *)(void *)((char *)c +
	                                      offsetof(struct l7_service_counters, ends_completed));

	ends[end - ACCESS_COMPLETED]++;
}

static uint64_t since(const struct stream *s, uint64_t start_ns)
{
	uint64_t now_ns = s->w->loop.now_ns;

	return now_ns > start_ns ? now_ns - start_ns : 0;
}

// --- the request, as the client sees it ---

void stream_count_begin(struct stream *s)
{
	s->w->counters->requests++;
	s->w->counters->requests_active++;
	s->service.counters->requests++;
	s->service.counters->requests_active++;
}

static void count_status(struct worker_counters *w, struct l7_service_counters *c, uint16_t status)
{
	if (!status)
		return; // the connection was all that could be ended
	if (status < 300) {
		w->responses_2xx++;
		c->responses_2xx++;
	} else if (status < 400) {
		w->responses_3xx++;
		c->responses_3xx++;
	} else if (status < 500) {
		w->responses_4xx++;
		c->responses_4xx++;
	} else {
		w->responses_5xx++;
		c->responses_5xx++;
	}
}

void stream_count_status(struct stream *s, uint16_t status)
{
	count_status(s->w->counters, s->service.counters, status);
}

void stream_count_interim(struct stream *s)
{
	s->w->counters->responses_1xx++;
	s->service.counters->responses_1xx++;
}

void stream_count_kind(struct stream *s)
{
	struct worker_counters *w = s->w->counters;
	struct l7_service_counters *c = s->service.counters;

	if (s->tunnel) {
		w->websockets++;
		w->websockets_active++;
		c->streams_websocket++;
		c->active_websocket++;
	} else if (s->is_event_stream) {
		w->event_streams++;
		w->event_streams_active++;
		c->streams_sse++;
		c->active_sse++;
	} else {
		c->streams_grpc++;
		c->active_grpc++;
	}
}

static void count_kind_end(struct stream *s)
{
	if (s->tunnel) {
		s->w->counters->websockets_active--;
		s->service.counters->active_websocket--;
	} else if (s->is_event_stream) {
		s->w->counters->event_streams_active--;
		s->service.counters->active_sse--;
	} else if (s->is_grpc) {
		s->service.counters->active_grpc--;
	}
}

// At most one message came that way, as far as that can be seen.
static bool is_one(const struct grpc_message *g)
{
	return g->n <= 1 && !(g->is_broken && !g->n);
}

// What goes on for as long as there is something to say; a gRPC call of one message each way is a request.
static bool is_stream(const struct stream *s)
{
	if (s->is_grpc)
		return !is_one(&s->messages[0]) || !is_one(&s->messages[1]);
	return s->tunnel || s->is_event_stream;
}

static void count_duration(const struct stream *s)
{
	struct l7_backend_histograms *at_backend =
		s->peer && s->first_byte_ns ? s->peer->telemetry.times : NULL;

	if (is_stream(s)) {
		uint64_t ns = since(s, s->first_byte_ns);

		stats_histogram_record(&s->service.times->stream_duration, ns);
		if (at_backend)
			stats_histogram_record(&at_backend->stream_duration, ns);
		return;
	}
	stats_histogram_record(&s->service.times->request_duration, since(s, s->started_ns));
	if (at_backend)
		stats_histogram_record(&at_backend->request_duration, since(s, s->attempt_ns));
}

void stream_count_end(struct stream *s, enum access_end end)
{
	struct worker_counters *w = s->w->counters;
	struct l7_service_counters *c = s->service.counters;

	w->requests_active--;
	w->bytes_in += s->bytes_in;
	w->bytes_out += s->bytes_out;
	c->requests_active--;
	c->bytes_in += s->bytes_in;
	c->bytes_out += s->bytes_out;
	count_ended(c, end);
	count_kind_end(s);
	count_duration(s);
}

// --- attempts ---

void stream_count_attempt(struct stream *s)
{
	struct l7_backend_counters *c = s->peer->telemetry.counters;

	c->requests++;
	c->requests_active++;
	c->reuses += s->up && s->up->is_reused;
}

void stream_count_connected(struct stream *s)
{
	stats_histogram_record(&s->peer->telemetry.times->connect_time, since(s, s->attempt_ns));
}

static void count_answer(struct l7_backend_counters *c, uint16_t status)
{
	if (status < 300)
		c->responses_2xx++;
	else if (status < 400)
		c->responses_3xx++;
	else if (status < 500)
		c->responses_4xx++;
	else
		c->responses_5xx++;
}

void stream_count_answer(struct stream *s, uint16_t status)
{
	count_answer(s->peer->telemetry.counters, status);
	stats_histogram_record(&s->peer->telemetry.times->time_to_first_byte,
	                       since(s, s->connected_ns));
	stats_histogram_record(&s->service.times->time_to_first_byte, since(s, s->started_ns));
}

void stream_count_failure(struct stream *s)
{
	struct l7_backend_counters *c = s->peer ? s->peer->telemetry.counters : NULL;

	if (!c)
		return;
	c->failures++;
	c->connect_failures += s->phase == STREAM_CONNECTING;
}

void stream_count_retry(struct stream *s)
{
	s->w->counters->retries++;
	s->service.counters->retries++;
}

void stream_count_leave(struct stream *s)
{
	struct l7_backend_counters *c = s->peer->telemetry.counters;

	c->requests_active--;
	c->bytes_in += s->bytes_in;
	c->bytes_out += s->bytes_out;
}

// --- what became no stream ---

enum access_end stream_count_end_of(uint16_t status)
{
	switch (status) {
	case 408:
		return ACCESS_CLIENT_TIMEOUT;
	case 413:
	case 414:
	case 431:
		return ACCESS_TOO_LARGE;
	default:
		return ACCESS_REFUSED;
	}
}

void stream_count_refused(struct worker *w, const struct stream_client *from, uint16_t status)
{
	w->counters->requests++;
	from->service.counters->requests++;
	count_status(w->counters, from->service.counters, status);
	count_ended(from->service.counters, stream_count_end_of(status));
}

void stream_count_overload(struct worker *w, const struct stream_client *from)
{
	w->counters->requests++;
	from->service.counters->requests++;
	count_ended(from->service.counters, ACCESS_OVERLOAD);
}
