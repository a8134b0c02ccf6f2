// SPDX-License-Identifier: BSD-3-Clause
#include "l7/stream_grpc.h"

#include <stdio.h>

#include "l7/grpc.h"
#include "l7/head.h"
#include "l7/rewrite.h"
#include "l7/stream.h"
#include "l7/stream_clock.h"
#include "l7/stream_count.h"
#include "l7/stream_note.h"
#include "l7/stream_replay.h"
#include "l7/worker_state.h"

enum {
	PIECE = 6144,       // bytes that are translated at once
	FRAME_MOST = 65536, // of gRPC-Web's last frame; trailers are shorter
	REASON_MOST = 256,
	MESSAGE_MOST = 3 * REASON_MOST, // percent-encoded
	TYPE_MOST = 64,                 // of a Content-Type
};

static bool is_native(const struct stream *s)
{
	return s->grpc == GRPC_NATIVE;
}

// --- the request ---

static void keep_subtype(struct stream *s, struct slice subtype)
{
	if (subtype.len && subtype.len < sizeof(s->grpc_subtype))
		memcpy(s->grpc_subtype, subtype.ptr, subtype.len);
}

static void note_deadline(struct stream *s, const struct request *r)
{
	const struct field *f = message_field(&r->fields, HEADER_GRPC_TIMEOUT);
	uint64_t ns;

	if (f && grpc_parse_timeout(f->value,
	                            &ns)) // of a malformed one the backend thinks what it likes
		stream_clock_deadline(s, ns);
}

void stream_grpc_begin(struct stream *s, const struct request *r)
{
	struct slice subtype = {0};

	if (r->method != METHOD_POST)
		return;
	s->grpc = (uint8_t)grpc_kind_of_fields(&r->fields, &subtype);
	if (s->grpc == GRPC_NONE)
		return;
	keep_subtype(s, subtype);
	grpc_web_open(&s->web, (enum grpc_kind)s->grpc, &r->fields);
	note_deadline(s, r);
}

// Of what ALPN says of each backend nobody knows before: a gRPC server says h2.
static bool speaks_http2(const struct conf_pool *pool)
{
	return pool->protocol == HTTP_2 || (pool->protocol == HTTP_AUTO && pool->has_tls);
}

bool stream_grpc_request(struct stream *s, struct request *r, struct text *scratch)
{
	const struct conf_pool *pool = &s->view->site->conf->pools[s->route->pool];

	r->accepts_trailers = true; // without "TE: trailers" servers refuse a call
	if (is_native(s) || !speaks_http2(pool))
		return true;
	if (!grpc_web_request(&s->web, r, scratch))
		return false;
	s->request_body = r->body;
	return true;
}

static void malformed_request(struct stream *s)
{
	stream_refuse(s, 400, "gRPC-Web: malformed base64");
}

static void give_backend(struct stream *s, struct slice bytes)
{
	grpc_message_take(&s->messages[0], bytes);
	stream_replay_content(s, bytes);
	upstream_data(s->up, bytes);
}

bool stream_grpc_data(struct stream *s, struct slice bytes)
{
	uint8_t space[GRPC_WEB_DECODED(PIECE)];

	if (!s->web.is_bridged || !s->web.is_text) {
		give_backend(s, bytes);
		return true;
	}
	while (bytes.len) {
		size_t len = bytes.len < PIECE ? bytes.len : PIECE;
		ssize_t n = grpc_web_decode(&s->web.base64, slice_of(bytes.ptr, len), space);

		if (n < 0) {
			malformed_request(s);
			return false;
		}
		if (n) {
			give_backend(s, slice_of(space, (size_t)n));
			upstream_flush(s->up); // it was lent
		}
		bytes = slice_of(bytes.ptr + len, bytes.len - len);
	}
	return true;
}

bool stream_grpc_request_end(struct stream *s)
{
	if (grpc_web_is_whole(&s->web.base64))
		return true;
	malformed_request(s);
	return false;
}

// --- to the client ---

static void note_status(struct stream *s, uint8_t status)
{
	s->grpc_status = status;
	s->has_grpc_status = true;
}

// In pieces: as it is, or as base64.
static void give(struct stream *s, struct slice bytes)
{
	const struct stream_client *from = s->from;
	char space[GRPC_WEB_ENCODED(PIECE)];

	if (!s->web.answers_text) {
		from->ops->data(from->client, bytes);
		return;
	}
	while (bytes.len) {
		size_t len = bytes.len < PIECE ? bytes.len : PIECE;
		size_t n = grpc_web_encode(slice_of(bytes.ptr, len), space);

		from->ops->data(from->client, slice_of(space, n));
		from->ops->pending(from->client); // it was lent
		bytes = slice_of(bytes.ptr + len, bytes.len - len);
	}
}

