// SPDX-License-Identifier: BSD-3-Clause
// Arbitrary octets from a peer, to either side of a session. The first octet says how (enum how). What follows are the peer's bytes as
// they are, or records: frames that are right but for what the fuzzer puts into them, and things that the session's owner does in
// between. Each piece is an allocation of its own, so that reading too far shows.
//
// Beside what the sanitizers see: a head that reaches the owner can be written down as HTTP/1 as it is; each stream is closed once and
// silent afterwards; what a session keeps is bounded, and nothing is left of it in the end.
#include "l7/http2.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	STREAMS = 16,   // SETTINGS_MAX_CONCURRENT_STREAMS
	REQUESTS = 24,  // that a client sends at most
	WINDOW = 65535, // of a stream; twice of a connection
	KEPT_MOST =
		24
		<< 20, // bytes of buffers: 128 KiB for what each stream sends, and as much again for rounding
	CONTENT_MOST = 100000, // bytes that an owner sends at once
};

enum how {
	HOW_CLIENT = 1,  // the peer is a server
	HOW_RECORDS = 2, // else: its bytes
	HOW_DEAF = 4,    // it reads nothing
	HOW_EAGER = 8,   // the owner answers as soon as a head came
	HOW_STEP = 4,    // bits from here: the size of pieces, 0 = at once
};

struct held {
	struct http2_stream h2;
	struct held *next;
	size_t unconsumed;
	bool has_head, has_ended, is_closed, has_responded;
};

static struct loop loop;
static struct conn conn;
static struct http2 *session;
static struct held *all;
static struct request request;
static struct response response;
static struct fields trailers;
static int peer;
static size_t step;
static unsigned how;
static uint8_t content[CONTENT_MOST];

static void must(bool is_so)
{
	if (!is_so)
		abort();
}

static struct held *held_of(struct http2_stream *s)
{
	struct held *x = CONTAINER_OF(s, struct held, h2);

	must(!x->is_closed);
	return x;
}

// --- what the owner is told ---

static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", s.ptr[i]))
			return false;
	return s.len > 0;
}

static bool is_value(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.ptr[i] < ' ' && s.ptr[i] != '\t') || s.ptr[i] == 0x7f)
			return false;
	return true;
}

static bool is_target(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] == 0x7f)
			return false;
	return s.len > 0;
}

static void check_fields(const struct fields *f)
{
	unsigned n_lengths = 0, n_cookies = 0;

	for (uint16_t i = 0; i < f->n; i++) {
		const struct field *field = &f->at[i];

		if (field->is_dropped)
			continue;
		must(is_token(field->name) && is_value(field->value));
		must(header_classes[field->id] != HEADER_HOP || field->id == HEADER_TE);
		n_lengths += field->id == HEADER_CONTENT_LENGTH;
		n_cookies += field->id == HEADER_COOKIE;
	}
	must(n_lengths <= 1 && n_cookies <= 1);
}

static void give(struct held *x, size_t n)
{
	if (!http2_is_blocked(&x->h2))
		http2_data(&x->h2, slice_of(content, n));
}

static void respond(struct held *x, unsigned n)
{
	if (how & HOW_CLIENT || x->has_responded)
		return;
	x->has_responded = true;
	response =
		(struct response){.status = 200, .body = n ? BODY_CHUNKED : BODY_NONE, .minor = 1};
	must(message_add(&response.fields, HEADER_OTHER, slice_of("x-a", 3), slice_of("b", 1)));
	must(http2_respond(&x->h2, &response));
	give(x, n);
}

static struct http2_stream *on_open(struct http2 *h)
{
	struct held *x = calloc(1, sizeof(*x));

	must(x != NULL);
	x->next = all;
	all = x;
	return &x->h2;
}

static void on_request(struct http2_stream *s, struct request *r)
{
	struct held *x = held_of(s);

	must(!x->has_head && !x->has_ended);
	x->has_head = true;
	must(is_token(r->method_text) && is_value(r->authority));
	if (r->method != METHOD_CONNECT)
		must(is_target(r->path) && (!r->query.len || is_target(r->query)));
	check_fields(&r->fields);
	if (how & HOW_EAGER) {
		respond(x, r->path.len);
		http2_end(s, NULL);
	}
}

