// SPDX-License-Identifier: BSD-3-Clause
#include "l7/probe_http2.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "l7/grpc.h"
#include "l7/probe.h"

enum {
	HOST_MAX = 512,
	SERVICE_MAX = 4096, // a text of the configuration
	TIMEOUT_MAX = 16,
	WINDOW = 65535, // the content of an answer is of no interest beyond this
};

static const struct http1_limits limits = {.line = 4096, .head = 16384, .fields = 256};

// Parsed into, and used up before the callback returns; of the main thread.
static struct response response;
static struct fields trailers;

static struct probe_http2 *of(struct http2_stream *s)
{
	return CONTAINER_OF(s, struct probe_http2, stream);
}

// --- the question ---

static void add(struct request *r, enum header id, const char *name, struct slice value)
{
	bool is_added = message_add(&r->fields, id, slice_of(name, strlen(name)), value);

	assert(is_added); // five at most
}

static struct slice z(const char *text)
{
	return slice_of(text, strlen(text));
}

// "500m"; a timeout_ms has seven digits at most.
static struct slice timeout_of(const struct probe *p, struct text *scratch)
{
	size_t begin = scratch->len;

	text_add_number(scratch, p->plan->check.timeout_ms);
	TEXT_ADD_LITERAL(scratch, "m");
	return slice_of(scratch->ptr + begin, scratch->len - begin);
}

static void fill(struct request *r, const struct probe *p, struct text *scratch)
{
	bool is_grpc = conf_health_is_grpc(&p->plan->check);
	size_t begin = scratch->len;

	probe_plan_host(p->plan, scratch, &p->address, probe_plan_port(p->plan, p->port));
	r->authority = slice_of(scratch->ptr + begin, scratch->len - begin);
	r->method = is_grpc ? METHOD_POST : METHOD_GET;
	r->method_text = z(is_grpc ? "POST" : "GET");
	r->path = z(is_grpc ? GRPC_HEALTH_PATH : p->plan->check.path); // its query, too
	r->body = is_grpc ? BODY_CHUNKED : BODY_NONE;
	r->query = r->upgrade = (struct slice){0};
	r->fields.n = 0;
	add(r, HEADER_USER_AGENT, "user-agent", z("lb47-probe/" LB47_VERSION));
	if (!is_grpc) {
		add(r, HEADER_ACCEPT, "accept", z("*/*"));
		return;
	}
	add(r, HEADER_CONTENT_TYPE, "content-type", z(grpc_content_types[GRPC_NATIVE]));
	add(r, HEADER_TE, "te", z("trailers"));
	add(r, HEADER_GRPC_TIMEOUT, "grpc-timeout", timeout_of(p, scratch));
}

static void send_question(struct probe_http2 *h, const char *service)
{
	char space[GRPC_HEALTH_REST + SERVICE_MAX];
	struct text t = text_of(space, sizeof(space));

	grpc_health_write(&t, service ? service : "");
	http2_data(&h->stream, text_slice(&t));
	http2_end(&h->stream, NULL);
}

static int ask(struct probe_http2 *h)
{
	const struct probe *p = h->probe;
	char space[HOST_MAX + TIMEOUT_MAX];
	struct text scratch = text_of(space, sizeof(space));
	static struct request r;
	int rc;

	fill(&r, p, &scratch);
	rc = http2_request(h->session, &h->stream, &r, p->plan->tls);
	if (!rc && conf_health_is_grpc(&p->plan->check))
		send_question(h, p->plan->check.service);
	return rc;
}

// --- the answer ---

static void take_health(struct probe_http2 *h)
{
	char reason[HEALTH_REASON_SIZE];
	uint64_t status;

	if (h->n_answer > sizeof(h->answer) ||
	    grpc_health_parse(slice_of(h->answer, h->n_answer), &status)) {
		probe_fail(h->probe, "grpc: malformed answer");
		return;
	}
	if (status >= GRPC_HEALTH_COUNT)
		snprintf(reason, sizeof(reason), "status %llu", (unsigned long long)status);
	else
		snprintf(reason, sizeof(reason), "%s", grpc_health_names[status]);
	if (status == GRPC_HEALTH_SERVING)
		probe_succeed(h->probe, reason);
	else
		probe_fail(h->probe, "%s", reason);
}