// gRPC-Web's last frame. What does not fit is left out for the status alone.
static void give_frame(struct stream *s, const struct fields *trailers)
{
	struct buf *b = buf_get(&s->w->loop.bufs, FRAME_MOST);
	struct text t;

	if (!b)
		return;
	t = text_of(b->data, b->size);
	if (grpc_web_write_trailers(&t, trailers)) {
		give(s, text_slice(&t));
		s->from->ops->pending(s->from->client); // it was lent
	}
	buf_put(&s->w->loop.bufs, b);
}

static void give_end(struct stream *s, const struct fields *trailers)
{
	const struct stream_client *from = s->from;

	if (is_native(s)) {
		from->ops->end(from->client, trailers);
		return;
	}
	give_frame(s, trailers);
	from->ops->end(from->client, NULL);
}

// --- what went wrong ---

static void begin_answer(struct response *r, enum grpc_kind kind, struct slice subtype,
                         struct text *scratch)
{
	size_t begin = scratch->len;
	bool is_added;

	r->reason = slice_of("OK", 2);
	r->upgrade = (struct slice){0};
	r->content_length = 0;
	r->status = 200;
	r->minor = 1;
	r->body = kind == GRPC_NATIVE ? BODY_LENGTH : BODY_CHUNKED;
	r->is_persistent = true;
	r->fields.n = 0;
	text_add_z(scratch, grpc_content_types[kind]);
	text_add_slice(scratch, subtype);
	is_added = message_add(&r->fields, HEADER_CONTENT_TYPE, slice_of("content-type", 12),
	                       slice_of(scratch->ptr + begin, scratch->len - begin));
	assert(is_added); // the first
}

// Scripts may read an answer of another origin only if the route says so, also one of ours.
static bool add_route(const struct stream *s, struct response *r)
{
	return is_native(s) || !s->route || rewrite_answer(r, s->route->conf);
}

// A whole answer: a head with the status ("trailers-only"), or with gRPC-Web the frame behind it.
static bool answer(struct stream *s, const struct fields *trailers)
{
	struct response *r = &s->w->response;
	char space[TYPE_MOST];
	struct text scratch = text_of(space, sizeof(space));

	begin_answer(r, grpc_web_kind(&s->web), slice_of(s->grpc_subtype, strlen(s->grpc_subtype)),
	             &scratch);
	for (uint16_t i = 0; is_native(s) && i < trailers->n; i++)
		r->fields.at[r->fields.n++] = trailers->at[i];
	if (!add_route(s, r) || !stream_respond(s, r))
		return false;
	if (is_native(s))
		s->from->ops->end(s->from->client, NULL);
	else
		give_end(s, trailers);
	s->from->ops->pending(s->from->client); // what it is made of lies here
	return true;
}

// Whether trailers may follow what the client has. Within a message of gRPC-Web they may not: the last frame would be read as the
// message's rest, and to fill that up would be to invent content. Then the answer is broken off: by HTTP/1.1 without its last chunk, by
// HTTP/2 with RST_STREAM, which gRPC-Web clients tell as UNAVAILABLE or UNKNOWN; the log has the status.
static bool may_end(const struct stream *s)
{
	if (is_native(s))
		return s->from->minor != 0;
	return !s->web.messages.is_broken && grpc_message_is_between(&s->web.messages) &&
	       (s->web.is_bridged || !s->web.answers_text);
}

// Status, and who says why. `t` has room for the message: MESSAGE_MOST.
static bool add_status(const struct worker *w, struct fields *f, uint8_t status, const char *reason,
                       struct text *t)
{
	char message[REASON_MOST];
	size_t begin = t->len;

	snprintf(message, sizeof(message), "%s: %s", w->node, reason);
	grpc_write_message(t, slice_of(message, strlen(message)));
	return grpc_add_status(f, (enum grpc_status)status,
	                       slice_of(t->ptr + begin, t->len - begin));
}

bool stream_grpc_refuse(struct worker *w, struct stream_refusal *refusal, struct text *scratch)
{
	enum access_end end = stream_count_end_of(refusal->status);
	struct slice subtype;

	if (grpc_kind_of_fields(&w->request.fields, &subtype) != GRPC_NATIVE)
		return false;
	begin_answer(&w->response, GRPC_NATIVE, subtype, scratch);
	refusal->grpc_status = (uint8_t)grpc_status_of_end(end, refusal->status);
	refusal->is_grpc = add_status(w, &w->response.fields, refusal->grpc_status, refusal->reason,
	                              scratch) &&
	                   !scratch->is_cut;
	return refusal->is_grpc;
}

bool stream_grpc_fail(struct stream *s, uint8_t status, const char *reason)
{
	char space[MESSAGE_MOST];
	struct text t = text_of(space, sizeof(space));
	struct fields *trailers = &s->w->trailers;

	note_status(s, status);
	trailers->n = 0;
	if (!add_status(s->w, trailers, status, reason, &t))
		return false;
	if (!s->is_responded)
		return answer(s, trailers);
	if (!may_end(s))
		return false;
	give_end(s, trailers);
	s->from->ops->pending(s->from->client);
	return true;
}

