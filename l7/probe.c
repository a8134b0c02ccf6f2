// SPDX-License-Identifier: BSD-3-Clause
#include "l7/probe.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "l4/base/clock.h"
#include "l4/base/hash.h"
#include "l4/base/log.h"
#include "l7/http1.h"
#include "l7/probe_http2.h"
#include "l7/proxy_protocol.h"
#include "l7/site.h"

enum { FIRST_WITHIN_MS = 1000 };

// Of an answer's head; its content is of no interest.
static const struct http1_limits limits = {.line = 4096, .head = 16384, .fields = 256};

static struct probe *probe_of(struct conn *c)
{
	return CONTAINER_OF(c, struct probe, conn);
}

// --- when ---

static uint32_t random_below(struct probe *p, uint32_t n)
{
	p->random = hash_mix(p->random, p->key, 1);
	return hash_range((uint32_t)(p->random >> 32), n);
}

static uint64_t now_ms(const struct probe *p)
{
	return p->owner->loop->now_ns / CLOCK_NS_PER_MS;
}

// At least one millisecond from now: a connection's memory is in use until its turn of the loop is over.
static void plan_next(struct probe *p)
{
	const struct conf_health_check *c = &p->plan->check;
	uint32_t jitter_ms = (uint32_t)((uint64_t)c->interval_ms * c->jitter_percent / 100);
	uint64_t due_ms =
		p->began_ms + c->interval_ms - jitter_ms + random_below(p, 2 * jitter_ms + 1);
	uint64_t now = now_ms(p);

	loop_timer_start(p->owner->loop, &p->timer, due_ms > now ? due_ms - now : 1);
}

// --- results ---

static uint64_t real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

static void tell(const struct probe *p)
{
	const struct health_record *r = &p->verdict.record;
	char at[ADDR_PORT_TEXT_SIZE];

	log_line(r->state == HEALTH_HEALTHY ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
	         "backend %s pool=%s backend=%s address=%s reason=\"%s\"", health_names[r->state],
	         p->pool, p->name, addr_port_text(&p->address, p->port, at), r->reason);
	p->owner->changed(p->owner->data, p);
}

static void drop(struct probe *p)
{
	probe_http2_end(p);
	conn_close(&p->conn);
	p->is_busy = false;
}

static void finish(struct probe *p, bool is_good, const char *reason)
{
	struct probe_verdict_rule rule = {p->plan->check.rise, p->plan->check.fall};

	p->is_by_http1 &= is_good;
	drop(p);
	plan_next(p);
	if (probe_verdict_take(&p->verdict, &rule, is_good, reason, real_ns()))
		tell(p);
}

// "connect: connection refused"
static void fail_errno(struct probe *p, const char *what, int error)
{
	char reason[HEALTH_REASON_SIZE];
	int at = snprintf(reason, sizeof(reason), "%s: ", what);

	snprintf(reason + at, sizeof(reason) - (size_t)at, "%s", strerror(-error));
	reason[at] = (char)tolower((unsigned char)reason[at]);
	finish(p, false, reason);
}