static void on_refused(struct http2_stream *s, uint16_t status, const char *reason)
{
	struct held *x = held_of(s);

	must(status >= 400 && status < 600 && reason && !x->has_head);
	x->has_head = true;
	respond(x, 10);
	http2_end(s, NULL);
}

static void on_response(struct http2_stream *s, struct response *r)
{
	struct held *x = held_of(s);

	must(!x->has_head && !x->has_ended);
	x->has_head = r->status >= 200 || r->status == 101;
	must(r->status >= 100 && r->status <= 999);
	check_fields(&r->fields);
}

static void give_back(struct held *x)
{
	if (how & HOW_CLIENT)
		http2_grant(&x->h2, WINDOW);
	else
		http2_consume(&x->h2, x->unconsumed);
	x->unconsumed = 0;
}

static void on_data(struct http2_stream *s, struct slice bytes)
{
	struct held *x = held_of(s);

	must(x->has_head && !x->has_ended && bytes.len);
	x->unconsumed += bytes.len;
	must(x->unconsumed <= WINDOW);
	if (how & HOW_EAGER) {
		give_back(x);
	}
}

static void on_end(struct http2_stream *s, const struct fields *f)
{
	struct held *x = held_of(s);

	must(!x->has_ended);
	x->has_ended = true;
	if (f)
		check_fields(f);
}

static void on_drained(struct http2_stream *s)
{
	held_of(s);
}

static void on_closed(struct http2_stream *s, enum http2_error error, bool is_unprocessed)
{
	held_of(s)->is_closed = true;
	must(!s->id && !s->n_out);
}

static void on_over(struct http2 *h)
{
}

static const struct http2_ops ops = {
	.open = on_open,
	.request = on_request,
	.refused = on_refused,
	.response = on_response,
	.data = on_data,
	.end = on_end,
	.drained = on_drained,
	.closed = on_closed,
	.over = on_over,
};

// --- the connection ---

static size_t on_received(struct conn *c, struct slice bytes)
{
	return bytes.len;
}

static void on_conn_drained(struct conn *c)
{
	http2_drained(session);
}

static void on_conn_failed(struct conn *c, int error)
{
	abort(); // its peer is there to the end
}

static void on_conn_ended(struct conn *c)
{
}

static const struct conn_ops conn_ops = {
	.received = on_received,
	.ended = on_conn_ended,
	.drained = on_conn_drained,
	.failed = on_conn_failed,
};

static void turn(void)
{
	static uint8_t nowhere[65536];

	loop_turn(&loop, 0);
	while (!(how & HOW_DEAF) && read(peer, nowhere, sizeof(nowhere)) > 0)
		;
	must(loop.bufs.used_size <= KEPT_MOST);
}

// False: the session wants no more.
static bool deliver(const uint8_t *bytes, size_t len)
{
	while (len) {
		size_t n = step && step < len ? step : len;
		uint8_t *piece = malloc(n);
		int rc;

		must(piece != NULL);
		memcpy(piece, bytes, n);
		rc = http2_receive(session, slice_of(piece, n));
		free(piece);
		must(rc == 0 || rc == -EPROTO);
		if (rc) {
			must(http2_reason(session) != NULL);
			return false;
		}
		bytes += n;
		len -= n;
	}
	return true;
}

// --- records ---

struct input {
	const uint8_t *at, *end;
};

