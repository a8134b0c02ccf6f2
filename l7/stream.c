// SPDX-License-Identifier: BSD-3-Clause
#include "l7/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "l4/base/clock.h"
#include "l7/rewrite.h"
#include "l7/stream_answer.h"
#include "l7/stream_clock.h"
#include "l7/stream_count.h"
#include "l7/stream_grpc.h"
#include "l7/stream_meter.h"
#include "l7/stream_note.h"
#include "l7/stream_replay.h"
#include "l7/stream_websocket.h"
#include "l7/tunnel.h"
#include "l7/worker_state.h"

enum { SPARE_MOST = 256 };

// --- beginning and end ---

static struct stream *take_spare(struct worker *w)
{
	struct stream *s = w->spare_stream;

	if (s) {
		w->spare_stream = s->next;
		w->n_spare--;
	} else {
		s = malloc(sizeof(*s));
	}
	if (!s)
		return NULL;
	*s = (struct stream){.w = w, .next = w->streams};
	if (s->next)
		s->next->prev = s;
	w->streams = s;
	return s;
}

static void give_spare(struct stream *s)
{
	struct worker *w = s->w;

	*(s->prev ? &s->prev->next : &w->streams) = s->next;
	if (s->next)
		s->next->prev = s->prev;
	if (w->n_spare == SPARE_MOST) {
		free(s);
		return;
	}
	w->n_spare++;
	s->next = w->spare_stream;
	w->spare_stream = s;
}

void stream_leave_backend(struct stream *s, bool may_reuse)
{
	struct upstream *up = s->up;
	struct peer *peer = s->peer;

	if (peer)
		stream_count_leave(s);
	s->up = NULL;
	s->peer = NULL;
	if (up)
		upstream_release(up, may_reuse);
	if (peer) {
		peer->load.active--;
		view_peer_put(s->w, peer);
	}
}

// Frees the stream; nobody may use it afterwards.
static void finish(struct stream *s, enum access_end end, const char *reason)
{
	struct worker *w = s->w;

	stream_meter_end(s, end);
	stream_note_write(s, end, reason);
	stream_count_end(s, end);
	stream_clock_stop(s);
	stream_leave_backend(s, end == ACCESS_COMPLETED && s->is_request_done);
	stream_replay_drop(s);
	buf_put(&w->loop.bufs, s->trailers);
	tunnel_free(s->tunnel);
	stream_meter_free(s);
	stream_note_free(s->note);
	view_put(w, s->view);
	site_conf_put(s->shared);
	give_spare(s);
}

static void finish_telling(struct stream *s, enum access_end end, const char *reason,
                           bool is_broken)
{
	const struct stream_client *from = s->from;

	finish(s, end, reason);
	from->ops->finished(from->client, is_broken);
}

void stream_abort(struct stream *s, enum access_end end, const char *reason)
{
	if (s->tunnel && end == ACCESS_CLIENT_ABORT && tunnel_is_closed(s->tunnel))
		end = ACCESS_CLOSED;
	if (s->grpc && !s->has_grpc_status) {
		s->grpc_status = (uint8_t)grpc_status_of_end(end, 0);
		s->has_grpc_status = true;
	}
	finish(s, end, reason);
}

void stream_give_up_call(struct stream *s, uint8_t status, enum access_end end, const char *reason)
{
	bool is_told;

	stream_leave_backend(s, false);
	is_told = stream_grpc_fail(s, status, reason ? reason : access_end_helps[end]);
	finish_telling(s, end, reason, !is_told);
}

// An answer of our own, if none has begun; else the connection is broken, as nothing else can tell the client.
void stream_give_up(struct stream *s, uint16_t status, enum access_end end, const char *reason)
{
	bool is_broken = s->is_responded;

	if (s->grpc) {
		bool is_reset = end == ACCESS_UPSTREAM_RESET && s->reset_status;

		stream_give_up_call(
			s, is_reset ? s->reset_status : (uint8_t)grpc_status_of_end(end, status),
			end, reason);
		return;
	}
	if (!is_broken) {
		stream_leave_backend(s, false);
		stream_answer_error(s, status, reason);
	}
	finish_telling(s, end, reason, is_broken);
}

void stream_timed_out(struct stream *s, enum access_end end)
{
	if (end == ACCESS_FIRST_BYTE_TIMEOUT)
		stream_count_failure(s);
	stream_give_up(s, end == ACCESS_CLIENT_TIMEOUT ? 408 : 504, end, NULL);
}

void stream_was_reset(struct stream *s, enum http2_error error)
{
	s->reset_status = (uint8_t)grpc_status_of_reset(error);
}

void stream_malformed(struct stream *s, const char *reason)
{
	stream_count_failure(s);
	stream_give_up(s, 502, ACCESS_UPSTREAM_MALFORMED, reason);
}

// --- the request ---

