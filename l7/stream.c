// SPDX-License-Identifier: BSD-3-Clause
#include "l7/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "l4/base/clock.h"
#include "l7/rewrite.h"
#include "l7/stream_answer.h"
#include "l7/stream_clock.h"
#include "l7/stream_note.h"
#include "l7/tunnel.h"
#include "l7/worker_state.h"

enum { TRIED_MAX = ARRAY_LEN(((struct stream *)NULL)->tried), SPARE_MOST = 256 };

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

static void leave_backend(struct stream *s, bool may_reuse)
{
	struct upstream *up = s->up;
	struct peer *peer = s->peer;

	s->up = NULL;
	s->peer = NULL;
	if (up)
		upstream_release(up, may_reuse);
	if (peer) {
		peer->load.active--;
		view_peer_put(s->w, peer);
	}
}

static void count_end(struct stream *s)
{
	struct worker_counters *c = &s->w->counters;

	c->requests_active--;
	c->bytes_in += s->bytes_in;
	c->bytes_out += s->bytes_out;
	if (s->is_event_stream)
		c->event_streams_active--;
	if (s->tunnel)
		c->websockets_active--;
}

// Frees the stream; nobody may use it afterwards.
static void finish(struct stream *s, enum access_end end, const char *reason)
{
	struct worker *w = s->w;

	stream_note_write(s, end, reason);
	count_end(s);
	stream_clock_stop(s);
	leave_backend(s, end == ACCESS_COMPLETED && s->is_request_done);
	buf_put(&w->loop.bufs, s->head);
	tunnel_free(s->tunnel);
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
	finish(s, end, reason);
}

// An answer of our own, if none has begun; else the connection is broken, as nothing else can tell the client.
static void refuse(struct stream *s, uint16_t status, enum access_end end, const char *reason)
{
	bool is_broken = s->is_responded;

	if (!is_broken) {
		leave_backend(s, false);
		stream_answer_error(s, status, reason);
	}
	finish_telling(s, end, reason, is_broken);
}

void stream_timed_out(struct stream *s, enum access_end end)
{
	refuse(s, end == ACCESS_CLIENT_TIMEOUT ? 408 : 504, end, NULL);
}

// --- towards a backend ---

static bool has_content(const struct stream *s)
{
	return s->request_body != BODY_NONE;
}

static void send_request(struct stream *s)
{
	s->connected_ns = s->w->loop.now_ns;
	s->phase = has_content(s) ? STREAM_SENDING : STREAM_WAITING;
	s->is_request_done = !has_content(s);
	upstream_head(s->up, buf_slice(s->head), s->request_body);
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
		rc = upstream_take(&s->up, s, s->route->pool, i);
		if (!rc) {
			s->peer = view_peer_get(view_peer(s->view, s->route->pool, i));
			s->peer->load.active++;
			return 0;
		}
		remember_tried(s, i);
	}
	return rc;
}

// before: how the attempt before failed; NULL at the first.
static void begin_attempt(struct stream *s, const struct failure *before)
{
	int rc;

	if (s->picked_ns)
		s->w->counters.retries++;
	else
		s->picked_ns = s->w->loop.now_ns;
	rc = attempt(s);
	if (rc == -ENOENT && before) {
		refuse(s, before->status, before->end, before->reason);
		return;
	}
	if (rc == -ENOENT) {
		refuse(s, 503, ACCESS_NO_BACKEND, "no backend of the pool may take a request");
		return;
	}
	if (rc) {
		refuse(s, 502, ACCESS_CONNECT_FAILED, strerror(-rc));
		return;
	}
	s->is_reused = s->up->state == UPSTREAM_HEAD;
	if (s->is_reused) {
		send_request(s);
		return;
	}
	s->phase = STREAM_CONNECTING;
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
	send_request(s);
}

static void retry(struct stream *s, const struct failure *f, bool is_other)
{
	if (is_other)
		remember_tried(s, s->backend);
	leave_backend(s, false);
	begin_attempt(s, f);
}

static void retry_or_refuse(struct stream *s, const struct failure *f)
{
	s->w->counters.upstream_failures++;
	if (may_retry(s))
		retry(s, f, true);
	else
		refuse(s, f->status, f->end, f->reason);
}

