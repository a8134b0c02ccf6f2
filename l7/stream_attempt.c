// SPDX-License-Identifier: BSD-3-Clause
// The part of a stream that finds a backend: attempts, and who may be asked again (stream.h).
#include <errno.h>
#include <stdio.h>

#include "l7/stream.h"
#include "l7/stream_clock.h"
#include "l7/stream_count.h"
#include "l7/stream_replay.h"
#include "l7/worker_state.h"

enum {
	TRIED_MAX = ARRAY_LEN(((struct stream *)NULL)->tried),
	AGAIN_MOST = 8,       // ways to a backend that lead nowhere
	UNPROCESSED_MOST = 3, // attempts that no backend has looked at, and that do not count
};

static bool has_content(const struct stream *s)
{
	return s->request_body != BODY_NONE;
}

static void send_request(struct stream *s)
{
	int rc;

	s->connected_ns = s->w->loop.now_ns;
	s->reset_status = 0;
	s->is_request_done = !has_content(s) || s->is_content_whole;
	s->phase = s->is_request_done ? STREAM_WAITING : STREAM_SENDING;
	rc = upstream_head(s->up, buf_slice(s->head), s->request_body);
	s->n_sent++;
	if (rc == -EMSGSIZE) {
		stream_give_up(s, 431, ACCESS_TOO_LARGE, "head does not fit with what we add");
		return;
	}
	if (rc) {
		stream_give_up(s, 503, ACCESS_OVERLOAD, strerror(-rc));
		return;
	}
	if (s->is_content_sent)
		stream_replay_send(s);
	stream_clock_phase(s);
	if (!s->is_request_done)
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
	bool is_unprocessed;
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
		if (s->attempt_ns)
			stream_count_retry(s);
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

static const struct conf_pool *pool_of(const struct stream *s)
{
	return &s->view->site->conf->pools[s->route->pool];
}

// before: how the attempt before failed; NULL at the first.
static void begin_attempt(struct stream *s, const struct failure *before)
{
	int rc;

	if (!s->picked_ns) {
		s->picked_ns = s->w->loop.now_ns;
		retry_budget_count(&s->view->pools[s->route->pool].budget,
		                   &pool_of(s)->retry_budget);
	}
	rc = attempt(s);
	// Nobody else is there: one that has refused may take it now, or by another connection.
	if (rc == -ENOENT && before && before->is_unprocessed && s->n_tried) {
		s->n_tried = 0;
		rc = attempt(s);
	}
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
	return !s->is_responded && stream_replay_is_possible(s) &&
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

// Whether the request, which a backend has got, may be sent once more.
static bool is_in_budget(struct stream *s)
{
	if (retry_budget_take(&s->view->pools[s->route->pool].budget, &pool_of(s)->retry_budget,
	                      s->w->loop.timers.now_ms))
		return true;
	s->w->counters->retries_over_budget++;
	return false;
}

void stream_connect_timed_out(struct stream *s)
{
	retry_or_give_up(s, &(struct failure){.status = 504, .end = ACCESS_CONNECT_TIMEOUT});
}

// No backend has looked at it: whatever it is, it may go to another.
static void go_elsewhere(struct stream *s, struct failure *f)
{
	f->status = 503;
	f->is_unprocessed = true;
	if (s->n_unprocessed < UNPROCESSED_MOST && s->n_attempts) {
		s->n_unprocessed++;
		s->n_attempts--;
	}
	if (may_retry(s) && is_in_budget(s)) {
		retry(s, f, true);
		return;
	}
	stream_count_failure(s);
	stream_give_up(s, f->status, f->end, f->reason);
}

void stream_failed(struct stream *s, int error, enum stream_reach reach)
{
	const char *why = upstream_reason(s->up);
	char reason[96]; // outlives the connection
	struct failure f = {.reason = reason, .status = 502, .end = ACCESS_UPSTREAM_RESET};

	snprintf(reason, sizeof(reason), "%s", why[0] ? why : strerror(-error));
	if (s->phase == STREAM_CONNECTING) {
		f.end = error == -EPROTO ? ACCESS_UPSTREAM_TLS : ACCESS_CONNECT_FAILED;
		retry_or_give_up(s, &f);
		return;
	}
	if (error == -EBADMSG)
		f.end = ACCESS_UPSTREAM_MALFORMED;
	if (reach == STREAM_UNPROCESSED) {
		go_elsewhere(s, &f);
		return;
	}
	// A connection of HTTP/1 that had served before and closes when it is asked again was closed for its age: nothing is
	// wrong with the backend, and that attempt does not count. Of HTTP/2 it carried others' requests as well.
	if (reach == STREAM_SILENT && stream_is_idempotent(s)) {
		bool is_aged = s->is_reused && !s->up->is_http2;

		if (is_aged && s->n_attempts)
			s->n_attempts--;
		if (may_retry(s) && (is_aged || is_in_budget(s))) {
			if (!is_aged)
				stream_count_failure(s);
			retry(s, &f, !is_aged);
			return;
		}
	}
	stream_count_failure(s);
	stream_give_up(s, f.status, f.end, f.reason);
}

void stream_again(struct stream *s)
{
	bool has_more = s->n_agains++ < AGAIN_MOST;
	int rc;

	if (s->phase != STREAM_CONNECTING) {
		s->phase = STREAM_CONNECTING;
		stream_clock_phase(s);
	}
	upstream_release(s->up, false);
	s->up = NULL;
	rc = has_more ? upstream_take(&s->up, s, s->route->pool, s->backend) : -ELOOP;
	if (rc) {
		const char *reason = has_more ? strerror(-rc) : "no connection takes it";

		retry_or_give_up(s, &(struct failure){.reason = reason,
		                                      .status = 502,
		                                      .end = ACCESS_CONNECT_FAILED});
		return;
	}
	s->is_reused = s->up->is_reused;
	if (s->up->is_open)
		send_request(s);
}

void stream_attempt(struct stream *s)
{
	begin_attempt(s, NULL);
}