static bool rewrite(struct stream *s, struct request *r)
{
	const struct stream_client *from = s->from;
	struct rewrite_client client = {
		.address = from->address,
		.local = from->local,
		.port = from->port,
		.local_port = from->local_port,
		.is_tls = from->is_secure,
		.appends = s->l7->forwarded == FORWARDED_APPEND,
	};
	char space[8192], id[REWRITE_ID_SIZE];
	struct text scratch = text_of(space, sizeof(space));
	struct slice request_id;

	r->is_persistent = true; // towards the backend that is our business
	if (s->grpc && !stream_grpc_request(s, r, &scratch))
		return false;
	stream_note_make_id(s->w, id);
	if (!rewrite_request(r, &client, s->w->node, s->route->conf, id, &request_id, &scratch))
		return false;
	stream_note_set_id(s->note, request_id);
	return stream_replay_head(s, r);
}

// What the route says is done without a backend. True: it was done, the stream is over.
static bool answer_here(struct stream *s, struct request *r)
{
	if (!s->route) {
		stream_give_up(s, 404, ACCESS_NO_ROUTE, "no route matches");
		return true;
	}
	if (s->route->pool != SITE_NONE)
		return false;
	if (s->grpc) {
		stream_grpc_answer_route(s);
		return true;
	}
	stream_answer_route(s, r);
	finish_telling(s, ACCESS_ANSWERED, NULL, false);
	return true;
}

// True: refused.
static bool check_request(struct stream *s, struct request *r)
{
	const char *reason = NULL;
	int status = 0;

	s->body_limit = (uint64_t)s->l7->limits.body_kb * 1024;
	if (s->body_limit && r->body == BODY_LENGTH && r->content_length > s->body_limit) {
		stream_give_up(s, 413, ACCESS_TOO_LARGE, "content beyond limits.body_kb");
		return true;
	}
	if (r->method == METHOD_CONNECT) {
		stream_give_up(s, 405, ACCESS_REFUSED, "CONNECT is for forward proxies");
		return true;
	}
	s->is_websocket = websocket_is_asked(r);
	if (s->is_websocket)
		status = websocket_check_request(r, &reason);
	else
		r->upgrade = (struct slice){0}; // no other upgrade is passed on
	if (status) {
		stream_give_up(s, (uint16_t)status, ACCESS_REFUSED, reason);
		return true;
	}
	return false;
}

static void begin(struct stream *s, struct worker *w, const struct stream_client *from, uint16_t l7,
                  struct request *r)
{
	const struct site_l7 *site = &w->view->site->l7[l7];

	s->view = view_get(w->view);
	s->from = from;
	s->l7 = site->conf;
	s->started_ns = from->started_ns;
	s->method = r->method;
	s->request_body = r->body == BODY_LENGTH && !r->content_length ? BODY_NONE : r->body;
	s->route = route_find(site, r);
	s->note = w->access ? stream_note_new(r) : NULL;
	s->service = from->service;
	stream_count_begin(s);
	stream_clock_start(s);
	stream_grpc_begin(s, r);
}

void stream_new(struct stream **out, struct worker *w, const struct stream_client *from,
                uint16_t l7, struct request *r)
{
	struct stream *s = take_spare(w);

	*out = s;
	if (!s) {
		stream_count_overload(w, from);
		from->ops->finished(from->client, true);
		return;
	}
	begin(s, w, from, l7, r);
	if (check_request(s, r) || answer_here(s, r))
		return;
	s->hash = pick_hash(&s->view->site->conf->pools[s->route->pool], r, &from->address);
	stream_websocket_key(s, r);
	if (!rewrite(s, r)) {
		stream_give_up(s, 431, ACCESS_TOO_LARGE, "head does not fit with what we add");
		return;
	}
	stream_attempt(s);
}

bool stream_takes(const struct stream *s)
{
	return s->phase != STREAM_CONNECTING && s->up && !upstream_is_blocked(s->up) &&
	       (!s->is_websocket || s->tunnel);
}

bool stream_is_full(struct stream *s)
{
	return (s->up && upstream_is_full(s->up)) || !stream_takes(s);
}

void stream_refuse(struct stream *s, uint16_t status, const char *reason)
{
	stream_give_up(s, status, ACCESS_REFUSED, reason);
}

bool stream_data(struct stream *s, struct slice bytes)
{
	s->bytes_in += bytes.len;
	if (s->phase == STREAM_TUNNEL) {
		tunnel_from_client(s->tunnel, bytes);
		stream_meter_asked(s);
	} else if (s->body_limit && s->bytes_in > s->body_limit) {
		stream_give_up(s, 413, ACCESS_TOO_LARGE, "content beyond limits.body_kb");
		return false;
	}
	if (s->grpc) {
		if (!stream_grpc_data(s, bytes))
			return false;
	} else {
		stream_replay_content(s, bytes);
		upstream_data(s->up, bytes);
	}
	stream_clock_moved(s);
	return true;
}