void probe_fail(struct probe *p, const char *fmt, ...)
{
	char reason[HEALTH_REASON_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	finish(p, false, reason);
}

void probe_succeed(struct probe *p, const char *reason)
{
	finish(p, true, reason);
}

void probe_want_http1(struct probe *p)
{
	p->is_by_http1 = true;
	drop(p);
	plan_next(p);
}

void probe_take_status(struct probe *p, uint16_t status)
{
	char reason[HEALTH_REASON_SIZE];

	snprintf(reason, sizeof(reason), "status %u", status);
	finish(p, conf_health_accepts(&p->plan->check, status), reason);
}

// --- an attempt ---

static void send_request(struct probe *p)
{
	struct text t = conn_scratch(&p->conn, probe_plan_request_size(p->plan));

	probe_plan_request(p->plan, &t, &p->address, probe_plan_port(p->plan, p->port));
	conn_scratch_keep(&p->conn, &t);
	conn_send(&p->conn, text_slice(&t));
}

// That the connection is a probe's, with no client behind it.
static void send_proxy_header(struct probe *p)
{
	struct proxy_protocol local = {.is_local = true};
	uint8_t header[PROXY_PROTOCOL_WRITE_MAX];

	conn_send(&p->conn, slice_of(header, proxy_protocol_write(header, &local)));
	conn_flush(&p->conn);
}

// What is wrong here says nothing of the backend.
static bool is_ours(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS ||
	       error == -EADDRNOTAVAIL;
}

// No verdict; said once, until an attempt can be made again.
static void skip(struct probe *p, int error)
{
	if (!p->is_skipping)
		LOG_WARN("probe not made pool=%s backend=%s reason=\"%s\"", p->pool, p->name,
		         strerror(-error));
	p->is_skipping = true;
	drop(p);
	plan_next(p);
}

static bool is_http2(const struct probe *p)
{
	if (!p->conn.tls)
		return p->plan->protocol == HTTP_2;
	return slice_eq(tls_alpn(p->conn.tls), slice_of("h2", 2));
}

static void begin_http2(struct probe *p)
{
	int rc = probe_http2_begin(p);

	if (is_ours(rc))
		skip(p, rc);
	else if (rc)
		fail_errno(p, "HTTP/2", rc);
}

static void on_opened(struct conn *c)
{
	struct probe *p = probe_of(c);

	if (p->plan->check.type == HEALTH_TCP) {
		finish(p, true, "connected");
		return;
	}
	if (p->plan->proxy_protocol && !p->plan->tls)
		send_proxy_header(p);
	if (is_http2(p))
		begin_http2(p);
	else if (p->plan->protocol == HTTP_2)
		probe_fail(p, "tls: no HTTP/2 by ALPN");
	else
		send_request(p);
}

static size_t on_received(struct conn *c, struct slice bytes)
{
	struct probe *p = probe_of(c);
	struct response r;
	size_t used = 0;

	if (p->http2) {
		probe_http2_received(p, bytes);
		return bytes.len;
	}
	while (used < bytes.len) {
		struct slice rest = slice_of(bytes.ptr + used, bytes.len - used);
		ssize_t n = http1_parse_response(&r, rest, p->seen, METHOD_GET, &limits);

		if (n < 0) {
			probe_fail(p, "answer: %s", http1_error_text[-n]);
			return 0;
		}
		p->seen = n ? 0 : rest.len;
		if (n == 0)
			return used;
		if (r.status >= 200 || r.status == 101) {
			probe_take_status(p, r.status);
			return 0;
		}
		used += (size_t)n;
	}
	return used;
}

static void on_ended(struct conn *c)
{
	probe_fail(probe_of(c), "closed without an answer");
}

static void on_drained(struct conn *c)
{
	const struct probe *p = probe_of(c);

	if (p->http2)
		http2_drained(p->http2->session);
}

static void on_failed(struct conn *c, int error)
{
	struct probe *p = probe_of(c);

	if (error == -EPROTO)
		probe_fail(p, "tls: %s", conn_reason(c));
	else
		fail_errno(p, c->is_open ? "receive" : "connect", error);
}

static const struct conn_ops ops = {
	.received = on_received,
	.opened = on_opened,
	.ended = on_ended,
	.drained = on_drained,
	.failed = on_failed,
};

static const char *const *offer_of(const struct probe *p)
{
	static const char *const h2[] = {"h2", NULL};
	static const char *const http1[] = {"http/1.1", NULL};
	static const char *const both[] = {"h2", "http/1.1", NULL};

	if (p->plan->protocol == HTTP_2)
		return h2;
	return p->is_by_http1 ? http1 : both;
}

static int start_tls(struct probe *p)
{
	const char *name = p->plan->server_name;
	char address[ADDR_TEXT_SIZE];
	int rc;

	if (!name && p->plan->verifies)
		name = addr_text(&p->address, address);
	if (p->plan->proxy_protocol)
		send_proxy_header(p);
	rc = conn_start_tls_client(&p->conn, p->plan->tls, name);
	return rc || p->plan->protocol == HTTP_1 ? rc : tls_offer(p->conn.tls, offer_of(p));
}

static void attempt(struct probe *p)
{
	be16 port = probe_plan_port(p->plan, p->port);
	int rc;

	p->began_ms = now_ms(p);
	p->seen = 0;
	p->is_busy = true;
	loop_timer_start(p->owner->loop, &p->timer, p->plan->check.timeout_ms);
	rc = conn_connect(&p->conn, p->owner->loop, &p->address, port, &ops);
	if (!rc && p->plan->tls)
		rc = start_tls(p);
	if (is_ours(rc)) {
		skip(p, rc);
		return;
	}
	p->is_skipping = false;
	if (rc)
		fail_errno(p, "connect", rc);
}

static void on_timer(struct timer *t)
{
	struct probe *p = CONTAINER_OF(t, struct probe, timer);

	if (p->is_busy)
		probe_fail(p, "no answer within %u ms", p->plan->check.timeout_ms);
	else
		attempt(p);
}

// --- life ---

int probe_new(struct probe **out, const struct conf_pool *pool, const struct conf_backend *backend,
              struct probe_plan *plan, const struct probe_owner *owner)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->key = site_backend_key(pool, backend);
	snprintf(p->pool, sizeof(p->pool), "%s", pool->name);
	snprintf(p->name, sizeof(p->name), "%s", backend->name);
	p->address = backend->address;
	p->port = backend->port;
	p->plan = plan;
	p->owner = owner;
	p->timer.fire = on_timer;
	p->random = hash_random_seed();
	p->conn.io.fd = -1;
	*out = p;
	return 0;
}

void probe_start(struct probe *p)
{
	uint32_t within_ms = p->plan->check.interval_ms;

	if (within_ms > FIRST_WITHIN_MS)
		within_ms = FIRST_WITHIN_MS;
	loop_timer_start(p->owner->loop, &p->timer, 1 + random_below(p, within_ms));
}

void probe_follow(struct probe *p, struct probe_plan *plan)
{
	bool is_same = probe_plan_is_same(p->plan, plan);

	probe_plan_put(p->plan);
	p->plan = plan;
	if (is_same)
		return;
	drop(p);
	p->verdict.streak = 0;
	probe_start(p);
}

static void bury(struct loop_task *task)
{
	free(CONTAINER_OF(task, struct probe, grave));
}

void probe_free(struct probe *p)
{
	if (!p)
		return;
	loop_timer_stop(p->owner->loop, &p->timer);
	drop(p);
	probe_plan_put(p->plan);
	p->grave.run = bury;
	loop_defer(p->owner->loop, &p->grave);
}
