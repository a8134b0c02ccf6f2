// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics_family.h"

#include <stdio.h>
#include <string.h>

#define BY_CODE(prefix)                                                           \
	{                                                                         \
		prefix, "responses", "code", NULL, "responses by class of status" \
	}

const struct metrics_rule metrics_family_service[] = {
	{"connections", "connections_accepted", NULL, NULL, NULL},
	{"connections_refused", "connections_refused", NULL, NULL, NULL},
	{"connections_", "connections", "protocol", NULL,
         "client connections by what they came to speak; websocket: HTTP/1.1 before"},
	{"open_", "active_connections", "protocol", NULL,
         "client connections open now, by what they speak; handshake: not shown yet"},
	{"requests_active", "active_requests", NULL, NULL, NULL},
	BY_CODE("responses_"),
	{"ends_", "requests_ended", "reason", NULL,
         "requests and streams that are over, by why (conf/access.md)"},
	{"streams_stalled", "stalled_streams", NULL, NULL, NULL},
	{"streams_opaque", "opaque_streams", NULL, NULL, NULL},
	{"streams_", "streams", "protocol", NULL, "streams begun: sse, websocket, grpc"},
	{"active_", "active_streams", "protocol", NULL, "streams open now: sse, websocket, grpc"},
	{"stream_ends_", "streams_ended", "reason", NULL, "streams that are over, by why"},
	{"no_first_token_", "no_first_token", "reason", NULL,
         "streams that ended before their first token, by why"},
	{"tokens_in", "tokens", "type", "input", "tokens, where the stream states its usage"},
	{"tokens_out", "tokens", "type", "output", "tokens, where the stream states its usage"},
	{"bytes_in", "request_bytes", NULL, NULL, NULL},
	{"bytes_out", "response_bytes", NULL, NULL, NULL},
	{0},
};

const struct metrics_rule metrics_family_backend[] = {
	{"requests_active", "active_requests", NULL, NULL, NULL},
	{"connections_open", "active_connections", NULL, NULL, NULL},
	BY_CODE("responses_"),
	{"bytes_in", "request_bytes", NULL, NULL, NULL},
	{"bytes_out", "response_bytes", NULL, NULL, NULL},
	{0},
};

const struct metrics_rule metrics_family_worker[] = {
	{"connections_open", "active_connections", NULL, NULL, NULL},
	{"requests_active", "active_requests", NULL, NULL, NULL},
	{"event_streams_active", "active_event_streams", NULL, NULL, NULL},
	{"websockets_active", "active_websockets", NULL, NULL, NULL},
	{"upstream_open", "upstream_active_connections", NULL, NULL, NULL},
	BY_CODE("responses_"),
	{"bytes_in", "request_bytes", NULL, NULL, NULL},
	{"bytes_out", "response_bytes", NULL, NULL, NULL},
	{"buffers", "buffer_bytes", NULL, NULL, NULL},
	{0},
};

const struct metrics_rule metrics_family_model[] = {
	{"active", "active_streams", NULL, NULL, NULL},
	{"tokens_in", "tokens", "type", "input", "tokens, where the stream states its usage"},
	{"tokens_out", "tokens", "type", "output", "tokens, where the stream states its usage"},
	{0},
};

const struct metrics_rule metrics_family_lane[] = {
	{"busy_ns", "busy_seconds", NULL, NULL, NULL},
	{0},
};

// All that a program sees is one of these.
#define BY_CLASS(name)                                                                  \
	{                                                                               \
		name, "packets", "class", name,                                         \
			"packets that the XDP program of a port saw, by what became of" \
			" them (conf/counters.md)"                                      \
	}
const struct metrics_rule metrics_family_port[] = {
	BY_CLASS("passed"),   BY_CLASS("service"),   BY_CLASS("snat"),      BY_CLASS("icmp"),
	BY_CLASS("fragment"), BY_CLASS("malformed"), BY_CLASS("no_socket"), {0},
};

const struct metrics_rule metrics_family_none[] = {{0}};

static bool is_match(const struct metrics_rule *r, const char *name)
{
	size_t n = strlen(r->match);

	return r->match[n - 1] == '_' ? strncmp(name, r->match, n) == 0
	                              : strcmp(name, r->match) == 0;
}

static const struct metrics_rule *find_rule(const struct metrics_rule *rules, const char *name)
{
	for (; rules->match; rules++)
		if (is_match(rules, name))
			return rules;
	return NULL;
}

void metrics_family_of(struct metrics_family *out, const char *prefix, const struct stats_field *f,
                       const struct metrics_rule *rules)
{
	const struct metrics_rule *r = find_rule(rules, f->name);

	*out = (struct metrics_family){
		.help = f->help,
		.is_counter = f->kind == STATS_COUNTER,
		.unit_ns = strcmp(f->unit, "ns") == 0 ? 1 : 0,
	};
	if (r) {
		out->label = r->label;
		out->value = r->value ? r->value : f->name + strlen(r->match);
		out->help = r->help ? r->help : f->help;
	}
	snprintf(out->name, sizeof(out->name), "lb_%s%s%s", prefix, r ? r->name : f->name,
	         out->is_counter ? "_total" : "");
}