void stream_end(struct stream *s, const struct fields *trailers)
{
	if (s->grpc && !stream_grpc_request_end(s))
		return;
	if (s->web.is_bridged)
		trailers = NULL;
	upstream_end(s->up, trailers);
	s->is_request_done = true;
	stream_replay_end(s, trailers);
	if (s->phase != STREAM_SENDING)
		return;
	s->phase = STREAM_WAITING;
	stream_clock_phase(s);
}

void stream_upstream_drained(struct stream *s)
{
	stream_clock_moved(s);
	s->from->ops->pause(s->from->client, false);
}

// --- the answer ---

bool stream_respond(struct stream *s, struct response *r)
{
	if (!s->from->ops->respond(s->from->client, r))
		return false;
	s->is_responded = true;
	s->status = r->status;
	stream_count_status(s, r->status);
	return true;
}

void stream_interim(struct stream *s, struct response *r)
{
	r->upgrade = (struct slice){0};
	if (s->from->minor && s->from->ops->interim(s->from->client, r))
		stream_count_interim(s);
}

void stream_response(struct stream *s, struct response *r)
{
	char space[4096], accept[WEBSOCKET_ACCEPT_SIZE];
	struct text scratch = text_of(space, sizeof(space));

	s->first_byte_ns = s->w->loop.now_ns;
	stream_count_answer(s, r->status);
	stream_replay_drop(s);
	if (r->status == 101 && !stream_websocket_begin(s, r)) {
		stream_give_up(s, 502, ACCESS_UPSTREAM_MALFORMED,
		               "upgrade that was not asked for, or wrong");
		return;
	}
	if (!s->tunnel)
		r->upgrade = (struct slice){0};
	else
		stream_websocket_answer(s, r, accept);
	if (s->grpc && !stream_grpc_response(s, r, &scratch))
		return;
	if (!rewrite_response(r, s->w->node, s->route->conf, &scratch)) {
		stream_give_up(s, 502, ACCESS_UPSTREAM_MALFORMED,
		               "head does not fit with what we add");
		return;
	}
	if (!s->tunnel && !s->grpc && s->method != METHOD_HEAD && event_stream_is(r)) {
		s->is_event_stream = true;
		s->events.is_opaque = !event_stream_takes_comments(r);
		stream_count_kind(s);
	}
	stream_meter_begin(s, r);
	if (!stream_respond(s, r)) {
		stream_give_up(s, 502, ACCESS_UPSTREAM_MALFORMED,
		               "head too long with what the route adds");
		return;
	}
	s->phase = s->tunnel ? STREAM_TUNNEL : STREAM_ANSWERING;
	stream_clock_phase(s);
	if (s->tunnel)
		s->from->ops->pause(s->from->client, false);
}

void stream_body(struct stream *s, struct slice bytes)
{
	s->bytes_out += bytes.len;
	if (s->tunnel)
		tunnel_from_backend(s->tunnel, bytes);
	stream_meter_received(s, bytes);
	if (s->grpc)
		stream_grpc_body(s, bytes);
	else
		s->from->ops->data(s->from->client, bytes);
	stream_clock_moved(s);
}

void stream_body_end(struct stream *s, const struct fields *trailers)
{
	if (s->tunnel) {
		stream_meter_finish(s);
		finish_telling(s,
		               tunnel_is_closed(s->tunnel) ? ACCESS_CLOSED : ACCESS_UPSTREAM_RESET,
		               NULL, true);
		return;
	}
	if (s->grpc && !stream_grpc_end(s, trailers)) {
		finish_telling(s, ACCESS_UPSTREAM_MALFORMED, "no grpc-status", false);
		return;
	}
	if (!s->grpc)
		s->from->ops->end(s->from->client, trailers);
	stream_meter_finish(s);
	finish_telling(s, ACCESS_COMPLETED, NULL, false);
}

bool stream_is_blocked(struct stream *s)
{
	size_t n = s->from->ops->pending(s->from->client);

	stream_meter_sent(s, n > 0);
	return n > 0;
}

size_t stream_untaken(struct stream *s)
{
	return s->from->ops->untaken(s->from->client);
}

void stream_drained(struct stream *s)
{
	stream_meter_sent(s, false);
	if (s->up)
		upstream_resume(s->up);
}

void stream_moved(struct stream *s)
{
	stream_meter_sent(s, true);
}

void stream_release_view(struct stream *s)
{
	if (!s->view || !s->is_responded || s->view == s->w->view)
		return;
	s->shared = site_conf_get(s->view->site->shared);
	view_put(s->w, s->view);
	s->view = NULL;
}

void stream_take_down(struct stream *s)
{
	if (s->tunnel)
		tunnel_go_away(s->tunnel);
	stream_give_up(s, 503, ACCESS_DRAINED, "the backend was taken down");
}

void stream_cut(struct stream *s)
{
	if (s->tunnel)
		tunnel_go_away(s->tunnel);
	if (s->grpc)
		stream_give_up(s, 503, ACCESS_DRAINED, "this node stops");
	else
		finish_telling(s, ACCESS_DRAINED, NULL, true);
}
