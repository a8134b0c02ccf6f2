// SPDX-License-Identifier: BSD-3-Clause
#include "l7/stream_note.h"

#include <stdlib.h>
#include <time.h>

#include "l4/base/clock.h"
#include "l7/stream.h"
#include "l7/stream_count.h"
#include "l7/stream_meter.h"
#include "l7/worker_state.h"

enum { TEXT_MOST = 1024 }; // of each, as the log cuts them there

struct stream_note {
	struct slice method, host, target, user_agent, referer;
	struct slice id;
	char id_bytes[128];
	uint8_t minor;
	char bytes[];
};

static struct slice cut(struct slice s)
{
	return slice_of(s.ptr, s.len < TEXT_MOST ? s.len : TEXT_MOST);
}

static struct slice value_of(const struct request *r, enum header id)
{
	const struct field *f = message_field(&r->fields, id);

	return f ? cut(f->value) : (struct slice){0};
}

static struct slice keep(char **end, struct slice s)
{
	struct slice kept = slice_of(*end, s.len);

	if (s.len)
		memcpy(*end, s.ptr, s.len);
	*end += s.len;
	return kept;
}

struct stream_note *stream_note_new(const struct request *r)
{
	struct slice method = cut(r->method_text), host = cut(r->authority);
	struct slice target = cut(r->target), agent = value_of(r, HEADER_USER_AGENT);
	struct slice referer = value_of(r, HEADER_REFERER);
	struct stream_note *n =
		malloc(sizeof(*n) + method.len + host.len + target.len + agent.len + referer.len);
	char *end;

	if (!n)
		return NULL;
	end = n->bytes;
	n->method = keep(&end, method);
	n->host = keep(&end, host);
	n->target = keep(&end, target);
	n->user_agent = keep(&end, agent);
	n->referer = keep(&end, referer);
	n->id = (struct slice){0};
	n->minor = r->minor;
	return n;
}

void stream_note_free(struct stream_note *n)
{
	free(n);
}

// Counted, and mixed with what only this process knows.
void stream_note_make_id(struct worker *w, char id[33])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t low = hash_mix(++w->id_low, w->id_high, HASH_K0);
	uint64_t high = hash_mix(w->id_high, w->id_low, w->id_high);

	for (int i = 0; i < 16; i++) {
		id[i] = digits[high >> (4 * i) & 15];
		id[16 + i] = digits[low >> (4 * i) & 15];
	}
	id[32] = '\0';
}

void stream_note_set_id(struct stream_note *n, struct slice id)
{
	if (!n || id.len > sizeof(n->id_bytes))
		return;
	memcpy(n->id_bytes, id.ptr, id.len);
	n->id = slice_of(n->id_bytes, id.len);
}

static uint64_t real_ns(uint64_t monotonic_ns, uint64_t now_ns)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * CLOCK_NS_PER_S + (uint64_t)t.tv_nsec - (now_ns - monotonic_ns);
}

static const char *protocol(const struct stream *s)
{
	static const char *const versions[] = {"http/1.0", "http/1.1", "h2"};

	if (s->tunnel)
		return "websocket";
	if (s->grpc)
		return s->web.is_web ? "grpc-web" : "grpc";
	return s->is_event_stream ? "sse" : versions[s->from->minor];
}

// As it was sent: extended CONNECT has 200 where HTTP/1 has 101.
static uint16_t sent_status(const struct stream *s)
{
	return s->status == 101 && s->from->minor == MESSAGE_HTTP2 ? 200 : s->status;
}

static void add_backend(struct access_record *a, const struct stream *s)
{
	const struct conf_pool *pool;
	const struct conf *conf;

	if (!s->route || s->route->pool == SITE_NONE)
		return;
	conf = s->view ? s->view->site->conf : s->shared->conf;
	pool = &conf->pools[s->route->pool];
	a->pool = pool->name;
	if (s->n_attempts)
		a->backend = pool->backends[s->backend].name;
}

static struct access_stream stream_figures(const struct meter *m)
{
	bool is_stated;

	if (!m)
		return (struct access_stream){.is_measured = false};
	return (struct access_stream){
		.is_measured = true,
		.first_event_ns = m->first_event_ns,
		.first_token_ns = m->first_token_ns,
		.first_token_delivered_ns = m->first_token_delivered_ns,
		.gap_most_ns = m->gap_most_ns,
		.per_token_ns = meter_per_token(m, &is_stated),
		.delay_most_ns = m->delay_most_ns,
		.held_most_ns = m->held_most_ns,
		.events = m->n_events,
		.tokens_in = m->tokens_in,
		.tokens_out = m->tokens_out,
		.model = meter_model(m),
	};
}

void stream_note_write(const struct stream *s, enum access_end end, const char *reason)
{
	const struct stream_note *n = s->note;
	const struct stream_client *from = s->from;
	uint64_t now = clock_now_ns();
	struct access_record a;

	if (!n || !s->w->access)
		return;
	a = (struct access_record){
		.start_real_ns = real_ns(s->started_ns, now),
		.start_ns = s->started_ns,
		.connect_ns = s->connected_ns,
		.picked_ns = s->picked_ns,
		.first_byte_ns = s->first_byte_ns,
		.end_ns = now,
		.bytes_in = s->bytes_in,
		.bytes_out = s->bytes_out,
		.method = n->method,
		.host = n->host,
		.target = n->target,
		.user_agent = n->user_agent,
		.referer = n->referer,
		.request_id = n->id,
		.client = from->address,
		.client_port = from->port,
		.status = sent_status(s),
		.minor = n->minor,
		.end = (uint8_t)end,
		.attempts = s->n_attempts,
		.resent = s->n_sent ? s->n_sent - 1 : 0,
		.grpc_status = s->grpc_status,
		.has_grpc_status = s->has_grpc_status,
		.is_reused = s->is_reused,
		.l7 = s->l7->name,
		.protocol = protocol(s),
		.tls_version = from->tls_version,
		.server_name = from->server_name,
		.stream_end = s->stream_end ? meter_end_names[s->stream_end - 1] : NULL,
		.reason = reason,
		.stream = stream_figures(stream_meter_of(s)),
	};
	add_backend(&a, s);
	access_put(s->w->access, &a);
}

static const char *refused_protocol(const struct stream_client *from,
                                    const struct stream_refusal *refusal)
{
	if (refusal->is_grpc)
		return "grpc";
	return from->minor == MESSAGE_HTTP2 ? "h2" : NULL;
}

void stream_note_refused(struct worker *w, const struct stream_client *from,
                         const struct conf_l7 *l7, const struct stream_refusal *refusal)
{
	uint64_t now = clock_now_ns();
	uint64_t start = from->started_ns ? from->started_ns : now;
	struct access_record a = {
		.start_real_ns = real_ns(start, now),
		.start_ns = start,
		.end_ns = now,
		.bytes_out = refusal->bytes_out,
		.client = from->address,
		.client_port = from->port,
		.status = refusal->is_grpc ? 200 : refusal->status,
		.end = (uint8_t)stream_count_end_of(refusal->status),
		.grpc_status = refusal->grpc_status,
		.has_grpc_status = refusal->is_grpc,
		.l7 = l7 ? l7->name : NULL,
		.protocol = refused_protocol(from, refusal),
		.tls_version = from->tls_version,
		.server_name = from->server_name,
		.reason = refusal->reason,
	};

	if (w->access)
		access_put(w->access, &a);
}
