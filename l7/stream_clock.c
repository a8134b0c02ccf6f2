// SPDX-License-Identifier: BSD-3-Clause
#include "l7/stream_clock.h"

#include "l4/base/clock.h"
#include "l7/stream.h"
#include "l7/stream_meter.h"
#include "l7/tunnel.h"
#include "l7/worker_state.h"

static uint64_t phase_timeout(const struct stream *s)
{
	const struct conf_l7_timeouts *t = &s->l7->timeouts;

	switch (s->phase) {
	case STREAM_CONNECTING:
		return t->connect_ms;
	case STREAM_SENDING:
		// A gRPC client that says nothing may be waiting for its server, which may send no head before its first message.
		return s->grpc ? t->first_byte_ms : t->client_idle_ms;
	case STREAM_WAITING:
		return t->first_byte_ms;
	default:
		return t->stream_idle_ms;
	}
}

static uint64_t beat_interval(const struct stream *s)
{
	if (s->tunnel)
		return s->l7->websocket_ping_ms;
	return s->is_event_stream ? s->l7->sse_keepalive_ms : 0;
}

static uint64_t after(const struct stream *s, uint64_t delay_ms)
{
	return delay_ms ? s->w->loop.timers.now_ms + delay_ms : 0;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static void arm(struct stream *s)
{
	uint64_t at = earlier(earlier(s->phase_ms, s->total_ms), earlier(s->beat_ms, s->stall_ms));
	uint64_t now = s->w->loop.timers.now_ms;

	if (at)
		loop_timer_start(&s->w->loop, &s->timer, at > now ? at - now : 0);
}

static enum access_end phase_end(const struct stream *s)
{
	switch (s->phase) {
	case STREAM_SENDING:
		if (s->is_held_up)
			return ACCESS_STREAM_IDLE;
		return s->grpc ? ACCESS_FIRST_BYTE_TIMEOUT : ACCESS_CLIENT_TIMEOUT;
	case STREAM_WAITING:
		return ACCESS_FIRST_BYTE_TIMEOUT;
	default:
		return ACCESS_STREAM_IDLE;
	}
}

static void beat(struct stream *s)
{
	static const char comment[] = EVENT_STREAM_COMMENT;

	s->beat_ms = after(s, beat_interval(s));
	if (stream_is_blocked(s))
		return; // it has enough to read
	if (s->tunnel)
		tunnel_ping(s->tunnel);
	else if (event_stream_is_between(&s->events))
		s->from->ops->data(s->from->client, slice_of(comment, sizeof(comment) - 1));
}

// A client that sends nothing because the backend takes nothing is not to blame; the backend gets stream_idle_ms more.
static bool hold_up(struct stream *s)
{
	uint64_t idle_ms = s->l7->timeouts.stream_idle_ms;

	if (s->phase != STREAM_SENDING || stream_takes(s) || s->is_held_up)
		return false;
	s->is_held_up = idle_ms;
	s->phase_ms = after(s, idle_ms ? idle_ms : phase_timeout(s));
	return true;
}

static void fire(struct timer *t)
{
	struct stream *s = CONTAINER_OF(t, struct stream, timer);
	uint64_t now = s->w->loop.timers.now_ms;

	if (s->total_ms && s->total_ms <= now) {
		stream_timed_out(s, s->has_deadline ? ACCESS_DEADLINE : ACCESS_TOTAL_TIMEOUT);
		return;
	}
	if (s->phase_ms && s->phase_ms <= now && !hold_up(s)) {
		if (s->phase == STREAM_CONNECTING)
			stream_connect_timed_out(s);
		else
			stream_timed_out(s, phase_end(s));
		return;
	}
	if (s->beat_ms && s->beat_ms <= now)
		beat(s);
	if (s->stall_ms && s->stall_ms <= now)
		s->stall_ms = after(s, stream_meter_stall(s));
	arm(s);
}

void stream_clock_start(struct stream *s)
{
	s->timer.fire = fire;
	s->total_ms = after(s, s->l7->timeouts.total_ms);
	if (s->total_ms)
		arm(s);
}

void stream_clock_deadline(struct stream *s, uint64_t ns)
{
	enum { LONGEST_MS = 1 << 30 }; // twelve days: no wheel turns for longer ones
	uint64_t passed = s->w->loop.now_ns - s->started_ns, at;

	if (ns / CLOCK_NS_PER_MS >= LONGEST_MS)
		return;
	ns = ns > passed ? ns - passed : 1;
	at = after(s, (ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS);
	if (s->total_ms && s->total_ms <= at)
		return;
	s->total_ms = at;
	s->has_deadline = true;
	arm(s);
}

// Of a call it is known before its answer comes that it may stall: started for that, too, the timer needs not be moved for it.
static void expect_stall(struct stream *s)
{
	const struct conf_l7_streams *conf = &s->l7->streams;

	if (s->grpc && conf->measure == MEASURE_TOKENS && s->phase < STREAM_ANSWERING &&
	    !s->stall_ms)
		s->stall_ms = after(s, conf->stalled_ms);
}

void stream_clock_phase(struct stream *s)
{
	expect_stall(s);
	s->is_held_up = false;
	s->phase_ms = after(s, phase_timeout(s));
	s->beat_ms = after(s, beat_interval(s));
	arm(s);
}

// The timer stays where it is: when it fires, it finds the new times.
void stream_clock_moved(struct stream *s)
{
	s->is_held_up = false;
	if (s->phase_ms)
		s->phase_ms = after(s, phase_timeout(s));
	if (s->beat_ms)
		s->beat_ms = after(s, beat_interval(s));
}

void stream_clock_stall(struct stream *s, uint64_t delay_ms)
{
	s->stall_ms = after(s, delay_ms);
	if (s->stall_ms)
		arm(s);
}

void stream_clock_stop(struct stream *s)
{
	loop_timer_stop(&s->w->loop, &s->timer);
}