static uint8_t next(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

// A frame's type, flags, stream and length; its payload follows.
static bool deliver_frame(struct input *in)
{
	uint8_t head[9] = {0}, type = next(in), flags = next(in), stream = next(in);
	size_t len = next(in);

	if (len > (size_t)(in->end - in->at))
		len = (size_t)(in->end - in->at);
	head[2] = (uint8_t)len;
	head[3] = type % 12;
	head[4] = flags;
	head[8] = stream % (2 * REQUESTS);
	if (!deliver(head, sizeof(head)) || !deliver(in->at, len))
		return false;
	in->at += len;
	return true;
}

static bool deliver_raw(struct input *in)
{
	size_t len = next(in);

	if (len > (size_t)(in->end - in->at))
		len = (size_t)(in->end - in->at);
	in->at += len;
	return deliver(in->at - len, len);
}

static void ask(unsigned kind)
{
	static unsigned n_asked;
	struct held *x;

	if (!(how & HOW_CLIENT) || !http2_room(session))
		return;
	x = CONTAINER_OF(on_open(session), struct held, h2);
	request = (struct request){
		.method = METHOD_POST,
		.method_text = slice_of("POST", 4),
		.path = slice_of("/a", 2),
		.authority = slice_of("a", 1),
		.body = kind & 1 ? BODY_CHUNKED : BODY_NONE,
		.upgrade = kind & 2 ? slice_of("websocket", 9) : (struct slice){0},
	};
	n_asked++;
	if (http2_request(session, &x->h2, &request, n_asked & 1))
		x->is_closed = true;
}

static struct held *nth(unsigned n)
{
	for (struct held *x = all; x; x = x->next)
		if (!x->is_closed && n-- == 0)
			return x;
	return NULL;
}

static void act_on_stream(struct input *in)
{
	struct held *x = nth(next(in) % STREAMS);
	unsigned what = next(in);

	if (!x || !x->h2.id)
		return;
	switch (what % 8) {
	case 0:
	case 1:
		respond(x, what * 300);
		break;
	case 2:
	case 3:
		if (x->has_responded || how & HOW_CLIENT)
			give(x, what * 300);
		break;
	case 4:
		respond(x, 0);
		http2_end(&x->h2, NULL);
		break;
	case 5:
		trailers = (struct fields){0};
		must(message_add(&trailers, HEADER_OTHER, slice_of("x-t", 3), slice_of("1", 1)));
		respond(x, 100);
		http2_end(&x->h2, &trailers);
		break;
	case 6:
		http2_reset(&x->h2, (enum http2_error)(what >> 4));
		break;
	case 7:
		give_back(x);
		break;
	}
}

static void act(struct input *in)
{
	unsigned what = next(in);

	switch (what % 5) {
	case 0:
		http2_shutdown(session);
		break;
	case 1:
		http2_ping(session);
		break;
	case 2:
		http2_flush(session);
		break;
	case 3:
	case 4:
		ask(what >> 4);
		break;
	}
}

static void run_records(struct input *in)
{
	bool goes_on = true;

	while (goes_on && in->at < in->end)
		switch (next(in) % 8) {
		case 0:
		case 1:
		case 2:
		case 3:
			goes_on = deliver_frame(in);
			break;
		case 4:
			act_on_stream(in);
			break;
		case 5:
			act(in);
			break;
		case 6:
			turn();
			break;
		case 7:
			goes_on = deliver_raw(in);
			break;
		}
}

// --- one run ---

static void begin(void)
{
	struct http2_setup setup = {
		.conn = &conn,
		.ops = &ops,
		.request = &request,
		.response = &response,
		.trailers = &trailers,
		.limits = {.line = 8192, .head = 32768, .fields = 100},
		.n_streams = STREAMS,
		.stream_window = WINDOW,
		.connection_window = 2 * WINDOW,
		.is_server = !(how & HOW_CLIENT),
	};
	int fds[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	peer = fds[1];
	conn = (struct conn){0};
	must(conn_accept(&conn, &loop, fds[0], &conn_ops) == 0);
	must(http2_new(&session, &setup) == 0);
	turn();
}

static void end(void)
{
	http2_close(session, HTTP2_CANCEL);
	conn_close(&conn);
	loop_turn(&loop, 0);
	close(peer);
	while (all) {
		struct held *x = all;

		must(x->is_closed);
		all = x->next;
		free(x);
	}
	must(loop.bufs.used_size == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	must(loop_init(&loop, 64 << 20) == 0 && conn_loop_init(&loop) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char preface[] = HTTP2_PREFACE "\0\0\0\4\0\0\0\0";
	struct input in = {data + 1, data + len};

	if (len == 0)
		return -1;
	how = data[0] & ((1 << HOW_STEP) - 1);
	step = data[0] >> HOW_STEP;
	begin();
	if (how & HOW_CLIENT)
		for (unsigned i = 0; i < 4; i++)
			ask(i);
	if (!(how & HOW_RECORDS)) {
		deliver(in.at, len - 1);
	} else if (deliver((const uint8_t *)preface +
	                           (how & HOW_CLIENT ? sizeof(HTTP2_PREFACE) - 1 : 0),
	                   sizeof(preface) - (how & HOW_CLIENT ? sizeof(HTTP2_PREFACE) - 1 : 0))) {
		run_records(&in);
	}
	turn();
	end();
	return 0;
}