static void take_grpc_status(struct probe_http2 *h, struct slice value)
{
	const char *service = h->probe->plan->check.service;
	uint8_t status;

	if (!grpc_parse_status(value, &status))
		probe_fail(h->probe, "grpc: malformed grpc-status");
	else if (status == GRPC_OK)
		take_health(h);
	else if (status == GRPC_UNIMPLEMENTED)
		probe_fail(h->probe, "UNIMPLEMENTED: the server has no grpc.health.v1.Health");
	else if (status == GRPC_NOT_FOUND && service)
		probe_fail(h->probe, "NOT_FOUND: the server knows no service %.80s", service);
	else if (status < GRPC_STATUS_COUNT)
		probe_fail(h->probe, "grpc-status %s", grpc_status_names[status]);
	else
		probe_fail(h->probe, "grpc-status %u", status);
}

static void on_response(struct http2_stream *s, struct response *r)
{
	struct probe_http2 *h = of(s);
	const struct field *status = message_field(&r->fields, HEADER_GRPC_STATUS);

	if (!h->probe || r->status < 200)
		return;
	h->has_head = true;
	if (!conf_health_is_grpc(&h->probe->plan->check))
		probe_take_status(h->probe, r->status);
	else if (status)
		take_grpc_status(h, status->value);
	else if (r->status != 200 || grpc_kind_of_fields(&r->fields, NULL) != GRPC_NATIVE)
		probe_fail(h->probe, "status %u, no gRPC", r->status);
}

static void on_data(struct http2_stream *s, struct slice bytes)
{
	struct probe_http2 *h = of(s);

	if (!h->probe)
		return;
	if (bytes.len > sizeof(h->answer) - h->n_answer) {
		probe_fail(h->probe, "grpc: malformed answer");
		return;
	}
	memcpy(h->answer + h->n_answer, bytes.ptr, bytes.len);
	h->n_answer += (uint32_t)bytes.len;
}

static void on_end(struct http2_stream *s, const struct fields *fields)
{
	struct probe_http2 *h = of(s);
	const struct field *status = fields ? message_field(fields, HEADER_GRPC_STATUS) : NULL;

	if (!h->probe)
		return;
	if (status)
		take_grpc_status(h, status->value);
	else
		probe_fail(h->probe, "grpc: no grpc-status");
}

static void on_drained(struct http2_stream *s)
{
}

static void on_closed(struct http2_stream *s, enum http2_error error, bool is_unprocessed)
{
	struct probe_http2 *h = of(s);
	bool wants_http1 = error == HTTP2_HTTP_1_1_REQUIRED || h->wants_http1;

	if (!h->probe)
		return;
	if (wants_http1 && h->probe->plan->protocol == HTTP_AUTO)
		probe_want_http1(h->probe);
	else
		probe_fail(h->probe, "reset: %s", http2_error_text(error));
}

static void on_goaway(struct http2 *session, enum http2_error error)
{
	struct probe_http2 *h = http2_owner(session);

	h->wants_http1 = error == HTTP2_HTTP_1_1_REQUIRED;
}

static void on_over(struct http2 *session)
{
	struct probe_http2 *h = http2_owner(session);
	const char *reason = http2_reason(session);

	if (h->probe && reason)
		probe_fail(h->probe, "HTTP/2: %.80s", reason);
	else if (h->probe)
		probe_fail(h->probe, "closed without an answer");
}

static const struct http2_ops ops = {
	.response = on_response,
	.data = on_data,
	.end = on_end,
	.drained = on_drained,
	.closed = on_closed,
	.goaway = on_goaway,
	.over = on_over,
};

// --- life ---

static void free_http2(struct loop_task *task)
{
	free(CONTAINER_OF(task, struct probe_http2, free));
}

int probe_http2_begin(struct probe *p)
{
	struct probe_http2 *h = calloc(1, sizeof(*h));
	struct http2_setup setup = {
		.conn = &p->conn,
		.ops = &ops,
		.owner = h,
		.response = &response,
		.trailers = &trailers,
		.limits = limits,
		.stream_window = WINDOW,
		.connection_window = WINDOW,
	};
	int rc;

	if (!h)
		return -ENOMEM;
	h->probe = p;
	h->free.run = free_http2;
	rc = http2_new(&h->session, &setup);
	if (rc) {
		free(h);
		return rc;
	}
	p->http2 = h;
	return ask(h);
}

void probe_http2_received(struct probe *p, struct slice bytes)
{
	struct probe_http2 *h = p->http2;

	if (http2_receive(h->session, bytes) && h->probe)
		probe_fail(p, "HTTP/2: %.80s", http2_reason(h->session));
}

void probe_http2_end(struct probe *p)
{
	struct probe_http2 *h = p->http2;

	if (!h)
		return;
	p->http2 = NULL;
	h->probe = NULL;
	http2_close(h->session, HTTP2_CANCEL);
	loop_defer(p->owner->loop, &h->free); // behind the session, which was deferred before
}