static void connect_failed(struct stream *s, int error)
{
	bool is_tls = error == -EPROTO;
	char reason[96];
	struct failure f = {reason, 502, is_tls ? ACCESS_UPSTREAM_TLS : ACCESS_CONNECT_FAILED};

	// Kept beyond the connection's end.
	snprintf(reason, sizeof(reason), "%s",
	         is_tls ? conn_reason(&s->up->conn) : strerror(-error));
	retry_or_refuse(s, &f);
}

void stream_connect_timed_out(struct stream *s)
{
	retry_or_refuse(s, &(struct failure){NULL, 504, ACCESS_CONNECT_TIMEOUT});
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
		retry(s, &f, !s->is_reused);
		return;
	}
	refuse(s, f.status, f.end, f.reason);
}

void stream_malformed(struct stream *s, const char *reason)
{
	refuse(s, 502, ACCESS_UPSTREAM_MALFORMED, reason);
}

// --- the request ---

// The head as it goes to a backend, kept until an answer begins, as it may have to go to another.
static bool keep_head(struct stream *s, const struct request *r)
{
	static const size_t sizes[] = {BUF_SMALL_SIZE, BUF_MEDIUM_SIZE, BUF_HUGE_SIZE};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct text t;

		s->head = buf_get(&s->w->loop.bufs, sizes[i]);
		if (!s->head)
			return false;
		t = text_of(s->head->data, s->head->size);
		http1_write_request(&t, r);
		s->head->end = (uint32_t)t.len;
		if (!t.is_cut)
			return true;
		buf_put(&s->w->loop.bufs, s->head);
		s->head = NULL;
	}
	return false;
}

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
	stream_note_make_id(s->w, id);
	if (!rewrite_request(r, &client, s->w->node, s->route->conf, id, &request_id, &scratch))
		return false;
	stream_note_set_id(s->note, request_id);
	return keep_head(s, r);
}

// What the route says is done without a backend. True: it was done, the stream is over.
static bool answer_here(struct stream *s, struct request *r)
{
	if (!s->route) {
		refuse(s, 404, ACCESS_NO_ROUTE, "no route matches");
		return true;
	}
	if (s->route->pool != SITE_NONE)
		return false;
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
		refuse(s, 413, ACCESS_TOO_LARGE, "content beyond limits.body_kb");
		return true;
	}
	if (r->method == METHOD_CONNECT) {
		refuse(s, 405, ACCESS_REFUSED, "CONNECT is for forward proxies");
		return true;
	}
	s->is_websocket = websocket_is_asked(r);
	if (s->is_websocket)
		status = websocket_check_request(r, &reason);
	else
		r->upgrade = (struct slice){0}; // no other upgrade is passed on
	if (status) {
		refuse(s, (uint16_t)status, ACCESS_REFUSED, reason);
		return true;
	}
	return false;
}

static void keep_websocket_key(struct stream *s, const struct request *r)
{
	const struct field *key = message_field(&r->fields, HEADER_SEC_WEBSOCKET_KEY);

	if (s->is_websocket && key && key->value.len < sizeof(s->websocket_key))
		memcpy(s->websocket_key, key->value.ptr, key->value.len);
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
	w->counters.requests++;
	w->counters.requests_active++;
	stream_clock_start(s);
}

void stream_new(struct stream **out, struct worker *w, const struct stream_client *from,
                uint16_t l7, struct request *r)
{
	struct stream *s = take_spare(w);

	*out = s;
	if (!s) {
		from->ops->finished(from->client, true);
		return;
	}
	begin(s, w, from, l7, r);
	if (check_request(s, r) || answer_here(s, r))
		return;
	s->hash = pick_hash(&s->view->site->conf->pools[s->route->pool], r, &from->address);
	keep_websocket_key(s, r);
	if (!rewrite(s, r)) {
		refuse(s, 431, ACCESS_TOO_LARGE, "head does not fit with what we add");
		return;
	}
	begin_attempt(s, NULL);
}

bool stream_takes(const struct stream *s)
{
	return s->phase != STREAM_CONNECTING && s->up && conn_pending(&s->up->conn) == 0;
}

bool stream_is_full(struct stream *s)
{
	if (s->up)
		conn_flush(&s->up->conn);
	return !stream_takes(s);
}

void stream_refuse(struct stream *s, uint16_t status, const char *reason)
{
	refuse(s, status, ACCESS_REFUSED, reason);
}

