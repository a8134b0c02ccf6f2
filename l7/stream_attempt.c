// SPDX-License-Identifier: BSD-3-Clause
// The part of a stream that finds a backend: attempts, and who may be asked again (stream.h).
#include <errno.h>
#include <stdio.h>

#include "l7/stream.h"
#include "l7/stream_clock.h"
#include "l7/stream_count.h"
#include "l7/worker_state.h"

enum { TRIED_MAX = ARRAY_LEN(((struct stream *)NULL)->tried) };

static bool has_content(const struct stream *s)
{
	return s->request_body != BODY_NONE;
}

static void send_request(struct stream *s)
{
	s->connected_ns = s->w->loop.now_ns;
	s->phase = has_content(s) ? STREAM_SENDING : STREAM_WAITING;
	s->is_request_done = !has_content(s);
	if (upstream_head(s->up, buf_slice(s->head), s->request_body)) {
		stream_give_up(s, 503, ACCESS_NO_BACKEND, "out of memory");
		return;
	}
	stream_clock_phase(s);
	if (has_content(s))
		s->from->ops->pause(s->from->client, false);
}

static void remember_tried(struct stream *s, uint16_t backend)
{
	if (s->n_tried < TRIED_MAX)
		s->tried[s->n_tried++] = backend;
}

// What is said if nobody else can do it.
struct failure {
	const char *reason;
	uint16_t status;
	uint8_t end; // enum access_end
};

// Picks a backend and takes a connection; -ENOENT: nobody is left; else what connect(2) said last.
static int attempt(struct stream *s)
{
	const struct conf_pool *conf = &s->view->site->conf->pools[s->route->pool];
	const struct site_pool *pool = &s->view->site->pools[s->route->pool];
	int rc = -ENOENT;

	while (s->n_attempts <= s->route->conf->retries) {
		uint16_t i = pick_backend(&s->view->pools[s->route->pool].pick, conf, pool, s->hash,
		                          s->tried, s->n_tried);

		if (i == SITE_NONE)
			break;
		s->n_attempts++;
		s->backend = i;
		s->attempt_ns = s->w->loop.now_ns;
		s->phase = STREAM_CONNECTING;
		rc = upstream_take(&s->up, s, s->route->pool, i);
		s->peer = view_peer_get(view_peer(s->view, s->route->pool, i));
		s->peer->load.active++;
		stream_count_attempt(s);
		if (!rc)
			return 0;
		stream_count_failure(s);
		stream_leave_backend(s, false);
		remember_tried(s, i);
	}
	return rc;
}

// before: how the attempt before failed; NULL at the first.
static void begin_attempt(struct stream *s, const struct failure *before)
{
	int rc;

	if (s->picked_ns)
		stream_count_retry(s);
	else
		s->picked_ns = s->w->loop.now_ns;
	rc = attempt(s);
	if (rc == -ENOENT && before) {
		stream_give_up(s, before->status, before->end, before->reason);
		return;
	}
	if (rc == -ENOENT) {
		stream_give_up(s, 503, ACCESS_NO_BACKEND,
		               "no backend of the pool may take a request");
		return;
	}
	if (rc) {
		stream_give_up(s, 502, ACCESS_CONNECT_FAILED, strerror(-rc));
		return;
	}
	s->is_reused = s->up->is_reused;
	if (s->up->is_open) {
		send_request(s);
		return;
	}
	stream_clock_phase(s);
}

bool stream_is_idempotent(const struct stream *s)
{
	return s->method != METHOD_POST && s->method != METHOD_PATCH &&
	       s->method != METHOD_CONNECT && s->method != METHOD_OTHER;
}

static bool may_retry(const struct stream *s)
{
	return !s->is_responded && !s->is_content_sent && s->head &&
	       s->n_attempts <= s->route->conf->retries;
}

void stream_opened(struct stream *s)
{
	stream_count_connected(s);
	send_request(s);
}

static void retry(struct stream *s, const struct failure *f, bool is_other)
{
	if (is_other)
		remember_tried(s, s->backend);
	stream_leave_backend(s, false);
	begin_attempt(s, f);
}

static void retry_or_give_up(struct stream *s, const struct failure *f)
{
	s->w->counters->upstream_failures++;
	stream_count_failure(s);
	if (may_retry(s))
		retry(s, f, true);
	else
		stream_give_up(s, f->status, f->end, f->reason);
}

static void connect_failed(struct stream *s, int error)
{
	bool is_tls = error == -EPROTO;
	char reason[96];
	struct failure f = {reason, 502, is_tls ? ACCESS_UPSTREAM_TLS : ACCESS_CONNECT_FAILED};

	// Kept beyond the connection's end.
	snprintf(reason, sizeof(reason), "%s", is_tls ? upstream_reason(s->up) : strerror(-error));
	retry_or_give_up(s, &f);
}

void stream_connect_timed_out(struct stream *s)
{
	retry_or_give_up(s, &(struct failure){NULL, 504, ACCESS_CONNECT_TIMEOUT});
}

void stream_failed(struct stream *s, int error, bool is_idle)
{
	struct failure f = {strerror(-error), 502, ACCESS_UPSTREAM_RESET};

	if (s->phase == STREAM_CONNECTING) {
		connect_failed(s, error);
		return;
	}
	// A connection that had served before and closes when it is asked again was closed for its age: nothing is wrong
	// with the backend, and that attempt does not count.
	if (is_idle && s->is_reused && stream_is_idempotent(s) && s->n_attempts)
		s->n_attempts--;
	if (is_idle && stream_is_idempotent(s) && may_retry(s)) {
		if (!s->is_reused)
			stream_count_failure(s);
		retry(s, &f, !s->is_reused);
		return;
	}
	stream_count_failure(s);
	stream_give_up(s, f.status, f.end, f.reason);
}

void stream_attempt(struct stream *s)
{
	begin_attempt(s, NULL);
}