// --- times ---

#define US *1000ull
#define MS *1000000ull
#define S *1000000000ull

// As long as connections and streams live.
static const uint64_t long_bounds[] = {10 MS, 100 MS, 500 MS, 1 S,    5 S,    10 S,    30 S,
                                       60 S,  300 S,  600 S,  1000 S, 3000 S, 10000 S, 0};

// As long as an ordinary request takes, on a fast network and behind a slow backend.
static const uint64_t request_bounds[] = {100 US, 250 US, 500 US, 1 MS,   2500 US, 5 MS, 10 MS,
                                          25 MS,  50 MS,  100 MS, 250 MS, 500 MS,  1 S,  2500 MS,
                                          5 S,    10 S,   30 S,   60 S,   0};

// Those of gen_ai.server.time_to_first_token (semantic-conventions-genai, gen-ai-metrics.md), and what lies
// beyond: gateways met first tokens after a minute.
static const uint64_t token_bounds[] = {1 MS,    5 MS,   10 MS,  20 MS,  40 MS, 60 MS,   80 MS,
                                        100 MS,  250 MS, 500 MS, 750 MS, 1 S,   2500 MS, 5 S,
                                        7500 MS, 10 S,   30 S,   60 S,   100 S, 0};

// Those of gen_ai.server.time_per_output_token, and what lies below: fast engines take less than 10 ms.
static const uint64_t gap_bounds[] = {1 MS,   2 MS,   5 MS,   10 MS,   25 MS,  50 MS,
                                      75 MS,  100 MS, 150 MS, 200 MS,  300 MS, 400 MS,
                                      500 MS, 750 MS, 1 S,    2500 MS, 0};

static const uint64_t delay_bounds[] = {5 US, 10 US,   25 US, 50 US, 100 US, 250 US, 500 US,
                                        1 MS, 2500 US, 5 MS,  10 MS, 100 MS, 1 S,    0};

static const struct {
	const char *match; // as in struct metrics_rule
	const uint64_t *bounds;
	struct metrics_rule rule; // its name is the whole one
} times[] = {
	{"time_to_first_token",
         token_bounds,
         {NULL, "gen_ai_server_time_to_first_token_seconds", NULL, NULL, NULL}},
	{"time_per_output_token_",
         gap_bounds,
         {NULL, "gen_ai_server_time_per_output_token_seconds", "source", NULL,
          "first token until the last, divided by the tokens after the first: as usage states "
          "them, or the events"}},
	{"ttft", token_bounds, {0}},
	{"tpot_",
         gap_bounds,
         {NULL, "lb_model_tpot_seconds", "source", NULL,
          "first token until the last, divided by the tokens after the first: as usage states "
          "them, or the events"}},
	{"time_to_first_event", token_bounds, {0}},
	{"ttft_delivered", token_bounds, {0}},
	{"inter_event_gap", gap_bounds, {0}},
	{"stream_duration", long_bounds, {0}},
	{"connection_duration", long_bounds, {0}},
	{"delay_added", delay_bounds, {0}},
	{"delay_client", token_bounds, {0}},
};

static size_t find_time(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		const struct metrics_rule r = {.match = times[i].match};

		if (is_match(&r, name))
			return i;
	}
	return ARRAY_LEN(times);
}

const uint64_t *metrics_family_bounds(const char *time_name)
{
	size_t i = find_time(time_name);

	return i < ARRAY_LEN(times) ? times[i].bounds : request_bounds;
}

void metrics_family_of_time(struct metrics_family *out, const char *prefix,
                            const struct stats_time *f)
{
	size_t i = find_time(f->name);
	const struct metrics_rule *r = i < ARRAY_LEN(times) ? &times[i].rule : NULL;

	*out = (struct metrics_family){.help = f->help, .unit_ns = 1};
	if (r && r->help)
		out->help = r->help;
	if (r && r->label) {
		out->label = r->label;
		out->value = f->name + strlen(times[i].match);
	}
	if (r && r->name)
		snprintf(out->name, sizeof(out->name), "%s", r->name);
	else
		snprintf(out->name, sizeof(out->name), "lb_%s%s_seconds", prefix, f->name);
	out->is_gen_ai = strncmp(out->name, "gen_ai_", strlen("gen_ai_")) == 0;
}

void metrics_family_of_log2(struct metrics_family *out, const char *prefix,
                            const struct stats_log2_field *f)
{
	bool is_us = strcmp(f->unit, "us") == 0, is_ms = strcmp(f->unit, "ms") == 0;

	*out = (struct metrics_family){
		.help = f->help,
		.unit_ns = is_us   ? 1000
	                   : is_ms ? 1000000
	                           : 0,
	};
	snprintf(out->name, sizeof(out->name), "lb_%s%s_%s", prefix, f->name,
	         is_us || is_ms ? "seconds" : f->unit);
}