bool stream_data(struct stream *s, struct slice bytes)
{
	s->bytes_in += bytes.len;
	if (s->phase == STREAM_TUNNEL) {
		tunnel_from_client(s->tunnel, bytes);
	} else if (s->body_limit && s->bytes_in > s->body_limit) {
		refuse(s, 413, ACCESS_TOO_LARGE, "content beyond limits.body_kb");
		return false;
	}
	s->is_content_sent = true;
	upstream_data(s->up, bytes);
	stream_clock_moved(s);
	return true;
}

void stream_end(struct stream *s, const struct fields *trailers)
{
	upstream_end(s->up, trailers);
	s->is_request_done = true;
	s->is_content_sent = true; // if only its end
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

static void drop_head(struct stream *s)
{
	buf_put(&s->w->loop.bufs, s->head);
	s->head = NULL;
}

static void count_status(struct stream *s, uint16_t status)
{
	struct worker_counters *c = &s->w->counters;

	s->status = status;
	if (status < 300)
		c->responses_2xx++;
	else if (status < 400)
		c->responses_3xx++;
	else if (status < 500)
		c->responses_4xx++;
	else
		c->responses_5xx++;
}

bool stream_respond(struct stream *s, struct response *r)
{
	if (!s->from->ops->respond(s->from->client, r))
		return false;
	s->is_responded = true;
	count_status(s, r->status);
	return true;
}

void stream_interim(struct stream *s, struct response *r)
{
	s->w->counters.responses_1xx++;
	r->upgrade = (struct slice){0};
	if (s->from->minor)
		s->from->ops->interim(s->from->client, r);
}

// The backend agreed to a WebSocket. False: it did not, or not properly.
static bool begin_tunnel(struct stream *s, struct response *r)
{
	if (!s->is_websocket ||
	    !websocket_check_response(r, slice_of(s->websocket_key, strlen(s->websocket_key))))
		return false;
	s->tunnel = tunnel_new(s);
	if (!s->tunnel)
		return false;
	s->w->counters.websockets++;
	s->w->counters.websockets_active++;
	return true;
}

void stream_response(struct stream *s, struct response *r)
{
	char space[4096];
	struct text scratch = text_of(space, sizeof(space));

	s->first_byte_ns = s->w->loop.now_ns;
	drop_head(s);
	if (r->status == 101 && !begin_tunnel(s, r)) {
		refuse(s, 502, ACCESS_UPSTREAM_MALFORMED,
		       "upgrade that was not asked for, or wrong");
		return;
	}
	if (!s->tunnel)
		r->upgrade = (struct slice){0};
	if (!rewrite_response(r, s->w->node, s->route->conf, &scratch)) {
		refuse(s, 502, ACCESS_UPSTREAM_MALFORMED, "head does not fit with what we add");
		return;
	}
	if (!s->tunnel && s->method != METHOD_HEAD && sse_is_stream(r)) {
		s->is_event_stream = true;
		s->sse.is_opaque = !sse_takes_comments(r);
		s->w->counters.event_streams++;
		s->w->counters.event_streams_active++;
	}
	if (!stream_respond(s, r)) {
		refuse(s, 502, ACCESS_UPSTREAM_MALFORMED, "head too long with what the route adds");
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
	if (s->is_event_stream)
		sse_track(&s->sse, bytes);
	else if (s->tunnel)
		tunnel_from_backend(s->tunnel, bytes);
	s->from->ops->data(s->from->client, bytes);
	stream_clock_moved(s);
}

void stream_body_end(struct stream *s, const struct fields *trailers)
{
	if (s->tunnel) {
		finish_telling(s,
		               tunnel_is_closed(s->tunnel) ? ACCESS_CLOSED : ACCESS_UPSTREAM_RESET,
		               NULL, true);
		return;
	}
	s->from->ops->end(s->from->client, trailers);
	finish_telling(s, ACCESS_COMPLETED, NULL, false);
}

bool stream_is_blocked(struct stream *s)
{
	return s->from->ops->pending(s->from->client) > 0;
}

void stream_drained(struct stream *s)
{
	if (s->up)
		conn_resume(&s->up->conn);
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
	refuse(s, 503, ACCESS_DRAINED, "the backend was taken down");
}

void stream_cut(struct stream *s)
{
	if (s->tunnel)
		tunnel_go_away(s->tunnel);
	finish_telling(s, ACCESS_DRAINED, NULL, true);
}