void stream_grpc_answer_route(struct stream *s)
{
	const struct conf_route *route = s->route->conf;
	uint16_t status = route->has_answer ? route->answer.status : route->redirect.status;
	char reason[32];

	snprintf(reason, sizeof(reason), "the route answers %u", status);
	stream_give_up(s, status, ACCESS_ANSWERED,
	               route->has_answer && route->answer.body[0] ? route->answer.body : reason);
}

// --- the answer ---

static bool is_empty(const struct response *r)
{
	return r->body == BODY_NONE || (r->body == BODY_LENGTH && !r->content_length);
}

static void refuse_answer(struct stream *s, const struct response *r, bool is_grpc)
{
	char reason[96];
	uint16_t http = r->status;

	if (is_grpc) {
		stream_malformed(s, "the backend's answer has no grpc-status");
		return;
	}
	snprintf(reason, sizeof(reason), "the backend's answer is no gRPC: status %u", http);
	stream_give_up_call(s, (uint8_t)grpc_status_of_http(http), ACCESS_UPSTREAM_MALFORMED,
	                    reason);
}

// "Trailers-only" becomes a frame: kept until the answer ends.
static bool move_trailers(struct stream *s, struct response *r)
{
	struct fields *f = &r->fields, *trailers = &s->w->trailers;
	struct text t;

	trailers->n = 0;
	for (uint16_t i = 0; i < f->n; i++) {
		if (f->at[i].is_dropped || !grpc_web_is_trailer(&f->at[i]))
			continue;
		trailers->at[trailers->n++] = f->at[i];
		f->at[i].is_dropped = true;
	}
	s->trailers = buf_get(&s->w->loop.bufs, BUF_HUGE_SIZE);
	if (!s->trailers)
		return false;
	t = text_of(s->trailers->data, s->trailers->size);
	head_pack_fields(&t, trailers);
	s->trailers->end = (uint32_t)t.len;
	return !t.is_cut;
}

// So that trailers of ours can follow if the backend breaks.
static void make_open_ended(struct response *r)
{
	if (r->body != BODY_LENGTH && r->body != BODY_UNTIL_CLOSE)
		return;
	r->body = BODY_CHUNKED;
	for (uint16_t i = 0; i < r->fields.n; i++)
		if (r->fields.at[i].id == HEADER_CONTENT_LENGTH)
			r->fields.at[i].is_dropped = true;
}

bool stream_grpc_response(struct stream *s, struct response *r, struct text *scratch)
{
	const struct field *status = message_field(&r->fields, HEADER_GRPC_STATUS);
	bool is_grpc = r->status == 200 && grpc_kind_of_fields(&r->fields, NULL) != GRPC_NONE;
	bool is_passed = !is_native(s) && !s->web.is_bridged; // the backend's own gRPC-Web
	uint8_t number;

	if (status && grpc_parse_status(status->value, &number))
		note_status(s, number);
	if (!s->has_grpc_status && (!is_grpc || (is_empty(r) && !is_passed))) {
		refuse_answer(s, r, is_grpc);
		return false;
	}
	if (!is_empty(r))
		make_open_ended(r);
	if (!s->web.is_bridged)
		return true;
	if ((s->has_grpc_status && is_empty(r) && !move_trailers(s, r)) ||
	    !grpc_web_response(&s->web, r, scratch)) {
		stream_malformed(s, "head too long");
		return false;
	}
	return true;
}

void stream_grpc_body(struct stream *s, struct slice bytes)
{
	if (!is_native(s))
		grpc_message_take(&s->web.messages, bytes);
	if (s->web.is_bridged)
		give(s, bytes);
	else
		s->from->ops->data(s->from->client, bytes);
}

// The backend's trailers, with a status if they have none. True: they had.
static bool complete(struct stream *s, const struct fields **trailers)
{
	static const char message[] = "the backend's answer ended without grpc-status";
	struct fields *own = &s->w->trailers;
	const struct field *status =
		*trailers ? message_field(*trailers, HEADER_GRPC_STATUS) : NULL;
	uint8_t number;

	if (status && grpc_parse_status(status->value, &number))
		note_status(s, number);
	if (status || s->has_grpc_status)
		return true;
	own->n = 0;
	*trailers = own;
	note_status(s, GRPC_INTERNAL);
	return !grpc_add_status(own, GRPC_INTERNAL, slice_of(message, sizeof(message) - 1));
}

bool stream_grpc_end(struct stream *s, const struct fields *trailers)
{
	bool is_good;

	if (!is_native(s) && !s->web.is_bridged) {
		s->from->ops->end(s->from->client, trailers);
		return true;
	}
	if (s->trailers) {
		head_unpack_fields(&s->w->trailers, buf_slice(s->trailers));
		trailers = &s->w->trailers;
	}
	is_good = complete(s, &trailers);
	if (is_native(s))
		s->from->ops->end(s->from->client, trailers);
	else
		give_end(s, trailers);
	return is_good;
}
